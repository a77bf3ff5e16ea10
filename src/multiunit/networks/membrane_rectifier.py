"""The membrane potential rectifier: potentials pushed towards 0 or 1 before they are rounded to spikes."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable


def rectified_membrane(u: torch.Tensor) -> torch.Tensor:
    """Push potentials towards 0 below the threshold 1/2, and towards 1 above it.

    phi(u) = 1 - (1 - u)^(1/3) for u < 0; tanh(3 (u - 1/2)) / (2 tanh(3/2)) + 1/2 for 0 <= u <= 1; u^(1/3) for u > 1. It
    rises, and phi(0) = 0, phi(1/2) = 1/2, phi(1) = 1, so that the same potentials spike; what changes is the gradient.

    Args:
        u: membrane potentials of any shape, in units of a spike.

    Returns:
        phi(u), with a finite gradient everywhere.

    Source: Guo et al., Reducing information loss for spiking neural networks, arXiv:2307.04356 (published code).

    >>> [round(x, 3) for x in rectified_membrane(torch.tensor([-7.0, 0.0, 0.25, 0.5, 1.0, 8.0])).tolist()]
    [-1.0, 0.0, 0.149, 0.5, 1.0, 2.0]
    """
    return _Rectified.apply(u)


class _Rectified(torch.autograd.Function):
    """One cube root serves both sides and the gradient; it is what takes the time."""

    @staticmethod
    def forward(ctx: Any, u: torch.Tensor) -> torch.Tensor:
        # Distance from the far end: 1 between 0 and 1, where the root is not used.
        root = torch.maximum(u, 1 - u).clamp(min=1).log().mul(1 / 3).exp()
        bend = torch.tanh(3 * (u - 0.5))
        ctx.save_for_backward(u, root, bend)
        middle = bend / (2 * math.tanh(1.5)) + 0.5
        return torch.where(u < 0, 1 - root, torch.where(u > 1, root, middle))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        u, root, bend = ctx.saved_tensors
        inside = (1 - bend * bend) * (1.5 / math.tanh(1.5))
        return gradient * torch.where((u < 0) | (u > 1), 1 / (3 * root * root), inside)


class MembraneRectifier(nn.Module):
    """`rectified_membrane` for the argument `membrane` of a spiking layer; its threshold must be 0.5.

    >>> from multiunit.networks.fused_leaky import LeakyLayer
    >>> layer = LeakyLayer(1, reset="soft", threshold=0.5, membrane=MembraneRectifier())
    >>> layer(torch.full((2, 1, 1), 0.4)).spikes.flatten().tolist()
    [0.0, 1.0]
    """

    def forward(self, u: torch.Tensor) -> torch.Tensor:
        return rectified_membrane(u)
