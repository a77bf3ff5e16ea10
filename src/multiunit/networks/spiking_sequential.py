"""Layers one after the other, over time: what spikes hands on its spikes."""

from __future__ import annotations

import torch
from torch import nn

from multiunit.networks.spiking_layer import SpikingLayer


class SpikingSequential(nn.Sequential):
    """`nn.Sequential` for `(time, batch, ...)`: spiking layers run over time, other modules see each step by itself.

    Steps that share their memory, as `x.expand(n_steps, *x.shape)` makes them, are asked once up to the first spiking
    layer.

    >>> from multiunit.networks.fused_leaky import LeakyLayer
    >>> net = SpikingSequential(nn.Linear(1, 1, bias=False), LeakyLayer(1, tau_membrane=1e9))
    >>> _ = nn.init.constant_(net[0].weight, 0.4)
    >>> net(torch.ones(1, 1).expand(5, 1, 1)).flatten().tolist()    # 0.4, 0.8, 1.2, 0.6, 1.0 (not above 1)
    [0.0, 0.0, 1.0, 0.0, 0.0]
    """

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """`(time, batch, ...)` to the same of the last layer: its spikes, 0 or 1, if it spikes."""
        for part in self:
            if isinstance(part, SpikingLayer | SpikingSequential):
                found = part(inputs)
                inputs = found if isinstance(found, torch.Tensor) else found.spikes
            elif len(inputs) and inputs.stride(0) == 0:
                once = part(inputs[0])
                inputs = once.expand(len(inputs), *once.shape)
            else:
                inputs = part(inputs.flatten(0, 1)).unflatten(0, inputs.shape[:2])
        return inputs
