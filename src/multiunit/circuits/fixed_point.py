"""Spiking neurons in whole numbers, bit by bit as a small chip computes them, with plasticity on the chip."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from multiunit.core.errors import InputError


class FixedPointRun(NamedTuple):
    """What happened on the chip.

    `spikes` uint8 `(time, neuron)`, those given among them; `potential` int64 `(time, neuron)` after each step;
    `weights` int64 `(neuron, neuron)`, presynaptic first, after the last step.
    """

    spikes: np.ndarray
    potential: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True)
class FixedPointSTDP:
    """Plasticity by spike times in whole numbers: one trace a neuron, shifts for decay.

    At each step, after the spikes s are known: x <- x - (x >> trace_shift); w_ij <- w_ij + s_j (x_i potentiation >>
    shift) - s_i (x_j depression >> shift), saturated; x_i <- x_i + s_i trace_step, saturated at 2^trace_bits - 1. So
    spikes of the same step do not see each other.

    Args:
        potentiation, depression: factors, 0 or more.
        shift: both products are divided by 2^shift, downwards.
        trace_step, trace_shift, trace_bits: what a spike adds to a trace, its decay, its width.
        plastic: `(neuron, neuron)` bool, which synapses change; all but those of a neuron to itself if None.
    """

    potentiation: int = field(default=1, kw_only=True)
    depression: int = field(default=1, kw_only=True)
    shift: int = field(default=4, kw_only=True)
    trace_step: int = field(default=64, kw_only=True)
    trace_shift: int = field(default=3, kw_only=True)
    trace_bits: int = field(default=8, kw_only=True)
    plastic: np.ndarray | None = field(default=None, kw_only=True, repr=False)


@dataclass(frozen=True)
class FixedPointSNN:
    """Leaky integrate-and-fire neurons, each connected to each, in signed whole numbers that saturate.

    At each step: I <- I - (I >> synapse_shift) + sum over i of w_ij s_i of the step before; v <- v - (v >> leak_shift)
    + I; a neuron spikes if v >= threshold and its last spike is more than `refractory` steps ago, and then v <- v_reset
    or v - threshold. Spikes given from outside are added to the neuron's own, and do not touch its potential. A shift
    rounds downwards; one of as many bits as there are leaves what is positive, and lets what is negative rise by 1.

    Args:
        weights: whole numbers `(neuron, neuron)`, presynaptic first, within `weight_bits`.
        threshold: a whole number, or `(neuron,)`.
        leak_shift: the same; a potential keeps 1 - 2^-leak_shift of itself in a step.
        refractory: steps in which a neuron cannot spike after a spike; the same.
        v_reset: the potential after a spike; None takes the threshold away.
        synapse_shift: decay of the currents; 0 makes a current last one step.
        weight_bits, v_bits: widths, sign included; currents are as wide as potentials.
        stdp: how weights change; None leaves them.

    Raises:
        InputError: for shapes that do not fit, numbers that are not whole or too wide, or widths and shifts out of
            range (weights 2 to 16 bits, potentials 8 to 24, shifts 0 to 31).

    Source: reconstructed after NeuroCoreX, arXiv:2506.14138: integer LIF with current synapses and STDP; its exact
    widths and arithmetic could not be read, so that this is not compatible with it.

    >>> pair = FixedPointSNN(np.array([[0, 40], [0, 0]]), threshold=100, leak_shift=2, v_reset=0)
    >>> given = np.zeros((6, 2), int)
    >>> given[:4, 0] = 1
    >>> run = pair.run(given)
    >>> run.potential[:, 1].tolist(), run.spikes[:, 1].tolist()    # 40, 30 + 40, 53 + 40, 70 + 40
    ([0, 40, 70, 93, 0, 0], [0, 0, 0, 0, 1, 0])
    """

    weights: np.ndarray = field(repr=False)
    threshold: Any = field(kw_only=True)
    leak_shift: Any = field(default=4, kw_only=True)
    refractory: Any = field(default=0, kw_only=True)
    v_reset: int | None = field(default=0, kw_only=True)
    synapse_shift: int = field(default=0, kw_only=True)
    weight_bits: int = field(default=8, kw_only=True)
    v_bits: int = field(default=16, kw_only=True)
    stdp: FixedPointSTDP | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        _within("weight_bits", self.weight_bits, 2, 16)
        _within("v_bits", self.v_bits, 8, 24)
        _within("synapse_shift", self.synapse_shift, 0, 31)
        weights = _whole("weights", self.weights, 2 ** (self.weight_bits - 1))
        if weights.ndim != 2 or weights.shape[0] != weights.shape[1] or not weights.size:
            raise InputError("weights", weights.shape, "needs (neuron, neuron)")
        object.__setattr__(self, "weights", weights)
        limit, n = 2 ** (self.v_bits - 1), len(weights)
        for name, least, most in (("threshold", 1, limit - 1), ("leak_shift", 0, 31), ("refractory", 0, 255)):
            value = _whole(name, getattr(self, name), 2**31)
            if value.shape not in ((), (n,)):
                raise InputError(name, value.shape, f"needs a number or ({n},) of them")
            _within(name, int(value.min()), least, most)
            _within(name, int(value.max()), least, most)
            object.__setattr__(self, name, np.broadcast_to(value, n).copy())
        if self.v_reset is not None:
            _within("v_reset", self.v_reset, -limit, limit - 1)
        if self.stdp is not None:
            object.__setattr__(self, "stdp", _checked(self.stdp, n))

    @property
    def n_neurons(self) -> int:
        return len(self.weights)

    def run(self, spikes: np.ndarray) -> FixedPointRun:
        """Start at rest and run.

        Args:
            spikes: 0 or 1, `(time, neuron)`: who spikes because it is told to.

        Raises:
            InputError: for another shape, or other numbers.
        """
        given = np.asarray(spikes)
        if given.ndim != 2 or given.shape[1] != self.n_neurons or not np.isin(given, (0, 1)).all():
            raise InputError("spikes", given.shape, f"needs 0 or 1, (time, {self.n_neurons})")
        # Without plasticity a trace that is never read.
        rule = self.stdp or FixedPointSTDP(plastic=np.zeros((0, 0), bool))
        fired = given.astype(np.uint8)
        potential = np.empty(given.shape, np.int64)
        weights = self.weights.copy()
        _run(
            fired,
            potential,
            weights,
            np.stack([self.threshold, self.leak_shift, self.refractory]),
            np.array([self.synapse_shift, self.v_reset is None, self.v_reset or 0]),
            np.array([2 ** (self.weight_bits - 1), 2 ** (self.v_bits - 1), 2**rule.trace_bits]),
            np.array([rule.potentiation, rule.depression, rule.shift, rule.trace_step, rule.trace_shift]),
            rule.plastic,
        )
        return FixedPointRun(fired, potential, weights)


@njit(cache=True)
def _run(
    fired: Any, potential: Any, weights: Any, neurons: Any, chip: Any, limits: Any, rule: Any, plastic: Any
) -> None:
    n = weights.shape[0]
    threshold, leak_shift, refractory = neurons
    synapse_shift, subtracts, v_reset = chip
    w_limit, v_limit, x_limit = limits
    potentiation, depression, shift, trace_step, trace_shift = rule
    v, current = np.zeros(n, np.int64), np.zeros(n, np.int64)
    wait, trace = np.zeros(n, np.int64), np.zeros(n, np.int64)
    for t in range(fired.shape[0]):
        arriving = np.zeros(n, np.int64)
        if t > 0:
            for i in range(n):
                if fired[t - 1, i]:
                    arriving += weights[i]
        for j in range(n):
            flows = current[j] - (current[j] >> synapse_shift) + arriving[j]
            current[j] = min(max(flows, -v_limit), v_limit - 1)
            now = v[j] - (v[j] >> leak_shift[j]) + current[j]
            now = min(max(now, -v_limit), v_limit - 1)
            if now >= threshold[j] and wait[j] == 0:
                fired[t, j] = 1
                now = now - threshold[j] if subtracts else v_reset
                wait[j] = refractory[j]
            elif wait[j] > 0:
                wait[j] -= 1
            v[j] = now
            potential[t, j] = now
        if plastic.size:
            for i in range(n):
                trace[i] -= trace[i] >> trace_shift
            for i in range(n):
                for j in range(n):
                    if plastic[i, j] and (fired[t, i] or fired[t, j]):
                        change = 0
                        if fired[t, j]:
                            change += (trace[i] * potentiation) >> shift
                        if fired[t, i]:
                            change -= (trace[j] * depression) >> shift
                        weights[i, j] = min(max(weights[i, j] + change, -w_limit), w_limit - 1)
            for i in range(n):
                if fired[t, i]:
                    trace[i] = min(trace[i] + trace_step, x_limit - 1)


def _within(name: str, value: int, least: int, most: int) -> None:
    if value != int(value) or not least <= value <= most:
        raise InputError(name, value, f"must be a whole number from {least} to {most}")


def _whole(name: str, value: Any, limit: int) -> np.ndarray:
    array = np.asarray(value)
    if not np.isfinite(array).all() or (array != np.floor(array)).any() or (np.abs(array + 0.5) > limit).any():
        raise InputError(name, array, f"must be whole numbers from {-limit} to {limit - 1}")
    return array.astype(np.int64)


def _checked(rule: FixedPointSTDP, n: int) -> FixedPointSTDP:
    _within("trace_bits", rule.trace_bits, 1, 16)
    for name, most in (("potentiation", 255), ("depression", 255), ("trace_step", 2**rule.trace_bits - 1)):
        _within(name, getattr(rule, name), 0, most)
    for name in ("shift", "trace_shift"):
        _within(name, getattr(rule, name), 0, 31)
    plastic = ~np.eye(n, dtype=bool) if rule.plastic is None else np.asarray(rule.plastic)
    if plastic.shape != (n, n) or plastic.dtype != bool:
        raise InputError("plastic", plastic.shape, f"needs ({n}, {n}) of bool")
    return replace(rule, plastic=plastic)
