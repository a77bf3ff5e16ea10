import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from multiunit.core import Add, InputError, Replace, Scale
from multiunit.networks import TinyTransformer
from multiunit.statistics import Moments
from multiunit.systems import TorchSystem
from multiunit.systems.attribute import attribute, stream_attributions
from multiunit.systems.gradients import TargetProbability

DOWN = "layers.0.mlp.down"


@pytest.fixture
def transformer():
    return TinyTransformer(12, max_positions=8, width=16, n_heads=2, n_layers=2, mlp_width=20).double()


@pytest.fixture
def prompts():
    rng = np.random.default_rng(0)
    items = [rng.integers(12, size=n) for n in (5, 3, 8, 5, 1)]
    return pd.DataFrame({"stimulus": items, "answer": [1, 2, 3, 4, 5]})


def cnn():
    torch.manual_seed(0)
    head = nn.Sequential(nn.Conv2d(3, 6, 3), nn.Softplus(), nn.Conv2d(6, 5, 3))
    tail = nn.Sequential(nn.Softplus(), nn.Flatten(), nn.Linear(5 * 16, 4))
    return nn.Sequential(*head, *tail).double(), head, tail


def images():
    return pd.DataFrame({"image": list(np.random.default_rng(0).normal(size=(5, 3, 8, 8))), "label": [0, 1, 2, 3, 0]})


def log_answer(logits, sequences, last):
    return TargetProbability(log=True)(logits, sequences, last)


@pytest.mark.parametrize("sites", [DOWN, "layers.0", "layers.*.attention.output"])
def test_integrated_gradients_are_complete_in_ragged_text(transformer, prompts, sites):
    system = TorchSystem(transformer, batch_size=1000)
    # The norm after a residual stream bends most near zero, which takes more steps.
    n_steps = 300 if sites == "layers.0" else 40
    found = attribute(system, prompts, sites, objective=log_answer, method="integrated_gradients", n_steps=n_steps)
    recorded = system.record(prompts, sites)
    pd.testing.assert_frame_equal(found.presentations, recorded.presentations)
    pd.testing.assert_frame_equal(found.units, recorded.units)
    assert found.dataset.attrs["kind"] == "attribution"
    for site in found.units["site"].unique():
        mine = found.select(units=(found.units["site"] == site).to_numpy())
        sums = pd.Series(mine.activity.sum(axis=1)).groupby(found.presentations["sequence_id"].to_numpy()).sum()
        silent = [Scale(list(mine.units.index), gain=0.0)]
        difference = values(system, prompts) - values(system, prompts, silent)
        np.testing.assert_allclose(sums, difference, atol=2e-4 * np.abs(difference).max())
        assert np.abs(difference).min() > 1e-6
    plain = attribute(system, prompts, sites, objective=log_answer)
    assert not np.allclose(plain.activity, found.activity, rtol=1e-3)


def values(system, prompts, edits=()):
    with system.edited(edits) as module, torch.no_grad():
        items = zip(prompts["stimulus"], prompts["answer"], strict=True)
        return np.array([float(module(torch.as_tensor(i)[None])[0, -1].log_softmax(0)[a]) for i, a in items])


def test_the_error_falls_as_the_square_of_the_steps(transformer, prompts):
    for part in transformer.parameters():
        part.data *= 3
    system = TorchSystem(transformer)
    difference = values(system, prompts) - values(system, prompts, [Scale([f"{DOWN}/{j}" for j in range(20)], gain=0)])
    errors = []
    for n_steps in (10, 20):
        found = attribute(system, prompts, DOWN, objective=log_answer, method="integrated_gradients", n_steps=n_steps)
        sums = pd.Series(found.activity.sum(axis=1)).groupby(found.presentations["sequence_id"].to_numpy()).sum()
        errors.append(np.abs(sums - difference).max())
    assert errors[0] > 3.5 * errors[1] > 1e-12


def test_a_baseline_by_unit_and_edits(transformer, prompts):
    system = TorchSystem(transformer)
    mean = system.record(prompts, DOWN).activity.mean(axis=0)
    names = [f"{DOWN}/{j}" for j in range(20)]
    edits = [Add("layers.0", np.ones(16), 0.3)]
    options = {"method": "integrated_gradients", "n_steps": 50, "edits": edits}
    found = attribute(
        system, prompts, DOWN, objective=log_answer, baseline=dict(zip(names, mean, strict=True)), **options
    )
    sums = pd.Series(found.activity.sum(axis=1)).groupby(found.presentations["sequence_id"].to_numpy()).sum()
    held = [Scale(names, gain=0.0), Add(DOWN, mean)]
    difference = values(system, prompts, edits) - values(system, prompts, [*edits, *held])
    np.testing.assert_allclose(sums, difference, atol=2e-4 * np.abs(difference).max())
    with pytest.raises(InputError, match=f"{DOWN}/3"):
        attribute(system, prompts, DOWN, objective=log_answer, baseline={n: 0.0 for n in names if n != names[3]})


def test_only_some_positions(transformer, prompts):
    system = TorchSystem(transformer, batch_size=1000)
    found = attribute(
        system, prompts, DOWN, objective=log_answer, method="integrated_gradients", n_steps=50, positions=[-1]
    )
    table = found.presentations
    last = (table.groupby("sequence_id")["position"].transform("max") == table["position"]).to_numpy()
    assert (found.activity[~last] == 0).all()

    def silent(a, length):
        a = a.clone()
        a[:, length - 1] = 0
        return a

    for row in range(len(prompts)):
        one, length = prompts.iloc[[row]], len(prompts["stimulus"][row])
        edits = [Replace(DOWN, lambda a, length=length: silent(a, length))]
        difference = values(system, one)[0] - values(system, one, edits)[0]
        mine = found.activity[(table["sequence_id"] == row).to_numpy() & last].sum()
        np.testing.assert_allclose(mine, difference, rtol=1e-3, atol=1e-6)


def test_the_stream_gives_the_same_to_statistics(transformer, prompts):
    system = TorchSystem(transformer, batch_size=12)
    moments = Moments()
    for batch in stream_attributions(system, prompts, DOWN, objective=log_answer):
        moments.update(batch.activity[DOWN], batch.presentations)
    kept = attribute(system, prompts, DOWN, objective=log_answer)
    np.testing.assert_allclose(moments.result()["mean"].values, kept.activity.mean(axis=0), atol=1e-12)


@pytest.mark.parametrize("pool", ["mean", "max", "last"])
def test_pooling_adds_attributions(transformer, prompts, pool):
    whole = attribute(TorchSystem(transformer), prompts, DOWN, objective=log_answer)
    pooled = attribute(TorchSystem(transformer, pool=pool), prompts, DOWN, objective=log_answer)
    sums = pd.DataFrame(whole.activity).groupby(whole.presentations["sequence_id"].to_numpy()).sum()
    np.testing.assert_allclose(pooled.activity, sums, atol=1e-12)


def test_nothing_is_left_behind(transformer, prompts):
    transformer.train()
    attribute(TorchSystem(transformer), prompts, DOWN, objective=log_answer, method="integrated_gradients", n_steps=2)
    assert transformer.training
    assert all(p.requires_grad and p.grad is None for p in transformer.parameters())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in transformer.modules())


def test_errors_name_what_is_wrong(transformer, prompts):
    system = TorchSystem(transformer)
    for options in ({"method": "guess"}, {"method": "integrated_gradients", "n_steps": 0}):
        with pytest.raises(InputError, match=next(reversed(options))):
            attribute(system, prompts, DOWN, objective=log_answer, **options)
