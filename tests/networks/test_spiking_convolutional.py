import pytest
import torch

from multiunit.core.errors import InputError
from multiunit.networks.fused_leaky import LeakyLayer
from multiunit.networks.spiking_convolutional import OverTime, SpikingConvNet


def test_every_step_by_itself():
    conv = torch.nn.Conv2d(1, 3, 3)
    x = torch.randn(5, 2, 1, 8, 8)
    torch.testing.assert_close(OverTime(conv)(x), torch.stack([conv(now) for now in x]))


def test_output_is_the_mean_readout_of_the_steps():
    net = SpikingConvNet(lambda n, side: LeakyLayer(n), side=9, channels=(3, 4), n_steps=6, n_classes=5).eval()
    images = 8 * torch.randn(7, 1, 9, 9, generator=torch.manual_seed(0))
    current = net.conv_1(images)
    pool, conv, norm = net.conv_2.module
    first = net.spikes_1(torch.stack([current] * 6)).spikes
    second = net.spikes_2(torch.stack([norm(conv(pool(now))) for now in first])).spikes
    assert second.sum() > 0
    torch.testing.assert_close(net(images), torch.stack([net.readout(now) for now in second]).mean(0))


def test_seed_and_bad_input():
    nets = [SpikingConvNet(lambda n, side: LeakyLayer(n), side=8, random_state=s) for s in (0, 0, 1)]
    a, b, c = (net.readout[-1].weight for net in nets)
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
    with pytest.raises(InputError, match="side=3"):
        SpikingConvNet(lambda n, side: LeakyLayer(n), side=3)
    with pytest.raises(InputError, match="n_steps=0"):
        SpikingConvNet(lambda n, side: LeakyLayer(n), side=8, n_steps=0)
