"""Draw the weights of a network anew at, or at a set distance from, the critical point of its activation."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import nn

from multiunit.core.errors import InputError
from multiunit.learning.criticality import Criticality, criticality
from multiunit.learning.kernel_flow import Activation


def critical_init(
    model: nn.Module, activation: Activation, *, gain: float = 1.0, random_state: int | np.random.Generator = 0
) -> Criticality:
    """Draw, in place, the weights of every linear or convolutional layer with variance gain C_W / fan-in.

    W ~ N(0, gain C_W / fan_in), b ~ N(0, C_b), with C_W and C_b of `criticality(activation)`. All other parameters,
    such as those of norms, are left alone.

    Args:
        model: a feedforward network of one kind of activation.
        activation: that activation, such as `torch.relu`.
        gain: 1 is critical; at other values the variance of a signal is multiplied by about this, layer by layer.
        random_state: draws the weights; the global generators are left alone.

    Returns:
        The critical point.

    Raises:
        InputError: for a model without such layers, a gain that is not positive, or an activation that has no critical
            point.

    Source: Roberts, Yaida & Hanin 2022, arXiv:2106.10165.

    >>> net = nn.Sequential(nn.Linear(400, 200), nn.ReLU(), nn.Linear(200, 200))
    >>> found = critical_init(net, torch.relu)
    >>> found.weight_variance, round(net[0].weight.var().item() * 400, 1), net[0].bias.any().item()
    (2.0, 2.0, False)
    """
    layers = [part for part in model.modules() if isinstance(part, nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d)]
    if not layers:
        raise InputError("model", type(model).__name__, "has no linear or convolutional layers")
    if not (math.isfinite(gain) and gain > 0):
        raise InputError("gain", gain, "must be positive and finite")
    point = criticality(activation)
    rng = np.random.default_rng(random_state)
    with torch.no_grad():
        for layer in layers:
            scale = math.sqrt(gain * point.weight_variance / layer.weight[0].numel())
            layer.weight.copy_(torch.as_tensor(scale * rng.normal(size=tuple(layer.weight.shape))))
            if layer.bias is not None:
                drawn = math.sqrt(point.bias_variance) * rng.normal(size=tuple(layer.bias.shape))
                layer.bias.copy_(torch.as_tensor(drawn))
    return point
