"""Weights that are not quite what they should be, anew in each step of training."""

from __future__ import annotations

import torch
from torch import nn

from multiunit.core.errors import InputError


class NoisyWeights(nn.Module):
    """A parametrisation: w (1 + noise z), z normal, in training; w in evaluation.

    A network trained so finds weights whose answer survives devices that cannot be written exactly. z is drawn from
    torch's generator; the gradient passes through.

    Args:
        noise: relative, 0 or more.

    Raises:
        InputError: for a negative value.

    Source: Joshi et al., Nature Communications 11:2473 (2020), for noise in the forward pass; there its size is
    relative to the largest weight, here to each, as that of a programmed conductance.

    >>> layer = nn.Linear(3, 2)
    >>> _ = nn.utils.parametrize.register_parametrization(layer, "weight", NoisyWeights(0.1))
    >>> bool((layer.weight != layer.weight).all()), bool((layer.eval().weight == layer.weight).all())
    (True, True)
    """

    def __init__(self, noise: float) -> None:
        super().__init__()
        if not noise >= 0:
            raise InputError("noise", noise, "must be 0 or more")
        self.noise = noise

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        if not self.training or self.noise == 0:
            return weight
        return weight * (1 + self.noise * torch.randn_like(weight))

    def extra_repr(self) -> str:
        return f"{self.noise}"
