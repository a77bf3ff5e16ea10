"""Hyperbolic space as the Poincare ball: its sum, its distance, and its maps to and from the flat space at 0."""

from __future__ import annotations

import torch


def mobius_sum(x: torch.Tensor, y: torch.Tensor, *, curvature: float = 1.0) -> torch.Tensor:
    """The sum of two points of the ball of curvature -c, which is not commutative.

    x (+) y = [(1 + 2c x'y + c |y|^2) x + (1 - c |x|^2) y] / (1 + 2c x'y + c^2 |x|^2 |y|^2).

    Args:
        x, y: `(..., dimension)`, within the ball |x| < 1 / sqrt(c).
        curvature: c, above 0.

    Source: Ganea, Becigneul & Hofmann 2018, arXiv:1805.09112.

    >>> x, y = torch.tensor([0.3, 0.1]), torch.tensor([-0.2, 0.5])
    >>> torch.allclose(mobius_sum(-x, mobius_sum(x, y)), y)
    True
    """
    c = curvature
    xy = (x * y).sum(-1, keepdim=True)
    xx, yy = ((v * v).sum(-1, keepdim=True) for v in (x, y))
    return ((1 + 2 * c * xy + c * yy) * x + (1 - c * xx) * y) / (1 + 2 * c * xy + c * c * xx * yy)


def poincare_distance(x: torch.Tensor, y: torch.Tensor, *, curvature: float = 1.0) -> torch.Tensor:
    """The length of the shortest way, d(x, y) = (2 / sqrt c) artanh(sqrt c |(-x) (+) y|), computed as
    (2 / sqrt c) arsinh(sqrt c |x - y| / sqrt((1 - c |x|^2)(1 - c |y|^2))), which holds near the rim as well.

    Args:
        x, y: `(..., dimension)`, within the ball.
        curvature: c, above 0.

    Returns:
        `(...)`.

    Source: Nickel & Kiela 2017, arXiv:1705.08039.

    >>> round(float(poincare_distance(torch.zeros(2), torch.tensor([0.5, 0.0]))), 4)    # ln 3
    1.0986
    """
    c = curvature
    inside = (1 - c * (x * x).sum(-1)) * (1 - c * (y * y).sum(-1))
    # The norm has a slope where points meet, which the root of a square has not.
    return 2 / c**0.5 * torch.asinh(c**0.5 * (x - y).norm(dim=-1) / torch.sqrt(inside))


def from_tangent(v: torch.Tensor, *, curvature: float = 1.0) -> torch.Tensor:
    """The point at distance 2 |v| from 0 in the direction of v: exp_0(v) = tanh(sqrt c |v|) v / (sqrt c |v|).

    Points are kept (1 - 1e-5) / sqrt c from 0 at most: farther out single precision cannot tell them from the rim.

    >>> from_tangent(torch.tensor([0.0, 0.0])).tolist()
    [0.0, 0.0]
    """
    root = curvature**0.5
    norm = v.norm(dim=-1, keepdim=True).clamp_min(1e-15)
    return torch.tanh(root * norm).clamp_max(1 - 1e-5) * v / (root * norm)


def to_tangent(x: torch.Tensor, *, curvature: float = 1.0) -> torch.Tensor:
    """The inverse of `from_tangent`: log_0(x) = artanh(sqrt c |x|) x / (sqrt c |x|).

    >>> v = torch.tensor([0.7, -1.0])
    >>> torch.allclose(to_tangent(from_tangent(v, curvature=2.0), curvature=2.0), v, atol=1e-5)
    True
    """
    root = curvature**0.5
    norm = x.norm(dim=-1, keepdim=True).clamp_min(1e-15)
    return torch.atanh((root * norm).clamp_max(1 - 1e-6)) * x / (root * norm)
