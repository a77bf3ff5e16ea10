"""A trained network with the weights that crossbars give it."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import nn

from multiunit.circuits.crossbar import program_crossbar
from multiunit.core.errors import InputError


def to_crossbar(
    network: nn.Module,
    *,
    levels: int | None = None,
    programming_noise: float = 0.0,
    stuck: float = 0.0,
    g_off: float = 1e-6,
    g_on: float = 1e-4,
    random_state: int | np.random.Generator = 0,
) -> nn.Module:
    """Write the weights of every Linear and Conv2d into a crossbar of its own, and read them back.

    What is read at run time - noise, wires, converters - is not in it; see `Crossbar.matvec`. Biases and all else stay
    digital.

    Args:
        network: any module with such layers.
        levels, programming_noise, stuck, g_off, g_on: see `program_crossbar`.
        random_state: draws noise and faults.

    Returns:
        A copy.

    Raises:
        InputError: without such a layer, or for a value out of range.

    >>> layer = nn.Linear(2, 1, bias=False)
    >>> _ = nn.init.constant_(layer.weight, 0.5)
    >>> to_crossbar(layer, levels=2).weight.detach().round(decimals=6).tolist()
    [[0.5, 0.5]]
    """
    rng = np.random.default_rng(random_state)
    written = copy.deepcopy(network)
    layers = [part for part in written.modules() if isinstance(part, nn.Linear | nn.Conv2d)]
    if not layers:
        raise InputError("network", type(network).__name__, "has no Linear or Conv2d")
    for layer in layers:
        flat = layer.weight.detach().flatten(1).numpy(force=True)
        crossbar = program_crossbar(
            flat,
            levels=levels,
            programming_noise=programming_noise,
            stuck=stuck,
            g_off=g_off,
            g_on=g_on,
            random_state=rng,
        )
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(crossbar.weights).view_as(layer.weight))
    return written
