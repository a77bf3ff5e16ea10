"""Layers between Poincare balls: a linear map, and the classes' distances to hyperplanes."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from multiunit.core.errors import InputError
from multiunit.networks.poincare_ball import from_tangent, mobius_sum, to_tangent


class HyperbolicLinear(nn.Module):
    """x -> exp_0(W log_0(x)) (+) exp_0(b): a linear map between two balls, with as many parameters as a flat one.

    Args:
        n_in, n_out: dimensions.
        curvature: c of curvature -c, of both balls.
        random_state: draws the weights as a linear layer's; b starts at 0.

    Raises:
        InputError: for no dimensions, or a curvature that is not above 0.

    Source: Ganea, Becigneul & Hofmann 2018, arXiv:1805.09112.

    >>> layer = HyperbolicLinear(3, 2)
    >>> x = from_tangent(torch.tensor([[5.0, -5.0, 5.0]]))
    >>> bool(layer(x).norm() < 1), sum(p.numel() for p in layer.parameters())
    (True, 8)
    """

    def __init__(
        self, n_in: int, n_out: int, *, curvature: float = 1.0, random_state: int | np.random.Generator = 0
    ) -> None:
        super().__init__()
        self.curvature = _checked(n_in, n_out, curvature)
        self.weight = nn.Parameter(_uniform((n_out, n_in), n_in, random_state))
        self.bias = nn.Parameter(torch.zeros(n_out))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Points `(..., n_out)` of the ball from points `(..., n_in)`."""
        c = self.curvature
        moved = from_tangent(to_tangent(x, curvature=c) @ self.weight.T, curvature=c)
        return mobius_sum(moved, from_tangent(self.bias, curvature=c), curvature=c)


class HyperbolicLogits(nn.Module):
    """Logits of classes: signed distances of a point of the ball to one hyperplane a class, times its steepness.

    With p_k = exp_0(b_k) on the hyperplane, z = (-p_k) (+) x, lambda = 2 / (1 - c |p_k|^2), a_k its normal at 0, which
    at p_k has the size |a_k| 2 / lambda:
    logit_k = (2 |a_k| / sqrt c) arsinh(2 sqrt c z'a_k / ((1 - c |z|^2) |a_k|)).
    As c -> 0 it is the flat 4 a_k'(x - p_k).

    Args:
        n_in: dimension.
        n_classes: classes.
        curvature: c of curvature -c.
        random_state: draws the normals; b starts at 0.

    Raises:
        InputError: for no dimensions or classes, or a curvature that is not above 0.

    Source: Ganea, Becigneul & Hofmann 2018, arXiv:1805.09112, equation 25 with a_k moved from 0.

    >>> logits = HyperbolicLogits(2, 3)(torch.zeros(5, 2))
    >>> logits.shape, bool(logits.abs().max() == 0)    # all hyperplanes pass through 0 at first
    (torch.Size([5, 3]), True)
    """

    def __init__(
        self, n_in: int, n_classes: int, *, curvature: float = 1.0, random_state: int | np.random.Generator = 0
    ) -> None:
        super().__init__()
        self.curvature = _checked(n_in, n_classes, curvature)
        self.normal = nn.Parameter(_uniform((n_classes, n_in), n_in, random_state))
        self.offset = nn.Parameter(torch.zeros(n_classes, n_in))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits `(..., class)` of points `(..., n_in)`."""
        c = self.curvature
        on_plane = from_tangent(self.offset, curvature=c)
        z = mobius_sum(-on_plane, x.unsqueeze(-2), curvature=c)
        size = self.normal.norm(dim=-1).clamp_min(1e-15)
        height = 2 * c**0.5 * (z * self.normal).sum(-1) / ((1 - c * (z * z).sum(-1)) * size)
        return 2 * size / c**0.5 * torch.asinh(height)


def _checked(n_in: int, n_out: int, curvature: float) -> float:
    if min(n_in, n_out) < 1:
        raise InputError("n_in", (n_in, n_out), "needs dimensions of 1 or more")
    if not curvature > 0:
        raise InputError("curvature", curvature, "is the c of curvature -c, above 0")
    return float(curvature)


def _uniform(shape: tuple[int, int], n_in: int, random_state: int | np.random.Generator) -> torch.Tensor:
    return torch.as_tensor(np.random.default_rng(random_state).uniform(-1, 1, shape) / np.sqrt(n_in)).float()
