import torch
from torch import nn

from multiunit.networks.fused_leaky import LeakyLayer
from multiunit.networks.spiking_sequential import SpikingSequential


def test_is_the_layers_one_after_the_other():
    torch.manual_seed(0)
    inner = SpikingSequential(nn.Linear(6, 4), LeakyLayer(4))
    net = SpikingSequential(nn.Conv2d(1, 2, 3), LeakyLayer(2), nn.Flatten(), nn.Linear(72, 6), inner)
    x = 4 * torch.randn(7, 3, 1, 8, 8)
    maps = net[1](torch.stack([net[0](now) for now in x])).spikes
    expected = inner[1](torch.stack([inner[0](net[3](now.flatten(1))) for now in maps])).spikes
    assert expected.sum() > 3
    torch.testing.assert_close(net(x), expected)


def test_steps_that_share_memory_are_asked_once():
    asked = []

    class Counting(nn.Identity):
        def forward(self, input):
            asked.append(tuple(input.shape))
            return input

    net = SpikingSequential(Counting(), LeakyLayer(2), Counting())
    x = torch.tensor([[0.3, 0.9]])
    same = net(x.expand(9, 1, 2))
    assert asked == [(1, 2), (9, 2)]
    assert torch.equal(same, net(x.expand(9, 1, 2).clone()))
