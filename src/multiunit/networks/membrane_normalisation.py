"""Batch normalisation of the membrane potential, and its folding into thresholds."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

import torch
from torch import nn

from multiunit.core.errors import InputError
from multiunit.networks.fused_leaky import LeakyLayer


class MembraneNormalisation(nn.Module):
    """Normalise the potential just before it is compared with the threshold; what is reset stays as it was.

    u_hat = gamma (u - mean) / sqrt(var + eps) + beta. Given to a spiking layer as `membrane`, it is called once a step:
    each time step has its own mean and variance over batch and places in training, while gamma, beta and the running
    statistics used in evaluation are shared by the steps.

    Args:
        n_units: units or channels.
        places: given, such as (14, 14), each neuron has its own gamma, beta and statistics, over the batch alone;
            otherwise each channel has.

    Raises:
        InputError: if the potentials do not fit.

    Source: Guo et al., Membrane potential batch normalization for spiking neural networks, arXiv:2308.08359.

    >>> from multiunit.networks.fused_leaky import LeakyLayer
    >>> layer = LeakyLayer(2, reset="zero", threshold=0.5, membrane=MembraneNormalisation(2))
    >>> current = torch.arange(8.0).reshape(1, 4, 2)    # each unit: 4 images about their mean
    >>> layer(current).spikes[0].tolist()
    [[0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [1.0, 1.0]]
    """

    def __init__(self, n_units: int, *, places: Sequence[int] = ()) -> None:
        super().__init__()
        self.n_units, self.places = n_units, tuple(places)
        self.norm: nn.BatchNorm1d = nn.BatchNorm1d(n_units * math.prod(self.places))

    def forward(self, u: torch.Tensor) -> torch.Tensor:
        """`(batch, unit, ...)` to the same."""
        if u.shape[1] != self.n_units or (self.places and u.shape[2:] != self.places):
            raise InputError("u", tuple(u.shape), f"needs (batch, {self.n_units}, ...), places {self.places or 'any'}")
        flat = u.flatten(1) if self.places or u.ndim == 2 else u.flatten(2)
        return self.norm(flat).view_as(u)


class _Sign(nn.Module):
    sign: torch.Tensor

    def __init__(self, sign: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("sign", sign)

    def forward(self, u: torch.Tensor) -> torch.Tensor:
        return u * self.sign.reshape(*self.sign.shape, *[1] * (u.ndim - 1 - self.sign.ndim))


def fold_normalisation(layer: LeakyLayer) -> LeakyLayer:
    """Give a layer without normalisation that spikes as this one does in evaluation.

    A unit spikes when u > mean + sqrt(var + eps) (threshold - beta) / gamma; where gamma < 0 when it is below; where
    gamma = 0 always or never. So each channel or neuron has a threshold of its own, and those with gamma < 0 compare
    -u with its negative. Where no gamma is negative the folded layer runs the fused loop.

    Args:
        layer: one with `membrane=MembraneNormalisation(...)` and reset `zero` or `soft`.

    Returns:
        The folded layer; nothing is shared with the one given. Its threshold is not learnable.

    Raises:
        InputError: without such a normalisation, or with reset `subtract`, where a spike takes the threshold itself.

    Source: Guo et al., arXiv:2308.08359, for gamma > 0; the other signs follow.

    >>> layer = LeakyLayer(1, reset="zero", threshold=0.5, membrane=MembraneNormalisation(1)).eval()
    >>> layer.membrane.norm.running_mean.fill_(2.0)
    tensor([2.])
    >>> round(float(fold_normalisation(layer).parameter("threshold")), 3)
    2.5
    """
    if not isinstance(layer.membrane, MembraneNormalisation):
        raise InputError("layer", layer, "has no membrane=MembraneNormalisation(...) to fold")
    if layer.reset == "subtract":
        raise InputError("layer", layer, "loses its threshold at a spike; fold one with reset zero or soft")
    norm, places = layer.membrane.norm, layer.membrane.places
    mean, variance = norm.running_mean, norm.running_var
    assert mean is not None
    assert variance is not None
    with torch.no_grad():
        gamma, beta = norm.weight.double(), norm.bias.double()
        threshold = layer.parameter("threshold").double()
        if threshold.ndim:
            threshold = threshold.repeat_interleave(math.prod(places))
        level = mean.double() + (variance.double() + norm.eps).sqrt() * (threshold - beta) / gamma
        never = torch.where(beta > threshold, -math.inf, math.inf)
        sign = torch.where(gamma < 0, -1.0, 1.0)
        level = torch.where(gamma == 0, never, level) * sign
        level, sign = (value.to(mean.dtype).view(layer.n_units, *places) for value in (level, sign))
    folded = copy.deepcopy(layer)
    folded.membrane = _Sign(sign) if (sign < 0).any() else None
    folded.hold("threshold", level)
    return folded
