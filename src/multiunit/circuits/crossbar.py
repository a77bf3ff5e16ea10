"""Weights as the conductances of a crossbar, with what real devices do to them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from multiunit.circuits.crossbar_wires import wired_conductance
from multiunit.core.errors import InputError


@dataclass(frozen=True)
class Crossbar:
    """Two arrays of devices, whose currents are subtracted: y_j = scale sum_i (G+_ij - G-_ij) V_i.

    Args:
        positive, negative: conductances `(input, output)`, S.
        scale: weight of one siemens.
    """

    positive: np.ndarray
    negative: np.ndarray
    scale: float

    @property
    def weights(self) -> np.ndarray:
        """What the devices stand for, `(output, input)`."""
        return self.scale * (self.positive - self.negative).T

    def drifted(self, time: float, *, nu: float = 0.05, start: float = 1.0) -> Crossbar:
        """The same after `time` seconds: G (time / start)^-nu, as in phase-change devices.

        Raises:
            InputError: for a time before `start`.
        """
        if not time >= start > 0:
            raise InputError("time", time, f"must be {start} s or later")
        kept = (time / start) ** -nu
        return replace(self, positive=kept * self.positive, negative=kept * self.negative)

    def matvec(
        self,
        x: np.ndarray,
        *,
        r_wire: float = 0.0,
        read_noise: float = 0.0,
        bend: float = 0.0,
        adc_bits: int | None = None,
        random_state: int | np.random.Generator = 0,
    ) -> np.ndarray:
        """Multiply in one read: inputs as voltages, outputs as differences of currents, in the unit of the weights.

        Args:
            x: `(..., input)`, V.
            r_wire: ohm; see `wired_conductance`.
            read_noise: a device's current is multiplied by 1 + read_noise z, z normal, anew in each read.
            bend: k in I = G sinh(k V) / k, 1/V; not together with `r_wire`.
            adc_bits: outputs are rounded to 2^bits - 1 levels about 0, up to the largest magnitude among them.
            random_state: draws the noise.

        Returns:
            `(..., output)`.

        Raises:
            InputError: for inputs that do not fit, negative values, `bend` beside `r_wire`, or fewer than 2 bits.
        """
        v = np.asarray(x, float)
        if not v.ndim or v.shape[-1] != len(self.positive) or not np.isfinite(v).all():
            raise InputError("x", v.shape, f"needs finite numbers, (..., {len(self.positive)})")
        if min(r_wire, read_noise, bend) < 0 or (bend and r_wire):
            raise InputError("bend", bend, "and r_wire, read_noise must not be negative, nor bend beside r_wire")
        if adc_bits is not None and adc_bits < 2:
            raise InputError("adc_bits", adc_bits, "needs at least 2")
        v = np.sinh(bend * v) / bend if bend else v
        arrays = [wired_conductance(g, r_wire=r_wire) for g in (self.positive, self.negative)]
        current = v @ arrays[0] - v @ arrays[1]
        if read_noise:
            # The sum of independent normal errors of all devices of a column.
            spread = np.sqrt(v**2 @ (arrays[0] ** 2 + arrays[1] ** 2))
            current += read_noise * spread * np.random.default_rng(random_state).normal(size=current.shape)
        y = self.scale * current
        if adc_bits is None or not y.any():
            return y
        step = np.abs(y).max() / (2 ** (adc_bits - 1) - 1)
        return step * np.rint(y / step)


def program_crossbar(
    weights: np.ndarray,
    *,
    levels: int | None = None,
    programming_noise: float = 0.0,
    stuck: float = 0.0,
    g_off: float = 1e-6,
    g_on: float = 1e-4,
    random_state: int | np.random.Generator = 0,
) -> Crossbar:
    """Write weights into pairs of devices: a positive one into the first, a negative one into the second.

    G = g_off + |w| / scale, the other g_off; scale = max |w| / (g_on - g_off). Then, in this order: rounded to the
    nearest of `levels` even levels from g_off to g_on; multiplied by 1 + programming_noise z, z normal, and not below
    0; a share `stuck` of all devices, at random, at g_on or g_off with equal probability.

    Args:
        weights: `(output, input)`.
        levels: at least 2; None writes any value.
        programming_noise: relative.
        stuck: share, 0 to 1.
        g_off, g_on: S; typical values of the literature.
        random_state: draws noise and faults.

    Raises:
        InputError: for weights that are all 0 or not finite, or a value out of range.

    Source: reconstructed; the common scheme of differential pairs, as in NeuroSim (Chen, Peng & Yu, IEEE Trans. CAD 37,
    2018).

    >>> crossbar = program_crossbar(np.array([[0.9, -0.4], [0.2, 0.0]]), levels=4)    # steps of 0.3
    >>> crossbar.weights.round(12).tolist()
    [[0.9, -0.3], [0.3, 0.0]]
    >>> crossbar.matvec(np.array([1.0, 1.0])).round(12).tolist()
    [0.6, 0.3]
    """
    w = np.asarray(weights, float)
    if w.ndim != 2 or not np.isfinite(w).all() or not w.any():
        raise InputError("weights", w.shape, "needs finite (output, input), not all 0")
    if levels is not None and levels < 2:
        raise InputError("levels", levels, "needs at least 2")
    if programming_noise < 0 or not 0 <= stuck <= 1:
        raise InputError("programming_noise", (programming_noise, stuck), "is 0 or more, and stuck a share")
    if not 0 <= g_off < g_on:
        raise InputError("g_off", (g_off, g_on), "must be 0 or more, and below g_on")
    rng = np.random.default_rng(random_state)
    scale = float(np.abs(w).max()) / (g_on - g_off)
    arrays = []
    for part in (np.maximum(w, 0), np.maximum(-w, 0)):
        share = part.T / np.abs(w).max()
        if levels is not None:
            share = np.rint(share * (levels - 1)) / (levels - 1)
        g = g_off + (g_on - g_off) * share
        g = np.maximum(g * (1 + programming_noise * rng.normal(size=g.shape)), 0)
        fault, where = rng.random(g.shape), rng.random(g.shape) < stuck
        arrays.append(np.where(where, np.where(fault < 0.5, g_off, g_on), g))
    return Crossbar(arrays[0], arrays[1], scale)
