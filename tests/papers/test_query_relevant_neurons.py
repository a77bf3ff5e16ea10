import numpy as np
import pandas as pd
import pytest
import torch

from multiunit.networks.tiny_transformer import TinyTransformer
from multiunit.papers.query_relevant_neurons import _answers, _explained, _highest, _probability, _ratio
from multiunit.systems.torch_system import TorchSystem


def test_smoke_scale_runs_and_gives_every_number(smoke_claim):
    result = smoke_claim("query-relevant-neurons")
    assert 0 < result.measured["units_a_query"] <= 10
    assert all(np.isfinite(value) for value in [*result.measured.values(), *result.control.values()])
    # It has hardly been trained: the card must not hold.
    assert result.measured["accuracy"] < 0.6
    assert not result.holds


def planted():
    """One query a token: unit k is on after token k, hardly after others, and lifts the letter that is its answer."""
    n = 6
    net = TinyTransformer(
        n, max_positions=2, width=n, n_heads=1, n_layers=1, mlp_width=n, activation="relu", tied=False
    )
    block = net.layers[0]
    with torch.no_grad():
        net.token_embedding.weight.copy_(4 * torch.eye(n))
        net.position_embedding.weight.zero_()
        for part in (block.attention.output.weight, block.attention.output.bias):
            part.zero_()
        # Other tokens reach -0.447 here: a unit whispers after them, so that no ratio is infinite.
        block.mlp.up.bias.fill_(0.45)
        block.mlp.up.weight.copy_(torch.eye(n))
        block.mlp.down.weight.copy_(8 * torch.roll(torch.eye(n), 1, dims=0))
        net.head.weight.copy_(torch.eye(n))
    tokens = np.repeat(np.arange(n), 2)
    prompts = pd.DataFrame(
        {
            "stimulus": [np.array([0, token]) for token in tokens],
            "answer": (tokens + 1) % n,
            "query": [f"d{token % 2}/{token}" for token in tokens],
            "domain": [f"d{token % 2}" for token in tokens],
        }
    )
    system = TorchSystem(net)
    names = np.array([f"d{token % 2}/{token}" for token in range(n)], dtype=object)
    return system, prompts, names, np.array(list(system.record(prompts, "layers.0.mlp.down").units.index), dtype=object)


def test_the_ratio_is_large_for_a_querys_own_unit_and_1_where_all_suffer_alike():
    system, prompts, names, units = planted()
    assert (_answers(system, prompts) == prompts["answer"]).all()
    intact = _probability(system, prompts)
    own, size = _ratio(system, prompts, names, units, np.eye(6, dtype=bool), intact, 0.0)
    other, _ = _ratio(system, prompts, names, units, np.roll(np.eye(6, dtype=bool), 3, axis=0), intact, 0.0)
    assert own > 100
    assert size > 0.5
    assert other < 0.01
    every, _ = _ratio(system, prompts, names, units, np.ones((6, 6), dtype=bool), intact, 0.0)
    assert every == pytest.approx(1, abs=0.01)


def test_the_ratio_by_hand_with_queries_left_out():
    system, prompts, names, units = planted()
    asked = prompts[prompts["query"] != names[0]].reset_index(drop=True)
    chosen = np.eye(6, dtype=bool)
    chosen[:, 5] = False
    intact = _probability(system, asked)
    ratio, size = _ratio(system, asked, names, units, chosen, intact, 2.0)
    own, others = [], []
    for query in (1, 2, 3, 4):
        net, down = system.module, system.module.layers[0].mlp.down
        with torch.no_grad():
            down.weight[:, query] *= 2
            p = net(torch.as_tensor(np.stack(list(asked["stimulus"]))))[:, -1].softmax(1).numpy()
            down.weight[:, query] /= 2
        change = p[np.arange(len(p)), asked["answer"]] / intact - 1
        mine, away = asked["query"] == names[query], asked["domain"] != names[query][:2]
        own.append(abs(change[mine].mean()))
        others.append(np.mean([abs(change[asked["query"] == q].mean()) for q in asked["query"][away].unique()]))
    assert size == pytest.approx(np.mean(own), rel=1e-5)
    assert ratio == pytest.approx(np.mean(own) / np.mean(others), rel=1e-3)
    assert np.isnan(_ratio(system, asked, names, units, np.zeros((6, 6), dtype=bool), intact, 0.0)).all()


def test_as_many_of_the_highest_as_asked_for():
    values = np.array([[3.0, 0.0], [1.0, 5.0], [2.0, 1.0]])
    assert _highest(values, np.array([2, 1])).tolist() == [[True, False], [False, True], [True, False]]


def test_explained_by_domain():
    domain = np.array(["a", "a", "b", "b"])
    assert _explained(np.array([[1, 1, 0, 0], [0, 0, 1, 1]], dtype=bool), domain) == 1
    assert _explained(np.array([[1, 0, 1, 0]], dtype=bool), domain) == 0
    # Means 1/2 and 0 about 1/4: 4 x 1/16 of a total of 3/4.
    assert _explained(np.array([[1, 0, 0, 0]], dtype=bool), domain) == pytest.approx(1 / 3)
