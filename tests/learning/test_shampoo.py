import numpy as np
import pytest
import scipy.linalg
import torch
from torch import nn

from multiunit.core import InputError
from multiunit.learning.shampoo import Shampoo


def test_steps_follow_the_equations_written_out():
    torch.manual_seed(0)
    w, b = nn.Parameter(torch.randn(4, 3).double()), nn.Parameter(torch.randn(4).double())
    optimiser = Shampoo([w, b], lr=0.1, momentum=0.9, beta=0.8, eps=1e-3, update_every=2)
    left, right = np.zeros((4, 4)), np.zeros((3, 3))
    expected_w, expected_b = w.detach().numpy().copy(), b.detach().numpy().copy()
    momentum_w, momentum_b = 0.0, 0.0
    for step in range(5):
        w.grad, b.grad = torch.randn(4, 3).double(), torch.randn(4).double()
        g = w.grad.numpy()
        left = 0.8 * left + 0.2 * g @ g.T
        right = 0.8 * right + 0.2 * g.T @ g
        if step % 2 == 0:
            roots = [
                scipy.linalg.fractional_matrix_power(a + 1e-3 * a.diagonal().max() * np.eye(len(a)), -0.25)
                for a in (left, right)
            ]
        update = roots[0] @ g @ roots[1]
        momentum_w = 0.9 * momentum_w + update * np.linalg.norm(g) / np.linalg.norm(update)
        momentum_b = 0.9 * momentum_b + b.grad.numpy()
        expected_w, expected_b = expected_w - 0.1 * momentum_w, expected_b - 0.1 * momentum_b
        optimiser.step()
        np.testing.assert_allclose(w.detach(), expected_w, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(b.detach(), expected_b, rtol=1e-12)


def test_vectors_alone_learn_as_by_gradient_descent_with_momentum():
    torch.manual_seed(0)
    start, grads = torch.randn(5), torch.randn(4, 5)
    found = []
    for kind in (Shampoo, torch.optim.SGD):
        w = nn.Parameter(start.clone())
        optimiser = kind([w], lr=0.1, momentum=0.9)
        for g in grads:
            w.grad = g
            optimiser.step()
        found.append(w.detach())
    torch.testing.assert_close(*found)


def test_rotated_problem_gives_the_rotated_path():
    # Preconditioning that is not diagonal does not depend on the basis; a diagonal one does.
    torch.manual_seed(1)
    start, grads = torch.randn(4, 4).double(), torch.randn(6, 4, 4).double()
    u, v = (torch.linalg.qr(torch.randn(4, 4).double())[0] for _ in range(2))

    def path(kind, turn):
        w = nn.Parameter(turn(start).clone())
        optimiser = kind([w], lr=0.05, eps=1e-12)  # the ridge is measured on the diagonal, which does turn
        for g in grads:
            w.grad = turn(g)
            optimiser.step()
        return w.detach()

    def turn(a):
        return u @ a @ v

    torch.testing.assert_close(path(Shampoo, turn), turn(path(Shampoo, lambda a: a)))
    assert (path(torch.optim.Adam, turn) - turn(path(torch.optim.Adam, lambda a: a))).abs().max() > 0.01


def test_learns_an_ill_conditioned_regression_sooner_than_gradient_descent():
    torch.manual_seed(0)
    scale = torch.logspace(0, -1.5, 20)
    x, target = torch.randn(200, 20) * scale, torch.randn(5, 20)
    losses = {}
    for name in ("shampoo", "sgd"):
        layer = nn.Linear(20, 5, bias=False)
        nn.init.zeros_(layer.weight)
        kind = Shampoo if name == "shampoo" else torch.optim.SGD
        optimiser = kind(layer.parameters(), lr=1.0, momentum=0.9)
        for _ in range(300):
            loss = ((layer(x) - x @ target.T) ** 2).mean()
            layer.zero_grad()
            loss.backward()
            optimiser.step()
        losses[name] = loss.item()
    assert losses["shampoo"] < 0.1 * losses["sgd"]


def test_kernels_of_convolutions_and_zero_gradients():
    conv = nn.Conv2d(2, 3, 2)
    before = conv.weight.detach().clone()
    optimiser = Shampoo(conv.parameters(), lr=0.1)
    conv.weight.grad = torch.zeros_like(conv.weight)
    optimiser.step()
    torch.testing.assert_close(conv.weight.detach(), before)
    assert conv.bias.grad is None
    optimiser.zero_grad()
    conv(torch.ones(1, 2, 4, 4)).sum().backward()
    optimiser.step()
    assert torch.isfinite(conv.weight).all()
    assert [root.shape[0] for root in optimiser.state[conv.weight]["roots"]] == [3, 8]


def test_closure_and_refusals():
    w = nn.Parameter(torch.ones(2, 2))

    def closure():
        loss = (w**2).sum()
        loss.backward()
        return loss.item()

    assert Shampoo([w], lr=0.1).step(closure) == 4.0
    for name, value in (("lr", 0.0), ("momentum", 1.0), ("update_every", 0), ("eps", 0.0), ("beta", 1.0)):
        with pytest.raises(InputError):
            Shampoo([w], **({"lr": 0.1} | {name: value}))
