import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch.nn.functional import logsigmoid

from multiunit.core.errors import InputError
from multiunit.learning.train_at_every_step import named_at_every_step, train_at_every_step
from multiunit.networks.heterogeneous_delays import HeterogeneousDelays


def test_without_places_it_is_logistic_regression_on_the_past():
    rng = np.random.default_rng(0)
    x = rng.random((20, 200, 2)) < 0.4
    past = np.stack([np.roll(x, d, axis=1) for d in range(3)], axis=3)[:, 2:].reshape(-1, 6)
    planted = np.array([2.0, 0.0, -1.0, 0.0, 0.0, 3.0])
    y = np.zeros((20, 200), dtype=int)
    y[:, 2:] = (rng.random(20 * 198) < 1 / (1 + np.exp(1.5 - past @ planted))).reshape(20, 198)
    layer = HeterogeneousDelays(2, 2, n_delays=3)
    train_at_every_step(layer, x, labels=y, n_epochs=60, batch_size=20, learning_rate=0.1)
    train_at_every_step(layer, x, labels=y, n_epochs=60, batch_size=20, learning_rate=0.01)
    full = np.stack([np.pad(x, ((0, 0), (d, 0), (0, 0)))[:, :200] for d in range(3)], axis=3).reshape(-1, 6)
    other = LogisticRegression(C=1e6).fit(full, y.ravel())
    for c, sign in ((0, -1), (1, 1)):
        np.testing.assert_allclose(layer.weight[c].detach().flatten(), sign * other.coef_[0], atol=0.02)
        np.testing.assert_allclose(layer.bias[c].item(), sign * other.intercept_[0], atol=0.02)
    np.testing.assert_allclose(other.coef_[0], planted, atol=0.3)


def test_the_loss_is_the_mean_over_places_and_classes():
    rng = np.random.default_rng(0)
    x, y = rng.random((3, 6, 2, 4, 4)), rng.integers(2, size=(3, 6))
    layer = HeterogeneousDelays(2, 2, n_delays=2, side=3, scale=1.0)
    with torch.no_grad():
        z = layer(torch.as_tensor(x).float().movedim(1, 0))
    wanted = torch.as_tensor(np.eye(2)[y.T])[..., None, None]
    expected = -(wanted * logsigmoid(z) + (1 - wanted) * logsigmoid(-z)).mean()
    losses = train_at_every_step(layer, x, labels=y, n_epochs=1, batch_size=3)
    assert losses[0] == pytest.approx(float(expected), rel=1e-5)


def test_named_is_the_mean_over_places_for_any_batch():
    rng = np.random.default_rng(0)
    x = rng.random((5, 6, 2, 4, 4))
    layer = HeterogeneousDelays(2, 3, n_delays=2, side=3, scale=1.0, opposite=True)
    with torch.no_grad():
        expected = layer(torch.as_tensor(x).float().movedim(1, 0)).mean((3, 4)).argmax(2).T
    assert (named_at_every_step(layer, x, batch_size=2) == expected.numpy()).all()


def test_errors_name_the_argument():
    layer = HeterogeneousDelays(1, 2, n_delays=2)
    with pytest.raises(InputError, match="labels"):
        train_at_every_step(layer, np.zeros((3, 4, 1)), labels=np.zeros((3, 5), dtype=int), n_epochs=1)
    with pytest.raises(InputError, match="n_epochs=0"):
        train_at_every_step(layer, np.zeros((3, 4, 1)), labels=np.zeros((3, 4), dtype=int), n_epochs=0)
    with pytest.raises(InputError, match="learning_rate"):
        train_at_every_step(layer, np.full((3, 4, 1), np.inf), labels=np.zeros((3, 4), dtype=int), n_epochs=1)
