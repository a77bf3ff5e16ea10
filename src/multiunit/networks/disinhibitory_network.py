"""Layers of excitatory cells, each with an inhibitory partner that feedback can silence."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn.functional import softplus

from multiunit.core.errors import InputError

TAU_EXCITATORY, TAU_INHIBITORY, TAU_CONTROL = 0.02, 0.005, 0.1
PROPORTIONAL, INTEGRAL, LEAK = 0.2, 0.4, 1.0


class PairedState(NamedTuple):
    """Potentials of all cells: for each hidden layer `(batch, unit)`, and the readout's, `(batch, class)`."""

    excitatory: tuple[torch.Tensor, ...]
    inhibitory: tuple[torch.Tensor, ...]
    readout: torch.Tensor


class DisinhibitoryNetwork(nn.Module):
    """A circuit of excitatory cells, each inhibited by its own partner, and a readout that a controller holds.

    With phi = softplus and r = phi(u), for the hidden layers l in turn,
        tau_E u_E' = -u_E + W_l r_(l-1) + b_l - phi(u_I)
        tau_I u_I' = -u_I + phi(u_E) - c Q_l
        tau_E y'   = -y + W_out r_L + c,  c = k_p e + k_i z,  tau_c z' = e - leak z,  e = target - softmax(y).
    Without feedback (c = 0) each cell rests where u_E + phi(phi(u_E)) equals its input: a network of layers, which
    `forward` solves, and gradients pass. tau_E, tau_I, tau_c: 20, 5, 100 ms; k_p, k_i, leak: 0.2, 0.4, 1.

    Parts: `hidden`, a linear layer each, and `readout`, without bias.

    Args:
        sizes: units of the input, of each hidden layer and of the output.
        random_state: draws the weights, normal of variance 1 / inputs, as the authors do; biases begin at 0.

    Raises:
        InputError: for fewer than three sizes.

    Source: Rossbroich & Zenke, NeurIPS 2023, and the authors' published code.

    >>> net = DisinhibitoryNetwork([2, 3, 2])
    >>> rest = net.open_loop(torch.ones(1, 2))
    >>> drive = net.hidden[0](torch.ones(1, 2))
    >>> torch.allclose(rest.excitatory[0] + softplus(rest.inhibitory[0]), drive, atol=1e-5)
    True
    """

    def __init__(self, sizes: Sequence[int], *, random_state: int | np.random.Generator = 0) -> None:
        super().__init__()
        if len(sizes) < 3 or min(sizes) < 1:
            raise InputError("sizes", list(sizes), "give the units of the input, of hidden layers, of the output")
        rng = np.random.default_rng(random_state)
        self.hidden = nn.ModuleList(nn.utils.skip_init(nn.Linear, a, b) for a, b in pairwise(sizes[:-1]))
        self.readout = nn.utils.skip_init(nn.Linear, sizes[-2], sizes[-1], bias=False)
        with torch.no_grad():
            for value in self.parameters():
                drawn = rng.normal(size=value.shape) / np.sqrt(value.shape[-1]) if value.ndim > 1 else 0.0
                value.copy_(torch.as_tensor(drawn))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """What the readout settles at without feedback: `(batch, input)` to logits `(batch, class)`."""
        return self.open_loop(x).readout

    def open_loop(self, x: torch.Tensor) -> PairedState:
        """Where all cells settle without feedback."""
        excitatory, rate = [], x
        for layer in self.hidden:
            excitatory.append(_settled(layer(rate)))
            rate = softplus(excitatory[-1])
        return PairedState(tuple(excitatory), tuple(softplus(u) for u in excitatory), self.readout(rate))

    @torch.no_grad()
    def feedback_weights(self, state: PairedState) -> list[torch.Tensor]:
        """Q_l, for each hidden layer `(batch, class, unit)`: how the readout follows from what inhibition takes away.

        Q_l = d y / d u_E phi'(u_I), each sample's matrix divided by its Frobenius norm.
        """
        found: list[torch.Tensor] = []
        to_rate = self.readout.weight.expand(len(state.readout), -1, -1)
        for k in range(len(self.hidden) - 1, -1, -1):
            # phi' = sigmoid.
            to_potential = to_rate * state.excitatory[k].sigmoid()[:, None]
            weights = to_potential * state.inhibitory[k].sigmoid()[:, None]
            found.insert(0, weights / weights.flatten(1).norm(dim=1)[:, None, None].clamp_min(1e-12))
            to_rate = to_potential @ self.hidden[k].weight
        return found

    @torch.no_grad()
    def closed_loop(
        self,
        x: torch.Tensor,
        start: PairedState,
        *,
        targets: torch.Tensor,
        feedback: Sequence[torch.Tensor],
        duration: float = 0.4,
        dt: float = 0.004,
    ) -> PairedState:
        """Run with the controller on, by Euler's steps.

        Args:
            x: `(batch, input)`.
            start: the state to start from, commonly `open_loop(x)`.
            targets: `(batch, class)`, probabilities.
            feedback: for each hidden layer `(batch, class, unit)`, as `feedback_weights` gives.
            duration, dt: s.

        Raises:
            InputError: for feedback to other than the hidden layers, or a step of tau_I or more.
        """
        if len(feedback) != len(self.hidden):
            raise InputError("feedback", len(feedback), f"needs one for each of {len(self.hidden)} hidden layers")
        if not 0 < dt < TAU_INHIBITORY:
            raise InputError("dt", dt, f"must be positive and below {TAU_INHIBITORY} s")
        excitatory, inhibitory = list(start.excitatory), list(start.inhibitory)
        y, z = start.readout, torch.zeros_like(start.readout)
        first = self.hidden[0](x)
        for _ in range(round(duration / dt)):
            error = targets - y.softmax(1)
            control = PROPORTIONAL * error + INTEGRAL * z
            rates = [softplus(u) for u in excitatory]
            for k, rate in enumerate(rates):
                drive = first if k == 0 else self.hidden[k](rates[k - 1])
                back = (control[:, :, None] * feedback[k]).sum(1)  # for few classes faster than a product of matrices
                # The order matters: both see the state before the step.
                grown = (drive - softplus(inhibitory[k])).sub_(excitatory[k])
                inhibitory[k] = torch.lerp(inhibitory[k], rate - back, dt / TAU_INHIBITORY)
                excitatory[k] = excitatory[k].add(grown, alpha=dt / TAU_EXCITATORY)
            y = torch.lerp(y, self.readout(rates[-1]) + control, dt / TAU_EXCITATORY)
            z = z + dt / TAU_CONTROL * (error - LEAK * z)
        return PairedState(tuple(excitatory), tuple(inhibitory), y)


def _settled(drive: torch.Tensor) -> torch.Tensor:
    """The u with u + phi(phi(u)) = drive; its gradient is that of the implicit function."""
    with torch.no_grad():
        u = drive.clone()
        for _ in range(8):  # the left side rises and is convex: Newton's steps converge from anywhere
            rate = softplus(u)
            u = u - (u + softplus(rate) - drive) / (1 + rate.sigmoid() * u.sigmoid())
        slope = 1 + softplus(u).sigmoid() * u.sigmoid()
    # Zero, with the gradient 1 / slope.
    return u + (drive - drive.detach()) / slope
