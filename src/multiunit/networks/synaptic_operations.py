"""How much work the synapses of a network do for an input: all of them, or only those that something arrives at."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from multiunit.core.errors import InputError


@torch.no_grad()
def synaptic_operations(network: nn.Module, inputs: torch.Tensor, *, n_presentations: int) -> pd.DataFrame:
    """Count additions and multiplications at the weights of each linear layer while a network runs.

    dense = values that arrive * units they go to, what a network that multiplies everything does; events = those values
    that are not 0, times the same: for spikes of 1 the number of additions, spikes * fan-out. A layer that is asked
    once for all time steps counts once.

    Args:
        network: with `nn.Linear` layers, in whatever order; it is run as it is.
        inputs: what `network(inputs)` takes.
        n_presentations: how many presentations that is; counts are given for one of them.

    Returns:
        One row a linear layer, by name: `arriving` (values not 0), `events`, `dense`, means over presentations.

    Raises:
        InputError: for no presentations, or a network without linear layers.

    Source: the usual measure of neuromorphic work; as in Tavanaei et al., arXiv:1804.08150, and many others.

    >>> net = nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 5))
    >>> with torch.no_grad():
    ...     _ = net[0].weight.fill_(1.0), net[0].bias.copy_(torch.tensor([0.0, -9.0]))
    >>> synaptic_operations(net, torch.tensor([[1.0, 0.0, 1.0]]), n_presentations=1)
       arriving  events  dense
    0       2.0     4.0    6.0
    2       1.0     5.0   10.0
    """
    layers = {name: part for name, part in network.named_modules() if isinstance(part, nn.Linear)}
    if not layers:
        raise InputError("network", type(network).__name__, "has no linear layers to count")
    if n_presentations < 1:
        raise InputError("n_presentations", n_presentations, "must be at least 1")
    counts = {name: np.zeros(2) for name in layers}

    def watch(name: str) -> Any:
        def count(_: nn.Module, given: tuple[torch.Tensor, ...]) -> None:
            counts[name] += int(torch.count_nonzero(given[0])), given[0].numel()

        return count

    handles = [part.register_forward_pre_hook(watch(name)) for name, part in layers.items()]
    try:
        network(inputs)
    finally:
        for handle in handles:
            handle.remove()
    table = pd.DataFrame(counts, index=["arriving", "all"]).T / n_presentations
    fan_out = np.array([part.out_features for part in layers.values()])
    return pd.DataFrame(
        {"arriving": table["arriving"], "events": table["arriving"] * fan_out, "dense": table["all"] * fan_out}
    )
