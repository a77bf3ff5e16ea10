"""A plain recurrent network that starts by keeping its state as it is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from multiunit.core.errors import InputError


class Recurrence(NamedTuple):
    """What a recurrent network did.

    Args:
        logits: `(time, sequence, output)`.
        activity: of the hidden units, `(time, sequence, ...)`.
    """

    logits: torch.Tensor
    activity: torch.Tensor


class IdentityRNN(nn.Module):
    """Rectified units with a dense recurrent matrix that starts as the identity.

    h_t = relu(U h_{t-1} + V x_t + b), y_t = W h_t + a; U = 1 and b = 0 at the start, V from N(0, 0.001^2).

    Args:
        n_in: inputs.
        n_hidden: units.
        n_out: outputs.
        random_state: draws the weights; the global generator is left alone.

    Raises:
        InputError: for no units.

    Source: Le, Jaitly & Hinton, arXiv:1504.00941, as in the code of Keller et al., arXiv:2309.08045.

    >>> net = IdentityRNN(2, 8, n_out=3)
    >>> pulse = torch.zeros(5, 1, 2)
    >>> pulse[0] = 1.0
    >>> activity = net(pulse).activity
    >>> activity.shape, torch.equal(activity[0], activity[4])    # what came in stays
    (torch.Size([5, 1, 8]), True)
    """

    def __init__(
        self, n_in: int, n_hidden: int = 64, *, n_out: int = 10, random_state: int | np.random.Generator = 0
    ) -> None:
        super().__init__()
        if n_hidden < 1:
            raise InputError("n_hidden", n_hidden, "must be at least 1")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(np.random.default_rng(random_state).integers(2**31)))
            self.inward = nn.Linear(n_in, n_hidden)
            self.recurrent = nn.Linear(n_hidden, n_hidden, bias=False)
            self.readout = nn.Linear(n_hidden, n_out)
            nn.init.normal_(self.inward.weight, std=0.001)
        nn.init.zeros_(self.inward.bias)
        nn.init.eye_(self.recurrent.weight)

    def forward(self, x: torch.Tensor) -> Recurrence:
        """Run over `(time, sequence, input)` from a state of 0.

        Raises:
            InputError: for another shape.
        """
        activity = rectified_recurrence(self.inward, x, recurrent=self.recurrent.weight)
        return Recurrence(self.readout(activity), activity)


def rectified_recurrence(inward: nn.Linear, x: torch.Tensor, *, recurrent: torch.Tensor) -> torch.Tensor:
    """h_t = relu(U h_{t-1} + inward(x_t)) from 0, `(time, sequence, unit)`, for U `(unit, unit)`.

    Raises:
        InputError: if x is not `(time, sequence, input)`, of at least one step.
    """
    if x.ndim != 3 or x.shape[2] != inward.in_features or not len(x):
        raise InputError("x", tuple(x.shape), f"needs (time, sequence, {inward.in_features})")
    driven = inward(x)
    h = torch.zeros_like(driven[0])
    found = []
    for now in driven:
        h = torch.relu(torch.addmm(now, h, recurrent.T))
        found.append(h)
    return torch.stack(found)
