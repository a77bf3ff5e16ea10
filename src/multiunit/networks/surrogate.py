"""Surrogate gradients: what stands in for the slope of a spike, which is zero wherever it exists."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.autograd.function import once_differentiable

from multiunit.core.errors import InputError


@dataclass(frozen=True)
class Surrogate:
    """A spike forwards, a smooth bump backwards.

    Forward: s = 1 if x > 0 else 0, x the distance of the potential from its threshold. Backward: ds/dx = height
    shape(x / width).

    Args:
        name: its name.
        shape: the bump, `shape(z)` elementwise on tensors, 1 at z = 0.
        width: in the unit of the potential. Potentials in volts need about a tenth of the way from reset to threshold.
        height: slope at the threshold, spikes per unit of the potential.
        source: where it comes from.

    Raises:
        InputError: for a width or height that is not positive.

    >>> x = torch.tensor([-0.5, 0.0, 0.5], requires_grad=True)
    >>> s = fast_sigmoid(width=0.5)(x)
    >>> s.sum().backward()
    >>> s.tolist(), x.grad.tolist()
    ([0.0, 0.0, 1.0], [0.25, 1.0, 0.25])
    """

    name: str
    shape: Callable[[torch.Tensor], torch.Tensor] = field(repr=False)
    width: float
    height: float
    source: str

    def __post_init__(self) -> None:
        for argument in ("width", "height"):
            if not 0 < getattr(self, argument) < math.inf:
                raise InputError(argument, getattr(self, argument), "must be a positive number")

    def __call__(self, distance: torch.Tensor) -> torch.Tensor:
        return self.spikes(distance, distance > 0)

    def spikes(self, distance: torch.Tensor, fired: torch.Tensor) -> torch.Tensor:
        """`fired` as numbers, with this slope towards `distance`."""
        return _Spike.apply(distance, fired, self)

    def slope(self, distance: torch.Tensor) -> torch.Tensor:
        """The slope used backwards."""
        return self.height * self.shape(distance / self.width)


class _Spike(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, distance: torch.Tensor, fired: torch.Tensor, surrogate: Surrogate) -> torch.Tensor:
        ctx.save_for_backward(distance)
        ctx.surrogate = surrogate
        return fired.to(distance.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        (distance,) = ctx.saved_tensors
        return gradient * ctx.surrogate.slope(distance), None, None


def fast_sigmoid_shape(z: torch.Tensor) -> torch.Tensor:
    """1 / (1 + |z|)^2."""
    return (1 + z.abs()).square().reciprocal()


def arctan_shape(z: torch.Tensor) -> torch.Tensor:
    """1 / (1 + (pi z / 2)^2)."""
    return (1 + (0.5 * math.pi * z).square()).reciprocal()


def triangle_shape(z: torch.Tensor) -> torch.Tensor:
    """max(0, 1 - |z|)."""
    return (1 - z.abs()).clamp(min=0)


def gaussian_shape(z: torch.Tensor) -> torch.Tensor:
    """exp(-z^2 / 2)."""
    return (-0.5 * z.square()).exp()


def boxcar_shape(z: torch.Tensor) -> torch.Tensor:
    """1 where |z| < 1, 0 elsewhere."""
    return (z.abs() < 1).to(z.dtype)


def clipped_tanh_shape(z: torch.Tensor) -> torch.Tensor:
    """1 - tanh(z)^2 where |z| < 3/2, 0 elsewhere."""
    return (1 - z.tanh().square()) * (z.abs() < 1.5)


def fast_sigmoid(*, width: float = 0.1, height: float = 1.0) -> Surrogate:
    """height / (1 + |x / width|)^2.

    Source: Zenke & Ganguli, SuperSpike, Neural Computation 30 (2018).
    """
    return Surrogate("fast_sigmoid", fast_sigmoid_shape, width, height, "zenke2018")


def arctan(*, width: float = 0.5, height: float = 1.0) -> Surrogate:
    """height / (1 + (pi/2 x / width)^2).

    Source: Fang et al., arXiv:2007.05785; their alpha is 1 / width, and height alpha / 2.
    """
    return Surrogate("arctan", arctan_shape, width, height, "arXiv:2007.05785")


def triangle(*, width: float = 1.0, height: float = 0.3) -> Surrogate:
    """height max(0, 1 - |x / width|).

    Source: Bellec et al., arXiv:1803.09574: the width is the threshold.
    """
    return Surrogate("triangle", triangle_shape, width, height, "arXiv:1803.09574")


def gaussian(*, width: float = 0.4, height: float = 1.0) -> Surrogate:
    """height exp(-(x / width)^2 / 2).

    Source: Wu et al., Spatio-temporal backpropagation, Frontiers in Neuroscience 12 (2018): their h4.
    """
    return Surrogate("gaussian", gaussian_shape, width, height, "wu2018")


def boxcar(*, width: float = 0.5, height: float = 1.0) -> Surrogate:
    """height where |x| < width, 0 elsewhere: a straight-through estimator near the threshold.

    Source: Wu et al. 2018: their h1.
    """
    return Surrogate("boxcar", boxcar_shape, width, height, "wu2018")


def clipped_tanh(*, width: float = 1 / 3, height: float = 1.5 / math.tanh(1.5)) -> Surrogate:
    """height (1 - tanh(x / width)^2) where |x| < 3/2 width, 0 elsewhere.

    With the default values, the slope of (tanh(3 (clip(u, 0, 1) - 1/2)) / tanh(3/2) + 1) / 2 at u = x + 1/2.

    Source: Guo et al., arXiv:2308.08359 (published code).
    """
    return Surrogate("clipped_tanh", clipped_tanh_shape, width, height, "arXiv:2308.08359")
