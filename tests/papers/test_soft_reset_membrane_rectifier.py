import numpy as np
import pytest
import torch

from multiunit.networks.membrane_rectifier import MembraneRectifier
from multiunit.networks.spiking_convolutional import SpikingConvNet
from multiunit.papers.soft_reset_membrane_rectifier import Reversed, _spiking, gaps, rate_code


def test_reversed_rectifier_rises_through_the_same_points_towards_the_threshold():
    u = torch.linspace(-3, 3, 601)
    found = Reversed()(u)
    assert (found.diff() > 0).all()
    torch.testing.assert_close(Reversed()(torch.tensor([0.0, 0.5, 1.0])), torch.tensor([0.0, 0.5, 1.0]))
    inside = (u > 0) & (u < 1)
    assert ((found - 0.5).abs() <= (u - 0.5).abs() + 1e-6)[inside].all()


def test_gaps_are_those_of_the_potentials():
    net = SpikingConvNet(_spiking("soft", MembraneRectifier), side=8, channels=(2, 4), n_steps=3)
    images = torch.rand(20, 1, 8, 8, generator=torch.manual_seed(0))
    seen = []
    handles = [
        layer.membrane.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        for layer in (net.spikes_1, net.spikes_2)
    ]
    before, after = gaps(net, images)
    for handle in handles:
        handle.remove()
    assert len(seen) == 6
    assert before == pytest.approx(np.mean([float((u - (u > 0.5).float()).square().mean()) for u in seen]))
    assert after < before


def test_rate_code_counts_spikes_of_single_neurons():
    counts = []
    for x in np.linspace(0, 2, 201):
        u = n = 0.0
        for _ in range(8):
            u = u + x
            s = u > 0.5
            n += s
            u = 0.25 * (u - s)
        counts.append(n)
    assert rate_code("soft") == pytest.approx(np.corrcoef(np.linspace(0, 2, 201), counts)[0, 1], abs=5e-3)


def test_smoke_scale_runs(smoke_claim):
    result = smoke_claim("soft-reset-membrane-rectifier")
    assert result.measured["gap_ratio"] < 0.9 < 1 < result.control["gap_ratio_reversed"]
    assert result.measured["rate_code_r"] > result.control["rate_code_r"]
