import pytest
import torch
from torch import nn

from multiunit.core.errors import InputError
from multiunit.networks.fused_leaky import LeakyLayer
from multiunit.networks.spiking_sequential import SpikingSequential
from multiunit.networks.synaptic_operations import synaptic_operations


def test_spikes_times_fan_out():
    net = SpikingSequential(nn.Linear(6, 5), LeakyLayer(5, tau_membrane=1e9), nn.Linear(5, 4), nn.Linear(4, 3))
    x = torch.rand(7, 6, generator=torch.Generator().manual_seed(0)) * 3 * (torch.arange(6) % 2)
    with torch.no_grad():
        spikes = net[1](net[0](x).expand(9, 7, 5)).spikes
    assert 0 < spikes.sum() < spikes.numel()
    found = synaptic_operations(net, x.expand(9, 7, 6), n_presentations=7)
    # A constant input is multiplied once, not at every step.
    assert found["events"].tolist() == pytest.approx([3 * 5, float(spikes.sum()) / 7 * 4, 9 * 4 * 3])
    assert found["dense"].tolist() == [6 * 5, 9 * 5 * 4, 9 * 4 * 3]
    changing = synaptic_operations(net, x.expand(9, 7, 6).clone(), n_presentations=7)
    assert changing["events"].iloc[0] == 9 * 3 * 5


def test_no_hook_is_left_and_nothing_changes():
    net = nn.Sequential(nn.Linear(3, 2))
    before = net(torch.ones(1, 3))
    synaptic_operations(net, torch.ones(1, 3), n_presentations=1)
    assert not net[0]._forward_pre_hooks
    assert torch.equal(net(torch.ones(1, 3)), before)


def test_what_is_refused():
    with pytest.raises(InputError, match="linear"):
        synaptic_operations(nn.ReLU(), torch.ones(1, 3), n_presentations=1)
    with pytest.raises(InputError, match="n_presentations"):
        synaptic_operations(nn.Linear(3, 2), torch.ones(1, 3), n_presentations=0)
