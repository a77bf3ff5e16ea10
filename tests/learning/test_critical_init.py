import copy

import pytest
import torch
from torch import nn

from multiunit.core import InputError
from multiunit.learning.critical_init import critical_init


def _deep(n_layers=20, width=600):
    parts = [nn.Linear(width, width)]
    for _ in range(n_layers - 1):
        parts += [nn.ReLU(), nn.Linear(width, width)]
    return nn.Sequential(*parts)


def test_a_deep_network_keeps_the_size_of_its_signal_only_at_gain_one():
    net, x = _deep(), torch.ones(1, 600)
    size = {}
    for gain in (0.5, 1.0, 2.0):
        critical_init(net, torch.relu, gain=gain, random_state=1)
        with torch.no_grad():
            size[gain] = net(x).var().item() / net[0](x).var().item()
    assert 0.4 < size[1.0] < 2.5
    # One draw of the weights for all gains: the ratio is exact.
    assert size[0.5] / size[1.0] == pytest.approx(0.5**19, rel=1e-3)
    assert size[2.0] / size[1.0] == pytest.approx(2.0**19, rel=1e-3)


def test_variances_are_those_of_the_critical_point_and_of_the_fan_in():
    net = nn.Sequential(nn.Conv2d(8, 4000, 3), nn.GroupNorm(4, 4000), nn.GELU(), nn.Flatten(), nn.LazyLinear(50))
    net(torch.zeros(1, 8, 3, 3))
    norm = copy.deepcopy(net[1].state_dict())
    point = critical_init(net, nn.GELU())
    assert point.universality_class == "half-stable"
    for layer, fan in ((net[0], 72), (net[4], 4000)):
        assert layer.weight.var().item() * fan == pytest.approx(point.weight_variance, rel=0.02)
    assert net[0].bias.var().item() == pytest.approx(point.bias_variance, rel=0.1)
    assert all(torch.equal(value, norm[name]) for name, value in net[1].state_dict().items())


def test_the_draw_is_that_of_the_seed_and_of_nothing_else():
    nets = [nn.Linear(5, 4) for _ in range(3)]
    state = torch.get_rng_state()
    for net, seed in zip(nets, (0, 0, 1), strict=True):
        critical_init(net, torch.tanh, random_state=seed)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(nets[0].weight, nets[1].weight)
    assert not torch.equal(nets[0].weight, nets[2].weight)


def test_refuses_what_does_not_fit():
    with pytest.raises(InputError, match="model"):
        critical_init(nn.ReLU(), torch.relu)
    with pytest.raises(InputError, match="gain"):
        critical_init(nn.Linear(2, 2), torch.relu, gain=0.0)
    with pytest.raises(InputError, match="activation"):
        critical_init(nn.Linear(2, 2), torch.sigmoid)
