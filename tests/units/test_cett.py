import numpy as np
import pandas as pd
import pytest
import torch

from multiunit.core import Ablate, InputError, SiteError
from multiunit.networks import TinyTransformer
from multiunit.systems import TorchSystem
from multiunit.units.cett import cett, contribution, stream_cett


@pytest.fixture
def texts():
    rng = np.random.default_rng(0)
    items = [rng.integers(12, size=n) for n in (5, 3, 8, 5, 2)]
    return pd.DataFrame({"stimulus": items, "answer_from": [3, 2, 5, 1, 1], "topic": list("abcab")})


def transformer():
    return TinyTransformer(12, max_positions=8, width=16, n_heads=2, n_layers=2, mlp_width=20, activation="relu")


def answer(table):
    return np.where(table["position"] >= table["answer_from"], "answer", "other")


def test_contribution_is_the_norm_of_each_vector_beside_that_of_their_sum():
    rng = np.random.default_rng(0)
    z, w, b = (torch.as_tensor(rng.normal(size=s)) for s in ((7, 5), (5, 3), 3))
    expected = np.empty((7, 5))
    for t in range(7):
        own = z[t, :, None] * w
        expected[t] = own.norm(dim=1) / (own.sum(0) + b).norm()
    np.testing.assert_allclose(contribution(z, w, bias=b), expected)
    assert contribution(z.half(), w.half()).dtype == torch.float32
    with pytest.raises(InputError, match="weight"):
        contribution(z, w.T)


def test_tokens_in_ragged_text_are_those_of_each_text_alone(texts):
    net = transformer()
    net.layers[1].mlp.down.bias.data.normal_(generator=torch.Generator().manual_seed(0))
    system = TorchSystem(net, batch_size=1000)
    found = cett(system, texts)
    recorded = system.record(texts, "layers.*.mlp.down")
    pd.testing.assert_frame_equal(found.presentations, recorded.presentations)
    pd.testing.assert_frame_equal(found.units, recorded.units)
    for site, down in (("layers.0.mlp.down", net.layers[0].mlp.down), ("layers.1.mlp.down", net.layers[1].mlp.down)):
        mine = (found.units["site"] == site).to_numpy()
        z = torch.as_tensor(recorded.activity[:, mine])
        with torch.no_grad():
            expected = z.abs() * down.weight.norm(dim=0) / down(z).norm(dim=1, keepdim=True)
        np.testing.assert_allclose(found.activity[:, mine], expected, rtol=1e-5, atol=1e-7)


def test_regions_are_means_over_their_tokens(texts):
    system = TorchSystem(transformer(), batch_size=12)
    whole, parts = cett(system, texts), cett(system, texts, region=answer)
    table = whole.presentations
    mark = answer(table)
    for row, (sequence, label) in enumerate(parts.presentations[["sequence_id", "region"]].values):
        mine = (table["sequence_id"] == sequence).to_numpy() & (mark == label)
        np.testing.assert_allclose(parts.activity[row], whole.activity[mine].mean(axis=0), rtol=1e-5, atol=1e-7)
        assert parts.presentations["n_tokens"].iloc[row] == mine.sum()
    assert len(parts.presentations) == 2 * len(texts)
    assert parts.presentations["topic"].tolist() == [topic for topic in "abcab" for _ in "12"]
    some = cett(system, texts, region=lambda t: np.where(t["position"] == 0, "first", None))
    assert (some.presentations["region"] == "first").all()
    assert len(some.presentations) == len(texts)
    with pytest.raises(InputError, match="region"):
        cett(system, texts, region=lambda t: ["a"])
    with pytest.raises(InputError, match="no presentation"):
        cett(system, texts, region=lambda t: [None] * len(t))


def test_edits_act_first(texts):
    system = TorchSystem(transformer())
    found = cett(system, texts, edits=[Ablate(["layers.0.mlp.down/3"])])
    plain = cett(system, texts)
    assert (found.select(units=["layers.0.mlp.down/3"]).activity == 0).all()
    assert (plain.select(units=["layers.0.mlp.down/3"]).activity > 0).any()
    # The other units of the layer stand beside a smaller sum.
    assert not np.allclose(found.activity[:, 4:20], plain.activity[:, 4:20])


def test_gpt2_keeps_its_weight_the_other_way_round(texts):
    transformers = pytest.importorskip("transformers", reason="needs the extra hf")
    torch.manual_seed(0)
    config = transformers.GPT2Config(n_embd=16, n_inner=24, n_layer=1, n_head=2, vocab_size=12, n_positions=8)
    model = transformers.GPT2LMHeadModel(config).eval()
    system = TorchSystem(model)
    found = cett(system, texts)
    z = torch.as_tensor(system.record(texts, "*.mlp.c_proj").activity)
    part = model.transformer.h[0].mlp.c_proj
    with torch.no_grad():
        expected = z.abs() * part.weight.norm(dim=1) / part(z).norm(dim=1, keepdim=True)
    np.testing.assert_allclose(found.activity, expected, rtol=1e-4, atol=1e-6)


def test_errors_name_what_is_wrong(texts):
    with pytest.raises(SiteError, match="no MLP neurons"):
        cett(TorchSystem(transformer()), texts, "layers.0")
    with pytest.raises(InputError, match="single tokens"):
        list(stream_cett(TorchSystem(transformer(), pool="mean"), texts))
