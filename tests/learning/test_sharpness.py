import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from multiunit.core import InputError
from multiunit.learning.sharpness import hessian_product, sharpness
from multiunit.networks import MultilayerPerceptron


def whole_hessian(model, loss):
    weights = dict(model.named_parameters())
    names, sizes = list(weights), [p.numel() for p in weights.values()]

    def of_vector(vector):
        parts = {n: v.view_as(weights[n]) for n, v in zip(names, vector.split(sizes), strict=True)}
        return loss(lambda x: torch.func.functional_call(model, parts, (x,)))

    return torch.autograd.functional.hessian(of_vector, nn.utils.parameters_to_vector(weights.values()).detach())


@pytest.mark.parametrize("n", [1, 5, 60])
def test_a_quadratic_has_the_curvature_it_was_given(n):
    rng = np.random.default_rng(n)
    rotation = np.linalg.qr(rng.normal(size=(n, n)))[0]
    values = np.linspace(-20, 7, n)  # the largest in size is not the largest
    hessian = torch.as_tensor(rotation * values @ rotation.T)
    net = nn.Linear(n, 1, bias=False).double()

    def loss(model):
        return (model.weight @ hessian @ model.weight.T).sum() / 2

    assert abs(sharpness(net, loss, tolerance=1e-9) - values[-1]) < 1e-6
    v = rng.normal(size=n)
    assert np.abs(hessian_product(net, loss)(v) - hessian.numpy() @ v).max() < 1e-10


def test_a_network_has_the_largest_eigenvalue_of_its_whole_hessian():
    rng = np.random.default_rng(0)
    x, y = torch.as_tensor(rng.normal(size=(40, 6))), torch.as_tensor(rng.integers(3, size=40))
    net = MultilayerPerceptron([6, 8, 3], activation="tanh", random_state=2).double()

    def loss(model):
        return cross_entropy(model(x), y)

    full = whole_hessian(net, loss).numpy()
    found = sharpness(net, loss, tolerance=1e-6)
    assert abs(found - np.linalg.eigvalsh(full)[-1]) < 1e-4 * found
    v = rng.normal(size=len(full))
    assert np.abs(hessian_product(net, loss)(v) - full @ v).max() < 1e-10


def test_gradient_descent_is_stable_below_two_over_the_rate_only():
    net = nn.Linear(30, 1, bias=False)
    curvature = torch.linspace(0.1, 8, 30)

    def loss(model):
        return (curvature * model.weight**2).sum() / 2

    edge = 2 / sharpness(net, loss)
    for rate, stable in ((0.98 * edge, True), (1.02 * edge, False)):
        weight = torch.ones(30)
        for _ in range(300):
            weight = weight - rate * curvature * weight
        assert bool(weight.abs().max() < 1) == stable


def test_a_straight_loss_has_no_curvature_and_what_is_not_given_is_not_asked():
    net = nn.Linear(30, 1)
    assert sharpness(net, lambda m: m.weight.sum()) == 0.0
    net.weight.requires_grad_(False)
    assert sharpness(net, lambda m: (m.weight**2).sum() + 3 * (m.bias**2).sum()) == pytest.approx(6)
    assert net.bias.grad is None


def test_errors_name_the_argument():
    net = nn.Linear(30, 1)
    with pytest.raises(InputError, match="loss="):
        sharpness(net, lambda m: m.weight[0])
    with pytest.raises(InputError, match="depend on parameters"):
        sharpness(net, lambda m: torch.ones(()))
    with pytest.raises(InputError, match="n_iterations="):
        sharpness(net, lambda m: (torch.linspace(1, 1.001, 30) * m.weight**2).sum(), tolerance=1e-12, n_iterations=1)
