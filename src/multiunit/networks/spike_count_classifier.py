"""One layer of leaky spiking units between spike trains and a readout of how often each unit spiked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from multiunit.core.errors import InputError
from multiunit.networks.fused_leaky import LeakyLayer


class SpikeCountClassifier(nn.Module):
    """Weights, leaky units that lose their threshold at a spike, and a linear readout of their spike counts.

    logits = b + W sum_t s_t / sqrt(T), over T steps; s the spikes of a `LeakyLayer`.

    Args:
        n_in: input trains.
        n_hidden: spiking units.
        n_classes: classes.
        tau_membrane: s, of every unit at first.
        threshold: the same.
        learnable: which of these two are learnt, each unit's own.
        scale: standard deviation of the first weights into the units, in thresholds of 1.
        dt: step, s.
        random_state: draws the weights; the global generator is left alone.

    Raises:
        InputError: for sizes below 1, or an unknown name.

    >>> net = SpikeCountClassifier(40, 32, 2, learnable=("tau_membrane",))
    >>> net(torch.zeros(5, 200, 40)).shape, net.layer.parameter("tau_membrane").shape
    (torch.Size([5, 2]), torch.Size([32]))
    """

    def __init__(
        self,
        n_in: int,
        n_hidden: int,
        n_classes: int,
        *,
        tau_membrane: float = 0.01,
        threshold: float = 1.0,
        learnable: Sequence[str] = (),
        scale: float = 0.5,
        dt: float = 1e-3,
        random_state: int | np.random.Generator = 0,
    ) -> None:
        super().__init__()
        if min(n_in, n_hidden, n_classes) < 1:
            raise InputError("n_hidden", (n_in, n_hidden, n_classes), "n_in, n_hidden, n_classes must be at least 1")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(np.random.default_rng(random_state).integers(2**31)))
            self.weights = nn.Linear(n_in, n_hidden, bias=False)
            self.readout = nn.Linear(n_hidden, n_classes)
            nn.init.normal_(self.weights.weight, std=scale)
        self.layer = LeakyLayer(n_hidden, learnable=learnable, tau_membrane=tau_membrane, threshold=threshold, dt=dt)

    def spikes(self, inputs: torch.Tensor) -> torch.Tensor:
        """`(presentation, time, unit)` spikes of the inputs to those of the units, `(presentation, time, hidden)`."""
        return self.layer(self.weights(inputs).movedim(1, 0)).spikes.movedim(0, 1)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """`(presentation, time, unit)` to logits `(presentation, class)`."""
        return self.readout(self.spikes(inputs).sum(1) / inputs.shape[1] ** 0.5)
