import numpy as np
import pytest
import torch
from torch import nn

from multiunit.core import InputError
from multiunit.learning.descend_until import descend_until


def squared(x, y):
    return lambda model: ((model(x)[:, 0] - y) ** 2).mean()


def test_steps_are_those_of_gradient_descent_by_hand():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 3)), rng.normal(size=30)
    net = nn.Linear(3, 1, bias=False).double()
    w, v = net.weight.detach().numpy()[0].copy(), np.zeros(3)
    losses = descend_until(
        net, squared(torch.tensor(x), torch.tensor(y)), until=0.0, learning_rate=0.05, momentum=0.5, most_steps=7
    )
    assert len(losses) == 8
    for loss in losses[:-1]:
        assert loss == pytest.approx(((x @ w - y) ** 2).mean())
        v = 0.5 * v + 2 * x.T @ (x @ w - y) / len(x)
        w = w - 0.05 * v
    np.testing.assert_allclose(net.weight.detach().numpy()[0], w)


def test_it_stops_at_the_first_loss_below_the_goal():
    x = torch.eye(2)
    losses = descend_until(nn.Linear(2, 1), squared(x, torch.ones(2)), until=0.01, learning_rate=0.1)
    assert losses[-1] < 0.01 <= losses[-2]


def test_refuses_what_does_not_fit():
    x = torch.eye(2)
    with pytest.raises(InputError, match="learning_rate"):
        descend_until(nn.Linear(2, 1), squared(x, torch.ones(2)), until=0.01, learning_rate=1e9)
    with pytest.raises(InputError, match="most_steps"):
        descend_until(nn.Linear(2, 1), squared(x, torch.ones(2)), until=0.01, learning_rate=0.1, most_steps=0)
