import numpy as np
import pytest
import torch

from multiunit.networks.poincare_ball import from_tangent, mobius_sum, poincare_distance, to_tangent


@pytest.fixture
def points():
    rng = np.random.default_rng(0)
    return [from_tangent(torch.as_tensor(rng.normal(size=(20, 3))), curvature=c) for c in (1.0, 1.0, 1.0)]


@pytest.mark.parametrize("curvature", [0.3, 1.0, 2.0])
def test_distance_is_that_of_the_sum(points, curvature):
    x, y, _ = (p / curvature**0.5 for p in points)
    gap = mobius_sum(-x, y, curvature=curvature).norm(dim=-1)
    expected = 2 / curvature**0.5 * torch.atanh(curvature**0.5 * gap)
    torch.testing.assert_close(poincare_distance(x, y, curvature=curvature), expected)


def test_distance_is_that_of_the_hyperboloid_and_of_arcosh(points):
    x, y, _ = points
    xx, yy = ((p * p).sum(-1, keepdim=True) for p in (x, y))
    time, space = (1 + xx) / (1 - xx), 2 * x / (1 - xx)
    other_time, other_space = (1 + yy) / (1 - yy), 2 * y / (1 - yy)
    inner = time[:, 0] * other_time[:, 0] - (space * other_space).sum(-1)
    torch.testing.assert_close(poincare_distance(x, y), torch.acosh(inner))


def test_the_sum_moves_points_without_changing_distances(points):
    x, y, a = points
    torch.testing.assert_close(poincare_distance(mobius_sum(a, x), mobius_sum(a, y)), poincare_distance(x, y))
    torch.testing.assert_close(mobius_sum(a, torch.zeros_like(a)), a)
    assert (mobius_sum(x, y) - mobius_sum(y, x)).abs().max() > 0.01


@pytest.mark.parametrize("curvature", [0.3, 1.0, 2.0])
def test_the_maps_at_zero_are_inverse_and_keep_directions_and_lengths(curvature):
    v = torch.as_tensor(np.random.default_rng(1).normal(size=(20, 3)))
    x = from_tangent(v, curvature=curvature)
    torch.testing.assert_close(to_tangent(x, curvature=curvature), v)
    torch.testing.assert_close(poincare_distance(torch.zeros_like(x), x, curvature=curvature), 2 * v.norm(dim=-1))
    torch.testing.assert_close(x / x.norm(dim=-1, keepdim=True), v / v.norm(dim=-1, keepdim=True))


def test_a_small_curvature_is_flat(points):
    x, y, _ = points
    torch.testing.assert_close(mobius_sum(x, y, curvature=1e-9), x + y)
    torch.testing.assert_close(poincare_distance(x, y, curvature=1e-9), 2 * (x - y).norm(dim=-1))


def test_far_points_stay_inside_and_slopes_at_zero_are_finite():
    far = from_tangent(torch.tensor([[300.0, -400.0]]))
    assert far.norm() < 1
    assert torch.isfinite(poincare_distance(far, -far)).all()
    v = torch.zeros(2, 3, requires_grad=True)
    to_tangent(from_tangent(v)).sum().backward()
    assert v.grad is not None
    assert torch.isfinite(v.grad).all()
    x = torch.tensor([0.3, 0.2], requires_grad=True)
    poincare_distance(x, x.detach()).backward()
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()
