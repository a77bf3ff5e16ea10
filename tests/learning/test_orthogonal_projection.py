"""Subspaces against the eigenvectors they should find; projected gradients against replaced inputs."""

import numpy as np
import pytest
import torch
from torch import nn

from multiunit.core import InputError
from multiunit.learning.hebbian_subspace import HebbianSubspace
from multiunit.learning.orthogonal_projection import OrthogonalProjection
from multiunit.learning.reference_subspaces import PrincipalSubspace, RandomSubspace


def data(deviations, rng, n=400):
    basis = np.linalg.qr(rng.normal(size=(len(deviations),) * 2))[0]
    return torch.tensor(rng.normal(size=(n, len(deviations))) * deviations @ basis.T, dtype=torch.float32), basis


def cosines(rows, basis):
    return torch.linalg.svdvals(torch.linalg.qr(rows.T)[0].T @ torch.tensor(basis, dtype=torch.float32))


def test_hebbian_rows_come_to_span_the_principal_subspace():
    x, _ = data(np.array([3.0, 2.5, 2.0, 0.3, 0.2, 0.1]), np.random.default_rng(0))
    top = np.linalg.eigh((x.T @ x).numpy())[1][:, -3:]
    space = HebbianSubspace(6, learning_rate=0.05)
    space.add(3)
    for _ in range(200):
        space.update(x)
    assert cosines(space.rows, top).min() > 0.999
    torch.testing.assert_close(space.rows @ space.rows.T, torch.eye(3), atol=1e-2, rtol=0)


def test_a_second_block_learns_what_the_first_leaves_over():
    rng = np.random.default_rng(1)
    first, basis = data(np.array([3.0, 2.0, 0.0, 0.0, 0.0]), rng)
    # Two directions of the first task come back, stronger than the new one.
    second = torch.tensor(rng.normal(size=(400, 5)) * [3.0, 2.0, 1.5, 0.0, 0.0] @ basis.T, dtype=torch.float32)
    space = HebbianSubspace(5, learning_rate=0.05)
    space.add(2)
    for _ in range(200):
        space.update(first)
    space.freeze()
    kept = space.rows.clone()
    space.add(1)
    for _ in range(300):
        space.update(second)
    assert torch.equal(space.rows[:2], kept)
    assert abs(float(space.rows[2] @ torch.tensor(basis[:, 2], dtype=torch.float32))) > 0.99
    # The new row counts only once it is frozen.
    assert space.orthogonal(second).norm() > 10
    space.freeze()
    assert space.orthogonal(second).norm() < 0.05 * second.norm()


def test_one_update_is_the_rule():
    rng = np.random.default_rng(2)
    x = torch.tensor(rng.normal(size=(7, 4)), dtype=torch.float32)
    space = HebbianSubspace(4, learning_rate=0.3, momentum=0.5)
    space.add(2)
    rows = space.rows.clone()
    moving = torch.zeros_like(rows)
    space.update(x, n_iterations=2)
    for _ in range(2):
        step = sum(torch.outer(rows @ s, s - rows.T @ (rows @ s)) for s in x) / 7
        moving = 0.5 * moving + 0.5 * step
        rows = rows + 0.3 * moving
    torch.testing.assert_close(space.rows, rows)


def test_the_reference_subspaces():
    rng = np.random.default_rng(3)
    x, _ = data(np.array([3.0, 2.0, 1.0, 0.5]), rng)
    space = PrincipalSubspace(4)
    for _ in range(2):
        space.add(1)
        for batch in x.split(100):
            space.update(batch)
        space.freeze()
    assert cosines(space.rows, np.linalg.eigh((x.T @ x).numpy())[1][:, -2:]).min() > 0.9999
    drawn = RandomSubspace(4, random_state=1)
    drawn.add(2)
    before = drawn.orthogonal(x)
    assert torch.equal(before, x)
    drawn.freeze()
    assert abs((drawn.orthogonal(x) @ drawn.rows.T).max()) < 1e-5
    drawn.add(9)
    assert len(drawn.rows) == 4


class Replaced(torch.autograd.Function):
    """A linear layer whose weights learn from another input than it sees: the definition of the source."""

    @staticmethod
    def forward(ctx, x, other, weight):
        ctx.save_for_backward(other, weight)
        return x @ weight.T

    @staticmethod
    def backward(ctx, grad):
        other, weight = ctx.saved_tensors
        return grad @ weight, None, grad.flatten(0, -2).T @ other.flatten(0, -2)


def test_the_projected_gradient_is_that_of_the_projected_input():
    torch.manual_seed(0)
    layers = {"a": nn.Linear(6, 5, bias=False), "b": nn.Linear(5, 3, bias=False)}
    spaces = {"a": HebbianSubspace(6), "b": HebbianSubspace(5)}
    for space in spaces.values():
        space.add(2)
        space.rows *= 1.1  # not quite orthonormal, as learned rows are
        space.freeze()
    guard = OrthogonalProjection(layers, subspaces=spaces)
    x = torch.randn(4, 7, 6)  # (time, batch, unit)
    layers["b"](torch.tanh(layers["a"](x))).pow(2).sum().backward()
    guard.project_gradients()
    weights = {name: layer.weight.detach().clone().requires_grad_() for name, layer in layers.items()}
    hidden = torch.tanh(Replaced.apply(x, spaces["a"].orthogonal(x), weights["a"]))
    Replaced.apply(hidden, spaces["b"].orthogonal(hidden.detach()), weights["b"]).pow(2).sum().backward()
    for name, layer in layers.items():
        torch.testing.assert_close(layer.weight.grad, weights[name].grad, rtol=1e-4, atol=1e-5)


def test_outputs_on_a_frozen_subspace_do_not_change():
    torch.manual_seed(1)
    layer, space = nn.Linear(8, 3, bias=False), PrincipalSubspace(8)
    guard = OrthogonalProjection({"l": layer}, subspaces={"l": space})
    old = torch.randn(50, 2) @ torch.randn(2, 8)
    guard.start_task({"l": 2})
    before = layer(old).detach()
    layer.eval()
    layer(torch.randn(50, 8))  # not in training: not seen
    guard.end_task()
    layer.train()
    optimiser = torch.optim.SGD(layer.parameters(), lr=0.1)
    for _ in range(20):
        optimiser.zero_grad()
        layer(torch.randn(16, 8)).pow(2).mean().backward()
        guard.project_gradients()
        optimiser.step()
    torch.testing.assert_close(layer(old), before, rtol=1e-3, atol=1e-4)
    assert not torch.allclose(layer(torch.randn(5, 8)), before[:5], atol=0.1)


def test_errors_name_the_argument():
    layer = nn.Linear(4, 2, bias=False)
    for call, match in (
        (lambda: HebbianSubspace(4, learning_rate=0.0), "learning_rate"),
        (lambda: HebbianSubspace(4).add(-1), "n_rows"),
        (lambda: HebbianSubspace(4).update(torch.zeros(3, 5)), "x="),
        (lambda: OrthogonalProjection({"l": layer}, subspaces={}), "subspaces"),
        (lambda: OrthogonalProjection({"l": layer}, subspaces={"l": RandomSubspace(3)}), "subspaces"),
        (lambda: OrthogonalProjection({"l": nn.Linear(4, 2)}, subspaces={"l": RandomSubspace(4)}), "layers"),
    ):
        with pytest.raises(InputError, match=match):
            call()
    space = HebbianSubspace(4, learning_rate=50.0)
    space.add(4)
    with pytest.raises(InputError, match="ran away"):
        space.update(100 * torch.ones(10, 4), n_iterations=50)
