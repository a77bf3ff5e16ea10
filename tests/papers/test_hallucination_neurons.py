import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from multiunit.core import Recording
from multiunit.networks.tiny_transformer import TinyTransformer
from multiunit.papers.hallucination_neurons import (
    _answers,
    _auroc,
    _balanced,
    _contributions,
    _own_doubt,
    _shuffled,
    _slope,
)
from multiunit.systems.torch_system import TorchSystem
from multiunit.units.cett import cett
from multiunit.units.hallucination_neurons import hallucination_neurons


def test_smoke_scale_learns_what_it_is_taught_and_makes_up_the_rest(smoke_claim):
    result = smoke_claim("hallucination-neurons")
    assert result.measured["known_right"] > 0.85
    assert result.measured["made_up"] > 0.3
    assert result.measured["n_train"] >= 10
    assert result.measured["own_doubt_auroc"] > 0.75
    assert result.measured["share_of_units"] < 0.05


def responses(rng, n):
    """Two rows a response, half of them wrong; unit 3 grows at wrong answers."""
    wrong = np.repeat(np.arange(n) % 2 == 0, 2)
    region = np.tile(np.array(["answer", "other"], dtype=object), n)
    activity = rng.gamma(4.0, 0.1, size=(2 * n, 20))
    activity[:, 3] += wrong & (region == "answer")
    columns = {"wrong": wrong, "region": region, "sequence_id": np.repeat(np.arange(n), 2)}
    return Recording.from_activity(activity, presentations=columns)


def test_planted_unit_tells_wrong_answers_and_others_do_not():
    rng = np.random.default_rng(0)
    train, test = responses(rng, 100), responses(rng, 200).select(presentations="region == 'answer'")
    selected = hallucination_neurons(contributions=train)["selected"].values
    assert _auroc(train, test, selected) > 0.95
    assert abs(_auroc(train, test, np.arange(20) == 5) - 0.5) < 0.15
    assert _auroc(train, test, np.zeros(20, dtype=bool)) == 0.5


def test_dealt_outcomes_leave_nothing_to_find():
    """Rows of answers alone: where others are there, a planted unit tells answers from them under any outcomes."""
    rng = np.random.default_rng(0)
    answers = (responses(rng, n).select(presentations="region == 'answer'") for n in (100, 200))
    train, test = answers
    shuffled = [_shuffled(train, test, rng) for _ in range(8)]
    assert abs(np.mean(shuffled) - 0.5) < 0.25
    assert np.std(shuffled) > 0


class AlwaysSays(nn.Module):
    """Next-token probabilities that depend on the last token alone."""

    def __init__(self, p):
        super().__init__()
        self.log_p = torch.as_tensor(p).log()

    def forward(self, input_ids):
        return self.log_p[input_ids]


def test_answers_are_drawn_from_the_probabilities():
    p = np.full((4, 4), 1e-12)
    p[2] = [0.7, 0.3, 0.0, 0.0]
    p[0], p[1] = [0.0, 0.0, 0.5, 0.5], [0.0, 0.0, 0.0, 1.0]
    people = pd.DataFrame({"stimulus": [np.array([3, 3, 2])] * 4000})
    drawn = _answers(AlwaysSays(p), people, np.random.default_rng(0))
    assert drawn.shape == (4000, 2)
    assert abs((drawn[:, 0] == 0).mean() - 0.7) < 0.03
    assert (drawn[drawn[:, 0] == 1, 1] == 3).all()
    assert abs((drawn[drawn[:, 0] == 0, 1] == 2).mean() - 0.5) < 0.04


def test_own_doubt_is_the_probability_of_both_parts_of_the_answer():
    p = np.full((5, 5), 0.2)
    p[2] = [0.6, 0.3, 0.05, 0.03, 0.02]
    p[0], p[1] = [0.1, 0.1, 0.1, 0.5, 0.2], [0.02, 0.02, 0.03, 0.9, 0.03]
    said = [[0, 3], [1, 3], [0, 4], [1, 0]]
    judged = pd.DataFrame({"stimulus": [np.array([4, 4, 2])] * 4, "answer": [np.array(a) for a in said]})
    # Probabilities 0.30, 0.27, 0.12, 0.006: of the four pairs of a wrong and a right one, three are in order.
    assert _own_doubt(AlwaysSays(p), judged.assign(wrong=[False, True, False, True])) == pytest.approx(0.75)
    assert _own_doubt(AlwaysSays(p), judged.assign(wrong=[False, False, True, True])) == 1


def test_contributions_are_those_of_the_positions_asked_for():
    rng = np.random.default_rng(0)
    judged = pd.DataFrame(
        {
            "stimulus": list(rng.integers(8, size=(6, 3))),
            "answer": list(rng.integers(8, size=(6, 2))),
            "wrong": [True, False, True, False, False, False],
        }
    )
    balanced = _balanced(judged, rng)
    assert balanced["wrong"].value_counts().to_dict() == {True: 2, False: 2}
    net = TinyTransformer(9, max_positions=6, width=8, n_heads=2, n_layers=1)
    found = _contributions(TorchSystem(net), balanced, (3, 4), 8)
    whole = cett(TorchSystem(net), [np.array([*p, *a, 8]) for p, a in balanced[["stimulus", "answer"]].values])
    at = whole.presentations["position"].isin([3, 4]).to_numpy()
    answer = (found.presentations["region"] == "answer").to_numpy()
    np.testing.assert_allclose(found.activity[answer], whole.activity[at].reshape(4, 2, -1).mean(axis=1), rtol=1e-5)
    assert found.presentations["wrong"][answer].tolist() == balanced["wrong"].tolist()


def test_slope_is_that_of_the_cities_and_not_of_noise():
    """Unit 1 lifts the logit of token 1, a city; unit 2 that of token 2, which is none."""
    net = TinyTransformer(4, max_positions=3, width=4, n_heads=1, n_layers=1, mlp_width=4, tied=False)
    mlp = net.layers[0].mlp
    with torch.no_grad():
        mlp.up.weight.zero_()
        mlp.up.bias.fill_(1.0)
        mlp.down.weight.copy_(torch.eye(4))
        net.head.weight.copy_(torch.eye(4))
    people = pd.DataFrame({"stimulus": [np.array([0, 3, 2])] * 3})
    system, site = TorchSystem(net), "layers.0.mlp.down"
    system.sites(people)
    assert _slope(system, people, [f"{site}/1"], np.array([1])) > 0.05
    assert _slope(system, people, [f"{site}/2"], np.array([1])) < -0.01
    assert _slope(system, people, [], np.array([1])) == pytest.approx(0, abs=1e-12)
