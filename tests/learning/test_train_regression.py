import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression
from torch import nn

from multiunit.core import InputError
from multiunit.learning.train_regression import train_regression


def test_a_linear_map_becomes_that_of_least_squares():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3))
    y = x @ rng.normal(size=(3, 2)) + 0.5 + 0.1 * rng.normal(size=(200, 2))
    net = nn.Linear(3, 2)
    losses = train_regression(net, x, targets=y, n_steps=600, batch_size=200, learning_rate=0.02)
    exact = LinearRegression().fit(x, y)
    np.testing.assert_allclose(net.weight.detach(), exact.coef_, atol=0.02)
    assert losses[-1] < 0.1 * losses[0]


def test_another_loss_gives_another_answer_and_a_seed_repeats():
    y = np.array([0.0, 0.0, 0.0, 10.0])[:, None]
    x = np.ones((4, 1))
    nets = [nn.Linear(1, 1) for _ in range(3)]
    for net in nets:
        nn.init.zeros_(net.weight)
        nn.init.zeros_(net.bias)
    state = torch.get_rng_state()
    options = {"targets": y, "n_steps": 400, "learning_rate": 0.05, "batch_size": 256}
    losses = [train_regression(net, x, **options) for net in nets[:2]]
    train_regression(nets[2], x, loss=lambda found, wanted: (found - wanted).abs().mean(), **options)
    assert torch.equal(state, torch.get_rng_state())
    np.testing.assert_array_equal(*losses)
    mean, _, median = (net(torch.ones(1, 1)).item() for net in nets)
    assert mean == pytest.approx(2.5, abs=0.6)
    assert median == pytest.approx(0.0, abs=0.2)


@pytest.mark.parametrize(("decay", "way"), [(False, 100.0), (True, 50.5)])
def test_the_learning_rate_falls_along_half_a_cosine_if_asked(decay, way):
    net = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(net.weight)
    x = np.ones((4, 1))
    # Under a constant gradient each step of Adam is the learning rate.
    train_regression(
        net, x, targets=x, n_steps=100, learning_rate=1e-3, loss=lambda found, _: found.mean(), decay=decay
    )
    assert net.weight.item() == pytest.approx(-1e-3 * way, rel=1e-3)


def test_errors_name_the_argument():
    net, x = nn.Linear(1, 1), np.ones((4, 1))
    with pytest.raises(InputError, match="inputs"):
        train_regression(net, x * np.nan, targets=x, n_steps=1)
    with pytest.raises(InputError, match="targets"):
        train_regression(net, x, targets=x[:3], n_steps=1)
    with pytest.raises(InputError, match="n_steps=0"):
        train_regression(net, x, targets=x, n_steps=0)
    with pytest.raises(InputError, match="learning_rate"):
        train_regression(net, x, targets=x, n_steps=50, learning_rate=float("inf"))
