"""Spiking units that each own an astrocyte: a slow state that scales what comes in or lowers the threshold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.autograd.function import once_differentiable

from multiunit.core.errors import InputError
from multiunit.networks.fused_leaky import LeakyLayer
from multiunit.networks.surrogate import Surrogate, arctan

_MODES = ("gain", "threshold", "none")
_STATES = ("carried", "astrocyte", "fired")


class Modulated(NamedTuple):
    """What a layer did.

    Args:
        spikes: 0 or 1, `(time, sequence, unit)`.
        astrocyte: 0 to 1, of the same shape; 0 throughout if the mode is `none`.
        final: after the last step, `(sequence, unit)` each: `carried`, what is left of the potential, `astrocyte` and
            `fired`; the layer takes them as `state` to go on.
    """

    spikes: torch.Tensor
    astrocyte: torch.Tensor
    final: dict[str, torch.Tensor]


class AstroLIF(nn.Module):
    """A layer of leaky integrate-and-fire units with one astrocyte each, trainable by surrogate gradients.

    The step of `dynamics.astrocyte.astrocyte_gated_neuron` with weights: current_t = W x_t + b, drive_t = U x_t + c +
    R s_{t-1}; A_t = k_a A_{t-1} + (1 - k_a) sigmoid(drive_t); v_t = k_v v_{t-1} (1 - s_{t-1}) + (1 + g A_t) current_t;
    s_t = v_t > 1 - r A_t. k = exp(-1 / tau) and the strength (g or r) are trained, one value a unit. The gradient
    ignores the reset.

    Args:
        n_in: inputs.
        n_units: units.
        mode: `gain`: g is the strength, 1 at the start, and r = 0; `threshold`: r is, 1/2 at the start, and g = 0;
            `none`: no astrocytes, and no weights to them.
        tau_membrane: steps, at the start; if two, spread evenly in their logarithm over the units.
        tau_astrocyte: bounds in steps that training cannot leave; at the start spread evenly in their logarithm.
        surrogate: slope of the spike; an arctangent if None.
        random_state: draws the weights, such that inputs of variance 1 make currents and drives of variance 1; the
            global generator is left alone.

    Raises:
        InputError: for an unknown mode, no units, or time constants that are not positive and in order.

    Source: in the spirit of the astrocyte-modulated spiking unit of arXiv:2312.07625. Reconstructed from its abstract:
    the equations of the paper could not be read.

    >>> layer = AstroLIF(1, 1, tau_astrocyte=(5, 10))
    >>> _ = nn.init.constant_(layer.current.weight, 0.7), nn.init.constant_(layer.drive.weight, 9.0)
    >>> layer(torch.ones(8, 1, 1)).spikes.flatten().tolist()    # its astrocyte lets it fire more and more
    [0.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    """

    bounds: torch.Tensor

    def __init__(
        self,
        n_in: int,
        n_units: int = 64,
        *,
        mode: str = "gain",
        tau_membrane: float | tuple[float, float] = 2.0,
        tau_astrocyte: tuple[float, float] = (10.0, 1000.0),
        surrogate: Surrogate | None = None,
        random_state: int | np.random.Generator = 0,
    ) -> None:
        super().__init__()
        if mode not in _MODES:
            raise InputError("mode", mode, f"is one of {', '.join(_MODES)}")
        if n_in < 1 or n_units < 1:
            raise InputError("n_in" if n_in < 1 else "n_units", min(n_in, n_units), "must be at least 1")
        shortest, longest = np.broadcast_to(tau_membrane, 2)
        for name, (low, high) in {"tau_membrane": (shortest, longest), "tau_astrocyte": tau_astrocyte}.items():
            if not 0 < low <= high < np.inf:
                raise InputError(name, (low, high), "needs positive numbers of steps, the smaller one first")
        if not tau_astrocyte[0] < tau_astrocyte[1]:
            raise InputError("tau_astrocyte", tau_astrocyte, "needs two different bounds")
        self.n_in, self.n_units, self.mode = n_in, n_units, mode
        self.surrogate = arctan() if surrogate is None else surrogate
        # In the middles of n_units equal parts, so that nobody starts on a bound.
        place = (torch.arange(n_units) + 0.5) / n_units
        taus = (np.log(shortest) + np.log(longest / shortest) * place).exp()
        self.membrane = LeakyLayer(
            n_units, reset="zero", surrogate=self.surrogate, learnable=("tau_membrane",), dt=1.0, tau_membrane=taus
        )
        self.register_buffer("bounds", torch.tensor(tau_astrocyte).log(), persistent=False)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(np.random.default_rng(random_state).integers(2**31)))
            self.current = _linear(n_in, n_units)
            if mode != "none":
                self.drive, self.feedback = _linear(n_in, n_units), _linear(n_units, n_units, bias=False)
                self.place = nn.Parameter(place.logit())
                self.strength = nn.Parameter(torch.full((n_units,), 1.0 if mode == "gain" else 0.5))

    def tau_astrocyte(self) -> torch.Tensor:
        """Time constants in steps, `(unit,)`."""
        low, high = self.bounds
        return (low + (high - low) * self.place.sigmoid()).exp()

    def forward(self, x: torch.Tensor, *, state: Mapping[str, torch.Tensor] | None = None) -> Modulated:
        """Run over `(time, sequence, input)`, from 0 or from the `final` of a run before.

        Raises:
            InputError: for another shape, or a state that does not fit.
        """
        if x.ndim != 3 or x.shape[2] != self.n_in or not len(x):
            raise InputError("x", tuple(x.shape), f"needs (time, sequence, {self.n_in})")
        current = self.current(x)
        carried, a, fired = self._start(current[0], state)
        if self.mode == "none":
            run = self.membrane(current, state={"carried": carried})
            return Modulated(
                run.spikes, torch.zeros_like(current), self._final(run.final["carried"], a, run.spikes[-1])
            )
        keep = (-1 / self.membrane.parameter("tau_membrane")).exp()
        astrocyte_keep = (-1 / self.tau_astrocyte()).exp()
        zero = torch.zeros_like(self.strength)
        gain, relief = (self.strength, zero) if self.mode == "gain" else (zero, self.strength)
        spikes, astrocyte, carried = _Steps.apply(
            current,
            self.drive(x),
            self.feedback.weight,
            carried,
            a,
            fired,
            keep,
            astrocyte_keep,
            gain,
            relief,
            self.surrogate,
        )
        return Modulated(spikes, astrocyte, self._final(carried, astrocyte[-1], spikes[-1]))

    def _final(self, *values: torch.Tensor) -> dict[str, torch.Tensor]:
        return dict(zip(_STATES, values, strict=True))

    def _start(
        self, like: torch.Tensor, state: Mapping[str, torch.Tensor] | None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        if state is None:
            zero = torch.zeros_like(like)
            return zero, zero, zero
        for name in _STATES:
            if name not in state or state[name].shape != like.shape:
                raise InputError("state", sorted(state), f"needs {', '.join(_STATES)}, {tuple(like.shape)} each")
        return state["carried"], state["astrocyte"], state["fired"]


class _Steps(torch.autograd.Function):
    """All steps with their gradient written out: 1.3 to 2.6 times as fast as recording each operation of each step."""

    @staticmethod
    def forward(
        ctx: Any,
        current: torch.Tensor,
        drive: torch.Tensor,
        feedback: torch.Tensor,
        carried: torch.Tensor,
        astrocyte: torch.Tensor,
        fired: torch.Tensor,
        keep: torch.Tensor,
        astrocyte_keep: torch.Tensor,
        gain: torch.Tensor,
        relief: torch.Tensor,
        surrogate: Surrogate,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        first = astrocyte, fired
        seen, spikes, astrocytes, potentials = (torch.empty_like(current) for _ in range(4))
        for t, now in enumerate(current):
            torch.addmm(drive[t], fired, feedback.T, out=seen[t]).sigmoid_()
            astrocyte = torch.lerp(seen[t], astrocyte, astrocyte_keep, out=astrocytes[t])
            v = torch.addcmul(carried + now, gain * astrocyte, now, out=potentials[t])
            fired = spikes[t].copy_(v > 1.0 - relief * astrocyte)
            carried = (keep * v).masked_fill_(fired > 0, 0.0)
        ctx.save_for_backward(
            current, feedback, *first, keep, astrocyte_keep, gain, relief, seen, spikes, astrocytes, potentials
        )
        ctx.surrogate = surrogate
        return spikes, astrocytes, carried

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, to_spikes: torch.Tensor, to_astrocytes: torch.Tensor, to_carried: torch.Tensor
    ) -> tuple[torch.Tensor | None, ...]:
        current, feedback, a_first, fired_first, keep, astrocyte_keep, gain, relief, *found = ctx.saved_tensors
        seen, spikes, astrocytes, potentials = found
        to_last = to_carried
        slope = ctx.surrogate.slope(potentials - 1.0 + relief * astrocytes)
        to_next = keep * (1 - spikes)
        by_astrocyte = gain * current
        by_drive = (1 - astrocyte_keep) * seen * (1 - seen)
        to_v, to_threshold, to_a, to_drive = (torch.empty_like(current) for _ in range(4))
        # What reaches the astrocyte and the spike of the step before.
        back_a, back_spike = torch.zeros_like(a_first), torch.zeros_like(a_first)
        for t in range(len(current) - 1, -1, -1):
            distance = torch.mul(to_spikes[t] + back_spike, slope[t], out=to_threshold[t])
            v = torch.addcmul(distance, to_carried, to_next[t], out=to_v[t])
            own = torch.addcmul(to_astrocytes[t] + back_a, v, by_astrocyte[t])
            a = torch.addcmul(own, distance, relief, out=to_a[t])
            z = torch.mul(a, by_drive[t], out=to_drive[t])
            back_a, back_spike, to_carried = astrocyte_keep * a, z @ feedback, v
        before_a = torch.cat([a_first[None], astrocytes[:-1]])
        before_spikes = torch.cat([fired_first[None], spikes[:-1]])
        to_kept = torch.cat([to_v[1:], to_last[None]])
        return (
            to_v * (1 + gain * astrocytes),
            to_drive,
            to_drive.flatten(0, 1).T @ before_spikes.flatten(0, 1),
            to_carried,
            back_a,
            back_spike,
            (to_kept * potentials * (1 - spikes)).sum((0, 1)),
            (to_a * (before_a - seen)).sum((0, 1)),
            (to_v * astrocytes * current).sum((0, 1)),
            (to_threshold * astrocytes).sum((0, 1)),
            None,
        )


def _linear(n_in: int, n_out: int, *, bias: bool = True) -> nn.Linear:
    layer = nn.Linear(n_in, n_out, bias=bias)
    nn.init.normal_(layer.weight, std=n_in**-0.5)
    if bias:
        nn.init.zeros_(layer.bias)
    return layer
