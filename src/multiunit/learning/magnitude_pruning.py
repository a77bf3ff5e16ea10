"""Set the smallest weights of a network to zero."""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.nn.utils import parametrize

from multiunit.core.errors import InputError


def magnitude_pruning(model: nn.Module, fraction: float) -> nn.Module:
    """A copy of a network in which the `fraction` of weights nearest zero, over all layers together, is zero.

    Weights of linear and convolutional layers count, biases do not. Weights that are parameterised, as by `powerprop`,
    are pruned as the network uses them, through the right inverse of their parameterisation.

    Args:
        model: left alone.
        fraction: of all weights, 0 to 1; rounded to a number of weights.

    Returns:
        The pruned copy.

    Raises:
        InputError: for a fraction out of range, or a model without such layers.

    Source: Han, Pool, Tran & Dally, arXiv:1506.02626, without their retraining.

    >>> net = nn.Linear(4, 1)
    >>> _ = net.weight.data.copy_(torch.tensor([[0.1, -2.0, 0.3, -0.2]]))
    >>> magnitude_pruning(net, 0.5).weight.tolist()
    [[0.0, -2.0, 0.30000001192092896, 0.0]]
    """
    if not 0 <= fraction <= 1:
        raise InputError("fraction", fraction, "must be from 0 to 1")
    pruned = copy.deepcopy(model)
    layers = [m for m in pruned.modules() if isinstance(m, (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d))]
    if not layers:
        raise InputError("model", type(model).__name__, "has no linear or convolutional layer")
    with torch.no_grad():
        weights = [layer.weight.detach() for layer in layers]
        sizes = torch.cat([w.abs().flatten() for w in weights])
        small = torch.zeros_like(sizes, dtype=torch.bool)
        small[sizes.argsort(stable=True)[: round(fraction * len(sizes))]] = True
        for layer, w, mask in zip(layers, weights, small.split([w.numel() for w in weights]), strict=True):
            kept = w.masked_fill(mask.view_as(w), 0)
            if parametrize.is_parametrized(layer, "weight"):
                layer.weight = kept  # runs its right inverse; torch cannot remove it from a copy alone
            else:
                layer.weight.copy_(kept)
    return pruned
