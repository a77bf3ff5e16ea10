import numpy as np
import pytest
import torch

from multiunit.core.errors import InputError
from multiunit.networks.first_spike_layer import FirstSpikeLayer


def drawn(seed=0, n=6, n_in=12, n_out=8):
    rng = np.random.default_rng(seed)
    t = np.where(rng.random((n, n_in)) < 0.2, np.inf, rng.uniform(0, 2, (n, n_in)))
    layer = FirstSpikeLayer(n_in, n_out, first_sum=2.0, random_state=seed).double()
    return t, layer


def test_spikes_are_where_an_integrated_potential_passes_1():
    t, layer = drawn()
    found = layer(torch.tensor(np.exp(t))).detach().log().numpy()
    dt = 1e-4
    v, times = np.zeros((6, 8)), np.full((6, 8), np.inf)
    w = layer.weight.detach().numpy()
    for now in np.arange(dt / 2, 12, dt):
        v += dt * (np.exp(-np.maximum(now - t, 0)) * (t <= now)) @ w
        times[(v >= 1) & np.isinf(times)] = now
    assert np.isinf(times).any()
    assert (times < 4).mean() > 0.3
    assert ((found > 11) == np.isinf(times)).all()
    both = times < 4  # later the potential is so flat that the steps are too coarse
    assert np.allclose(found[both], times[both], atol=5e-3)


def test_gradients_are_those_of_differences():
    t, layer = drawn(1)
    z = torch.tensor(np.exp(t)).requires_grad_()
    out = layer(z)
    kept = torch.isfinite(out) & (out < 100)
    assert kept.float().mean() > 0.3
    factor = torch.randn(out.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def total(at, weight):
        return (torch.func.functional_call(layer, {"weight": weight}, at)[kept] * factor[kept]).sum()

    to_z, to_weight = torch.autograd.grad(total(z, layer.weight), (z, layer.weight))
    for value, slopes in ((z, to_z), (layer.weight, to_weight)):
        for place in np.ndindex(*value.shape):
            if not torch.isfinite(value[place]):
                assert slopes[place] == 0
                continue
            ends = []
            for sign in (1, -1):
                moved = value.detach().clone()
                moved[place] += sign * 1e-6
                ends.append(total(moved, layer.weight) if value is z else total(z, moved))
            assert slopes[place].item() == pytest.approx((ends[0] - ends[1]).item() / 2e-6, rel=1e-3, abs=1e-5)


def test_the_global_generator_is_left_alone_and_shortfall_is_what_is_missing():
    before = torch.get_rng_state()
    layer = FirstSpikeLayer(3, 2)
    assert torch.equal(torch.get_rng_state(), before)
    layer.weight.data = torch.tensor([[0.1, 1.0], [0.1, 1.0], [0.2, 1.0]])
    assert layer.shortfall(torch.ones(1, 3)).item() == pytest.approx(0.3)
    assert layer.shortfall(torch.tensor([[np.inf, np.inf, 1.0]])).item() == pytest.approx(0.4)


def test_what_is_refused():
    with pytest.raises(InputError, match="n_out"):
        FirstSpikeLayer(3, 0)
    layer = FirstSpikeLayer(3, 2)
    with pytest.raises(InputError, match="batch, 3"):
        layer(torch.ones(1, 2))
    with pytest.raises(InputError, match="positive"):
        layer(torch.zeros(1, 3))
