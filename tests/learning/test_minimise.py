import numpy as np
import pytest
import torch
from torch import nn

from multiunit.core import InputError
from multiunit.learning.minimise import minimise


def line(x=1.0):
    net = nn.Linear(1, 1, bias=False)
    nn.init.constant_(net.weight, x)
    return net


def test_it_takes_the_steps_of_the_optimiser_and_keeps_the_loss_before_each():
    """w <- w - 0.1 * 2 w, from 1."""
    net = line()
    sgd = torch.optim.SGD(net.parameters(), lr=0.1)
    losses = minimise(net, lambda: net.weight.square().sum(), optimiser=sgd, n_steps=4)
    np.testing.assert_allclose(losses, 0.8 ** (2 * np.arange(4)), rtol=1e-6)
    assert net.weight.item() == pytest.approx(0.8**4)


def test_gradients_are_clipped_and_rates_scheduled():
    net = line(100.0)
    sgd = torch.optim.SGD(net.parameters(), lr=1.0)
    halved = torch.optim.lr_scheduler.LambdaLR(sgd, lambda step: 0.5**step)
    minimise(net, lambda: net.weight.square().sum(), optimiser=sgd, n_steps=3, clip=1.0, schedule=halved)
    assert net.weight.item() == pytest.approx(100 - 1 - 0.5 - 0.25, abs=1e-4)


def test_the_mode_and_the_global_generator_are_left_as_they_were():
    net = nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5)).eval()
    seen = []

    def loss():
        seen.append((net.training, net(torch.ones(1, 3)).detach().numpy()))
        return net(torch.ones(1, 3)).square().sum()

    before = torch.get_rng_state()
    for _ in range(2):
        minimise(net, loss, optimiser=torch.optim.SGD(net.parameters(), lr=1e-9), n_steps=1, random_state=3)
    assert torch.equal(before, torch.get_rng_state())
    assert not net.training
    assert seen[0][0]
    np.testing.assert_allclose(seen[0][1], seen[1][1], atol=1e-6)  # the same seed drops the same units


def test_a_loss_that_is_not_finite_is_named_and_the_mode_restored():
    net = line().eval()
    sgd = torch.optim.SGD(net.parameters(), lr=0.25)
    with pytest.raises(InputError, match=r"learning_rate.*0\.25.*step 0"):
        minimise(net, lambda: net.weight.sum() * float("nan"), optimiser=sgd, n_steps=3)
    assert not net.training
