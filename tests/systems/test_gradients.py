import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from multiunit.core import Ablate, Clamp, InputError, Replace, Scale, SiteError
from multiunit.networks import TinyTransformer
from multiunit.systems import TorchSystem
from multiunit.systems.gradients import LogitDifference, TargetProbability, differentiate

DOWN = "layers.*.mlp.down"


@pytest.fixture
def transformer():
    net = TinyTransformer(12, max_positions=8, width=16, n_heads=2, n_layers=2, mlp_width=20)
    return net.double()


@pytest.fixture
def prompts():
    rng = np.random.default_rng(0)
    items = [rng.integers(12, size=n) for n in (5, 3, 8, 5, 1)]
    return pd.DataFrame({"stimulus": items, "answer": [1, 2, 3, 4, 5], "foil": [0, 0, 0, 0, 1]})


def joined(system, stimuli, sites, **options):
    """Activity and gradient of all batches in the order of the stimuli, and the value of each sequence."""
    parts = list(differentiate(system, stimuli, sites, **options))
    table = pd.concat([part.presentations for part in parts], ignore_index=True)
    order = np.lexsort((table["position"], table["sequence_id"]))
    activity, gradient = (
        {site: torch.cat([getattr(part, name)[site] for part in parts])[order] for site in parts[0].activity}
        for name in ("activity", "gradient")
    )
    first = np.concatenate([part.presentations["sequence_id"].unique() for part in parts])
    return activity, gradient, torch.cat([part.value for part in parts])[np.argsort(first)], table.iloc[order]


def by_finite_differences(system, stimuli, unit, objective, *, edits=(), step=1e-6):
    """d objective / d (the unit at every position of the sequence together), one number a sequence."""
    site, _, index = unit.rpartition("/")
    values = []
    for sign in (1, -1):
        moved = Replace(site, lambda a, sign=sign: a + sign * step * torch.eye(a.shape[-1], dtype=a.dtype)[int(index)])
        values.append(joined(system, stimuli, site, objective=objective, edits=[*edits, moved])[2])
    return ((values[0] - values[1]) / (2 * step)).numpy()


@pytest.mark.parametrize("objective", [TargetProbability(), TargetProbability(log=True), LogitDifference()])
@pytest.mark.parametrize("edits", [[], [Scale(["layers.0.mlp.down/3"], gain=3.0), Clamp(["layers.1.mlp.down/2"])]])
def test_gradient_is_the_slope_by_finite_differences_in_ragged_text(transformer, prompts, objective, edits):
    system = TorchSystem(transformer, batch_size=1000)
    _, gradient, _, table = joined(system, prompts, DOWN, objective=objective, edits=edits)
    for unit in ("layers.0.mlp.down/3", "layers.1.mlp.down/7"):
        site, _, index = unit.rpartition("/")
        summed = pd.Series(gradient[site][:, int(index)].numpy()).groupby(table["sequence_id"].to_numpy()).sum()
        slope = by_finite_differences(system, prompts, unit, objective, edits=edits)
        np.testing.assert_allclose(summed, slope, rtol=1e-5, atol=1e-9)
        assert np.abs(slope).max() > 1e-7


def test_padding_is_never_counted_and_changes_nothing(transformer, prompts):
    together = joined(TorchSystem(transformer, batch_size=1000), prompts, "*", objective=TargetProbability())
    alone = joined(TorchSystem(transformer, batch_size=1), prompts, "*", objective=TargetProbability())
    assert len(together[3]) == sum(map(len, prompts["stimulus"]))
    for site in together[1]:
        for kind in (0, 1):
            torch.testing.assert_close(together[kind][site], alone[kind][site], atol=1e-12, rtol=1e-9)
    torch.testing.assert_close(together[2], alone[2])
    pd.testing.assert_frame_equal(together[3].reset_index(drop=True), alone[3].reset_index(drop=True))


def test_activity_and_presentations_are_those_of_the_stream(transformer, prompts):
    system = TorchSystem(transformer, batch_size=12)
    edits = [Ablate(["layers.0.mlp.down/1"])]
    streamed = list(system.stream(prompts, "*", edits=edits, stop_early=False))
    found = list(differentiate(system, prompts, "*", objective=TargetProbability(), edits=edits))
    assert len(streamed) == len(found) > 1
    for one, other in zip(streamed, found, strict=True):
        pd.testing.assert_frame_equal(one.presentations, other.presentations)
        for site in one.activity:
            torch.testing.assert_close(one.activity[site], other.activity[site], atol=1e-12, rtol=1e-12)
    assert (found[0].activity["layers.0.mlp.down"][:, 1] == 0).all()


def test_no_trace_is_left_even_while_the_generator_waits(transformer, prompts):
    transformer.train()
    transformer.head.weight.requires_grad_(False)
    needed = [p.requires_grad for p in transformer.parameters()]
    with torch.no_grad():
        stream = differentiate(TorchSystem(transformer, batch_size=5), prompts, DOWN, objective=TargetProbability())
        next(stream)
        assert not torch.is_grad_enabled()
        assert [p.requires_grad for p in transformer.parameters()] == needed
        assert transformer.training
        assert not any(m._forward_hooks or m._forward_pre_hooks for m in transformer.modules())
        list(stream)
    with pytest.raises(ZeroDivisionError):
        list(differentiate(TorchSystem(transformer), prompts, DOWN, objective=lambda *_: 1 / 0))
    assert [p.requires_grad for p in transformer.parameters()] == needed
    assert all(p.grad is None for p in transformer.parameters())
    assert transformer.training
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in transformer.modules())


def test_the_caller_may_stand_in_inference_mode(transformer, prompts):
    with torch.inference_mode():
        inside = joined(TorchSystem(transformer), prompts, DOWN, objective=TargetProbability())
    outside = joined(TorchSystem(transformer), prompts, DOWN, objective=TargetProbability())
    for site, gradient in outside[1].items():
        torch.testing.assert_close(inside[1][site].clone(), gradient)


@pytest.mark.parametrize("inplace", [False, True])
def test_images_pool_the_gradient_as_they_pool_the_activity(inplace):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(inplace=inplace), nn.Flatten(), nn.Linear(6 * 16, 4)).double()
    images = np.random.default_rng(0).normal(size=(5, 3, 6, 6))
    stimuli = pd.DataFrame({"image": list(images), "label": [0, 1, 2, 3, 0]})
    objective = TargetProbability("label")
    found = next(differentiate(TorchSystem(net), stimuli, "0", objective=objective))
    a = net[0](torch.as_tensor(images)).detach().requires_grad_()
    p = net[3](torch.relu(a).flatten(1)).softmax(1)[range(5), stimuli["label"].tolist()]
    (g,) = torch.autograd.grad(p.sum(), a)
    torch.testing.assert_close(found.activity["0"], a.detach().mean((2, 3)))
    torch.testing.assert_close(found.gradient["0"], g.sum((2, 3)))
    torch.testing.assert_close(found.value, p.detach())
    found = next(differentiate(TorchSystem(net, pool="max"), stimuli, "0", objective=objective))
    flat, where = a.detach().flatten(2), a.detach().flatten(2).argmax(2, keepdim=True)
    torch.testing.assert_close(found.activity["0"], flat.amax(2))
    torch.testing.assert_close(found.gradient["0"], g.flatten(2).gather(2, where)[..., 0])


@pytest.mark.parametrize("pool", ["mean", "max", "last"])
def test_pooled_tokens(transformer, prompts, pool):
    whole = joined(TorchSystem(transformer), prompts, DOWN, objective=TargetProbability())
    pooled = joined(TorchSystem(transformer, pool=pool), prompts, DOWN, objective=TargetProbability())
    sequence = whole[3]["sequence_id"].to_numpy()
    for site, gradient in whole[1].items():
        for row in range(len(prompts)):
            mine, activity = gradient[sequence == row], whole[0][site][sequence == row]
            expected = {
                "mean": mine.sum(0),
                "last": mine[-1],
                "max": mine.gather(0, activity.argmax(0, keepdim=True))[0],
            }
            torch.testing.assert_close(pooled[1][site][row], expected[pool])


def test_a_hugging_face_model_gives_its_logits(prompts):
    transformers = pytest.importorskip("transformers", reason="needs the extra hf")
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2, vocab_size=12,
        num_key_value_heads=1, max_position_embeddings=16,
    )  # fmt: skip
    model = transformers.LlamaForCausalLM(config).double().eval()
    system = TorchSystem(model, batch_size=1000)
    _, _, value, _ = joined(system, prompts, "*.down_proj", objective=TargetProbability())
    for row, (ids, answer) in enumerate(zip(prompts["stimulus"], prompts["answer"], strict=True)):
        with torch.no_grad():
            p = model(input_ids=torch.as_tensor(ids)[None]).logits[0, -1].softmax(-1)[answer]
        torch.testing.assert_close(value[row], p, check_dtype=False, rtol=1e-5, atol=1e-7)
    # Its norms run in single precision, which bounds what differences can tell.
    unit = "model.layers.0.mlp.down_proj/3"
    slope = by_finite_differences(system, prompts, unit, TargetProbability(), step=1e-2)
    _, gradient, _, table = joined(system, prompts, "*.0.mlp.down_proj", objective=TargetProbability())
    mine = pd.Series(gradient["model.layers.0.mlp.down_proj"][:, 3].numpy())
    np.testing.assert_allclose(mine.groupby(table["sequence_id"].to_numpy()).sum(), slope, rtol=1e-2, atol=5e-5)


def test_recurrent_layers_and_repeated_calls():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.recurrent, self.read = nn.GRU(3, 4, batch_first=True), nn.Linear(4, 4)

        def forward(self, x):
            return self.read(torch.tanh(self.read(self.recurrent(x)[0]))).mean(1)

    torch.manual_seed(0)
    net = Twice().double()
    x = np.random.default_rng(0).normal(size=(2, 5, 3))
    found = next(differentiate(TorchSystem(net), x, "*", objective=lambda output, *_: output[:, 0] ** 2))
    assert list(found.gradient) == ["recurrent", "read", "read@1"]
    once = net.read(net.recurrent(torch.as_tensor(x))[0]).detach().requires_grad_()
    value = net.read(torch.tanh(once)).mean(1)[:, 0] ** 2
    torch.testing.assert_close(found.gradient["read"], torch.autograd.grad(value.sum(), once)[0].sum(1))


def test_a_site_that_the_objective_does_not_see_has_gradient_zero(prompts):
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    stimuli = np.ones((2, 3), dtype="float32")
    found = next(differentiate(TorchSystem(net), stimuli, "*", objective=lambda output, *_: output[:, 0]))
    assert (found.gradient["2"][:, 1] == 0).all()
    assert (found.gradient["2"][:, 0] == 1).all()


def test_errors_name_what_is_wrong(transformer, prompts):
    system = TorchSystem(transformer)
    for objective, word in [
        (TargetProbability("nowhere"), "nowhere"),
        (TargetProbability("stimulus_id", log=True), None),
        (lambda output, *_: output.mean(), "objective"),
        (lambda output, *_: torch.zeros(len(output)), "does not depend"),
        (lambda *_: None, "objective"),
    ]:
        if word is None:
            assert list(differentiate(system, prompts, DOWN, objective=objective))
            continue
        with pytest.raises(InputError, match=word):
            list(differentiate(system, prompts, DOWN, objective=objective))
    for answer in (1.5, 99, -1):
        with pytest.raises(InputError, match="whole and below 12"):
            list(differentiate(system, prompts.assign(answer=answer), DOWN, objective=TargetProbability()))
    with pytest.raises(SiteError):
        list(differentiate(system, prompts, "nowhere", objective=TargetProbability()))
