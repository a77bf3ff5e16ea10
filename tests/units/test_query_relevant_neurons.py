import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr

from multiunit.core import InputError
from multiunit.networks import TinyTransformer
from multiunit.systems import TorchSystem
from multiunit.systems.attribute import attribute
from multiunit.systems.gradients import TargetProbability
from multiunit.units.query_relevant_neurons import coarse, query_attribution, query_relevant_neurons, query_scores


@pytest.fixture
def prompts():
    rng = np.random.default_rng(0)
    items = [rng.integers(12, size=n) for n in (5, 3, 8, 5, 1, 4)]
    return pd.DataFrame({"stimulus": items, "answer": [1, 2, 3, 4, 5, 6], "query": ["b", "a", "b", "a", "c", "c"]})


@pytest.fixture
def system():
    net = TinyTransformer(12, max_positions=8, width=16, n_heads=2, n_layers=2, mlp_width=20).double()
    return TorchSystem(net, batch_size=16)


def test_attribution_is_that_of_the_last_position_summed_over_prompts(system, prompts):
    found = query_attribution(system, prompts, n_steps=8)
    sites = ["layers.0.mlp.down", "layers.1.mlp.down"]
    options = {"objective": TargetProbability(), "method": "integrated_gradients", "n_steps": 8}
    whole = attribute(system, prompts, sites, positions=[-1], **options)
    table = whole.presentations
    last = (table.groupby("sequence_id")["position"].transform("max") == table["position"]).to_numpy()
    kept = coarse(whole.activity[last])
    assert found["unit_id"].values.tolist() == whole.units.index.tolist()
    recorded = system.record(prompts, sites).activity[last]
    for query in "abc":
        mine = (prompts["query"] == query).to_numpy()
        np.testing.assert_allclose(found["attribution"].sel(group=query), kept[mine].sum(axis=0), rtol=1e-5, atol=1e-12)
        np.testing.assert_allclose(found["activity"].sel(group=query), recorded[mine].mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(found["mean_activity"], recorded.mean(axis=0), rtol=1e-6)
    assert 0 < (found["attribution"].values > 0).mean() < 0.6
    query_relevant_neurons(attribution=found)


def test_a_unit_wired_to_one_answer_is_found():
    """Down weights write answers straight into the logits: unit k of the layer lifts token k, unit 0 lifts them all."""
    net = TinyTransformer(
        8, max_positions=4, width=8, n_heads=1, n_layers=1, mlp_width=8, activation="relu", tied=False
    )
    with torch.no_grad():
        net.head.weight.copy_(torch.eye(8))
        mlp = net.layers[0].mlp
        mlp.up.weight.zero_()
        mlp.up.bias.fill_(1.0)
        mlp.down.weight.copy_(4 * torch.eye(8))
        mlp.down.weight[1:6, 0] = 4.0
    rng = np.random.default_rng(0)
    prompts = pd.DataFrame(
        {
            "stimulus": list(rng.integers(8, size=(20, 4))),
            "answer": np.repeat([1, 2, 3, 4, 5], 4),
            "query": np.repeat(list("abcde"), 4),
        }
    )
    found = query_attribution(TorchSystem(net), prompts)
    answer = query_relevant_neurons(attribution=found)
    for number, query in enumerate("abcde", start=1):
        assert answer["score"].sel(label=query).values.argmax() == number
        assert answer["selected"].sel(label=query).values[number]
    assert not answer["selected"].values[0].any()


def test_rare_units_win_and_common_ones_are_taken_out_after_the_choice():
    values = np.zeros((6, 10))
    values[0] = 5.0
    values[1, :4] = 3.0
    values[2, 0] = values[3, 0] = 1.0
    values[5, 1:] = 0.01
    score = query_scores(values)
    assert score[0, 0] < 0 < score[1, 0]
    np.testing.assert_allclose(score[1, 0], 3 / 10 * np.log(10 / 5))
    np.testing.assert_allclose(score[2, 0], 1 / 10 * np.log(10 / 2))
    ids = {"unit_id": ("unit", [f"a/{j}" for j in range(6)]), "site": ("unit", ["a"] * 6)}
    data = {"attribution": (("unit", "group"), values), "mean_activity": ("unit", np.zeros(6))}
    dataset = xr.Dataset(data, {**ids, "group": [f"q{k}" for k in range(10)]})
    chosen = query_relevant_neurons(attribution=dataset, top=2)["selected"].sel(label="q0").values
    # The best two are unit 1, which more than 30 % of the queries share, and the first of the two equals.
    assert np.flatnonzero(chosen).tolist() == [2]
    chosen = query_relevant_neurons(attribution=dataset, top=3, common=0.4)["selected"].sel(label="q0").values
    assert np.flatnonzero(chosen).tolist() == [1, 2, 3]


def test_in_a_gated_mlp_attribution_to_the_gated_activity_is_that_to_what_the_gate_multiplies(prompts):
    """The authors scale the output of the up projection, the gate being held: f dP/df = a dP/da for a = gate f."""
    transformers = pytest.importorskip("transformers", reason="needs the extra hf")
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        hidden_size=16, intermediate_size=24, num_hidden_layers=1, num_attention_heads=2, vocab_size=12,
        num_key_value_heads=1, max_position_embeddings=16,
    )  # fmt: skip
    model = transformers.LlamaForCausalLM(config).eval()
    found = query_attribution(TorchSystem(model), prompts.iloc[:1], threshold=0.0, n_steps=4)
    up, ids = model.model.layers[0].mlp.up_proj, torch.as_tensor(prompts["stimulus"][0])[None]
    kept = {}
    handle = up.register_forward_hook(lambda _, __, out: kept.update(f=out.detach()[:, -1]))
    model(ids)
    handle.remove()
    slope = torch.zeros_like(kept["f"])
    for step in range(4):
        scaled = ((step + 0.5) / 4 * kept["f"]).requires_grad_()
        handle = up.register_forward_hook(lambda _, __, out, new=scaled: torch.cat([out[:, :-1], new[:, None]], dim=1))
        p = model(ids).logits[0, -1].softmax(0)[prompts["answer"][0]]
        handle.remove()
        slope += torch.autograd.grad(p, scaled)[0] / 4
    theirs = (kept["f"] * slope)[0].clamp(min=0)
    np.testing.assert_allclose(
        found["attribution"].values[:, 0], theirs, rtol=1e-3, atol=1e-8 + 1e-4 * float(theirs.max())
    )
    assert (theirs > 0).sum() > 3


def test_errors_name_what_is_wrong(system, prompts):
    with pytest.raises(InputError, match="by='subject'"):
        query_attribution(system, prompts, by="subject")
    with pytest.raises(InputError, match="window"):
        query_attribution(TorchSystem(system.module, window=4), prompts)
    net = torch.nn.Sequential(torch.nn.Embedding(12, 4), torch.nn.Linear(4, 12))
    with pytest.raises(InputError, match="MLP neurons"):
        query_attribution(TorchSystem(net), prompts)
    with pytest.raises(InputError, match="threshold"):
        coarse(np.zeros((1, 2)), threshold=1.0)
    for broken in (np.array([[1.0, np.nan]]), np.zeros((2, 0)), np.zeros(3)):
        with pytest.raises(InputError, match="attribution"):
            coarse(broken)
    with pytest.raises(InputError, match="negative"):
        query_scores(np.array([[1.0], [-1.0]]))
    found = query_attribution(system, prompts, n_steps=2)
    for options, word in (({"top": 0}, "top"), ({"common": 0.0}, "common")):
        with pytest.raises(InputError, match=word):
            query_relevant_neurons(attribution=found, **options)
    with pytest.raises(InputError, match="1 queries"):
        query_relevant_neurons(attribution=found.isel(group=[0]))
