"""A spiking multilayer perceptron: a constant input for some steps, and the mean of its readout."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import nn

from multiunit.core.errors import InputError
from multiunit.networks.fused_leaky import LeakyLayer
from multiunit.networks.surrogate import Surrogate


class SpikingPerceptron(nn.Module):
    """Linear layers without biases, leaky units that spike between them, a readout averaged over time.

    Parts: `linear` and `spikes`, one of each for a hidden layer, and `readout`.

    Args:
        sizes: units of the input, of each hidden layer and of the output.
        n_steps: steps for which the input is held.
        decay: what is left of a potential after a step, in (0, 1).
        scale: of the first weights into spiking units, in torch's own; at 1 a few layers of sparse spikes die out.
        surrogate: the slope of the spikes.
        random_state: draws the weights; the global generator is left alone.

    Raises:
        InputError: for fewer than three sizes, no steps, or a decay out of range.

    >>> net = SpikingPerceptron([64, 32, 10], n_steps=4)
    >>> net(torch.zeros(5, 64)).shape
    torch.Size([5, 10])
    """

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        n_steps: int = 6,
        decay: float = 0.5,
        scale: float = 3.0,
        surrogate: Surrogate | None = None,
        random_state: int | np.random.Generator = 0,
    ) -> None:
        super().__init__()
        if len(sizes) < 3 or min(sizes) < 1:
            raise InputError("sizes", list(sizes), "give the units of the input, of hidden layers, of the output")
        if n_steps < 1 or not 0 < decay < 1:
            raise InputError("n_steps", (n_steps, decay), "one step or more, and a decay in (0, 1)")
        self.n_steps = n_steps
        tau = -1e-3 / float(np.log(decay))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(np.random.default_rng(random_state).integers(2**31)))
            hidden = [nn.Linear(a, b, bias=False) for a, b in pairwise(sizes[:-1])]
            readout = nn.Linear(sizes[-2], sizes[-1], bias=False)
        with torch.no_grad():
            for layer in hidden:
                layer.weight *= scale
        self.linear, self.readout = nn.ModuleList(hidden), readout
        self.spikes = nn.ModuleList(
            LeakyLayer(n, reset="soft", tau_membrane=tau, surrogate=surrogate) for n in sizes[1:-1]
        )

    @property
    def layers(self) -> OrderedDict[str, nn.Linear]:
        """All linear layers by name, from the input on."""
        return OrderedDict((name, part) for name, part in self.named_modules() if isinstance(part, nn.Linear))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """`(batch, unit)` to logits `(batch, class)`."""
        # The first layer sees the same at every step: it is asked once.
        x = self.linear[0](inputs).expand(self.n_steps, -1, -1)
        for layer, spikes in zip((*self.linear[1:], self.readout), self.spikes, strict=True):
            x = layer(spikes(x).spikes)
        return x.mean(0)
