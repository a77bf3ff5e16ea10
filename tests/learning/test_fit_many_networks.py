import numpy as np
import pytest
import torch
from torch import nn

from multiunit.core import InputError
from multiunit.learning.fit_many_networks import OMEGA, fit_many_networks, many_outputs


class Sine(nn.Module):
    def forward(self, z):
        return torch.sin(OMEGA * z)


def one_by_one(start, x, target, activation, n_steps):
    """The network of this start, trained alone by torch."""
    parts = []
    for m, (w, b) in enumerate(start):
        line = nn.Linear(w.shape[1], w.shape[0])
        line.weight.data, line.bias.data = w.clone(), b.clone()
        parts += [line] if m == len(start) - 1 else [line, activation]
    module = nn.Sequential(*parts)
    optimiser = torch.optim.Adam(module.parameters(), lr=1e-3)
    for _ in range(n_steps):
        optimiser.zero_grad()
        nn.functional.mse_loss(module(x), target).backward()
        optimiser.step()
    return module


@pytest.mark.parametrize(("name", "activation"), [("sine", Sine()), ("relu", nn.ReLU()), ("tanh", nn.Tanh())])
def test_together_is_as_each_alone(name, activation):
    rng = np.random.default_rng(0)
    x, targets = rng.uniform(-1, 1, size=(20, 2)), rng.normal(size=(3, 20, 2))
    sizes, options = [2, 6, 5, 2], {"activation": name, "random_state": 1}
    # A step so small that nothing moves gives the start.
    start = fit_many_networks(x, targets, sizes=sizes, n_steps=1, learning_rate=1e-30, **options)
    fitted = fit_many_networks(x, targets, sizes=sizes, n_steps=8, **options)
    points = torch.as_tensor(x).float()
    outputs = many_outputs(points, fitted.weights, fitted.biases, activation=name)
    for k in range(3):
        layers = [(w[k], b[k]) for w, b in zip(start.weights, start.biases, strict=True)]
        target = torch.as_tensor(targets[k]).float()
        alone = one_by_one(layers, points, target, activation, n_steps=8)
        torch.testing.assert_close(outputs[k], alone(points).detach(), atol=1e-4, rtol=1e-3)
        assert fitted.loss[k] == pytest.approx(float(nn.functional.mse_loss(outputs[k], target)), rel=1e-4)


def test_waves_are_fitted_and_the_starts_differ():
    x = np.linspace(-1, 1, 50)[:, None]
    waves = np.stack([np.sin(2 * np.pi * a * x) for a in (0.5, 1.0, 2.0, 3.0)])
    before = torch.get_rng_state()
    fitted = fit_many_networks(x, waves, sizes=[1, 16, 16, 1], n_steps=400)
    assert torch.equal(before, torch.get_rng_state())
    assert fitted.loss.max() < 1e-2
    again = fit_many_networks(x, np.stack([waves[0]] * 2), sizes=[1, 16, 16, 1], n_steps=1)
    assert not torch.equal(again.weights[0][0], again.weights[0][1])
    other = fit_many_networks(x, np.stack([waves[0]] * 2), sizes=[1, 16, 16, 1], n_steps=1, random_state=1)
    assert not torch.equal(again.weights[0], other.weights[0])


def test_starts_are_as_wide_as_they_should_be():
    x, targets = np.zeros((1, 4)), np.zeros((500, 1, 1))
    start = fit_many_networks(x, targets, sizes=[4, 9, 1], n_steps=1, learning_rate=1e-30)
    for weight, reach in zip(start.weights, (1 / 4, (6 / 9) ** 0.5 / OMEGA), strict=True):
        assert float(weight.abs().max()) == pytest.approx(reach, rel=0.01)
        assert float(weight.std()) == pytest.approx(reach / 3**0.5, rel=0.05)


@pytest.mark.parametrize(
    ("argument", "change"),
    [
        ("sizes", {"sizes": [1]}),
        ("sizes", {"sizes": [1, 0, 1]}),
        ("activation", {"activation": "cosine"}),
        ("x", {"sizes": [2, 3, 1]}),
        ("targets", {"sizes": [1, 3, 2]}),
        ("n_steps", {"n_steps": 0}),
        ("learning_rate", {"learning_rate": 1e25, "n_steps": 3, "activation": "relu"}),
    ],
)
def test_what_cannot_be_fitted_is_named(argument, change):
    with pytest.raises(InputError, match=f"^{argument}="):
        fit_many_networks(np.ones((5, 1)), np.ones((2, 5, 1)), **{"sizes": [1, 3, 1]} | change)


def test_numbers_that_are_not_finite_are_named():
    x, targets = np.ones((5, 1)), np.ones((2, 5, 1))
    with pytest.raises(InputError, match=r"^x="):
        fit_many_networks(np.full((5, 1), np.nan), targets, sizes=[1, 3, 1])
    with pytest.raises(InputError, match=r"^targets="):
        fit_many_networks(x, np.full((2, 5, 1), np.inf), sizes=[1, 3, 1])
