"""Numbers rounded to few bits forwards, and a straight line backwards: training for coarse hardware."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable

from multiunit.core.errors import InputError


def fake_quantise(
    x: torch.Tensor, *, bits: int, signed: bool = True, axis: int | None = None, limit: float | None = None
) -> torch.Tensor:
    """Round to the nearest of 2^bits - 1 levels (2^bits if unsigned) that lie evenly about zero.

    y = step clip(round(x / step), -n, n), step = limit / n, n = 2^(bits - 1) - 1; unsigned, from 0 to n = 2^bits - 1.
    Backwards dy/dx = 1 within the limits and 0 beyond.

    Args:
        x: numbers of any shape, float.
        bits: at least 2 if signed, 1 if unsigned.
        signed: False for what is never negative, such as activations after a ReLU.
        axis: given, each slice along it has its own limit: the output channels of a weight are axis 0.
        limit: the largest magnitude; that of x (or of its slice) if None.

    Raises:
        InputError: for too few bits, an axis that is not there, or a limit that is not positive or beside an axis.

    Source: Jacob et al., arXiv:1712.05877, for uniform levels; Bengio et al., arXiv:1308.3432, for the gradient.
    Reconstructed: equations were not read again there.

    >>> fake_quantise(torch.tensor([-0.9, 0.3, 1.7, 3.0]), bits=3).tolist()    # steps of 1
    [-1.0, 0.0, 2.0, 3.0]
    >>> fake_quantise(torch.tensor([[-2.0, 0.5], [1.0, 3.0]]), bits=2, axis=0).tolist()
    [[-2.0, 0.0], [0.0, 3.0]]
    """
    least = 2 if signed else 1
    if bits < least:
        raise InputError("bits", bits, f"needs at least {least}")
    if limit is not None and (axis is not None or not limit > 0):
        raise InputError("limit", limit, "must be positive, and stands for all slices along an axis")
    if axis is not None and not -x.ndim <= axis < x.ndim:
        raise InputError("axis", axis, f"is none of the {x.ndim} of x")
    magnitude = x.detach().abs()
    if limit is not None:
        largest = magnitude.new_tensor(limit)
    elif axis is None:
        largest = magnitude.max()
    else:
        others = [i for i in range(x.ndim) if i != axis % x.ndim]
        largest = magnitude.amax(others, keepdim=True) if others else magnitude
    n = 2 ** (bits - 1) - 1 if signed else 2**bits - 1
    # Where all is zero any step will do.
    step = torch.where(largest > 0, largest, 1.0) / n
    return _Rounded.apply(x, step, -n if signed else 0, n)


class _Rounded(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, step: torch.Tensor, least: int, most: int) -> torch.Tensor:
        number = (x / step).round()
        ctx.save_for_backward((number >= least) & (number <= most))
        return number.clamp(least, most) * step

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        (within,) = ctx.saved_tensors
        return gradient * within, None, None, None


class FakeQuantisation(nn.Module):
    """`fake_quantise` as a layer, for activations, or as a parametrisation, for weights.

    >>> layer = nn.Linear(4, 2)
    >>> _ = nn.utils.parametrize.register_parametrization(layer, "weight", FakeQuantisation(bits=2, axis=0))
    >>> len(layer.weight[0].unique()) <= 3
    True
    """

    def __init__(self, *, bits: int, signed: bool = True, axis: int | None = None, limit: float | None = None) -> None:
        super().__init__()
        fake_quantise(torch.zeros(1, 1), bits=bits, signed=signed, limit=limit)
        self.bits, self.signed, self.axis, self.limit = bits, signed, axis, limit

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return fake_quantise(x, bits=self.bits, signed=self.signed, axis=self.axis, limit=self.limit)

    def extra_repr(self) -> str:
        return f"bits={self.bits}, signed={self.signed}, axis={self.axis}, limit={self.limit}"
