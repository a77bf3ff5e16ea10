"""A readout that learns when something comes while it comes, and what it was afterwards."""

from __future__ import annotations

import numpy as np
from numba import njit

from multiunit.core.errors import InputError


class GatedDeltaReadout:
    """Two sets of weights of one population, each moved by error x gate x presynaptic activity.

    z_m(t) = r(t)' (when + what_m). In the trial, step by step:  when += when_rate g (s / M - r' when) r / |r|^2, where
    s = sum_m o_m says that anything came, and M is the number of outcomes. After the trial, its activity replayed:
    what_m += what_rate g (o_m - z_m) r / |r|^2. Both come near the mean of what they are taught, z_m to the probability
    of outcome m at that time.

    Args:
        n_units, n_outputs: sizes of r and z.
        when_rate, what_rate: share of the error that a single step would take away.

    Attributes: `when` `(unit,)`, `what` `(unit, output)`.

    Raises:
        InputError: for values out of their range, or trials that do not fit.

    Source: Yamada & Chao, arXiv:2510.14382. Reconstructed from the abstract: how the error is split between both sets,
    and the division by |r|^2.

    One unit is active when an outcome comes, which is the first one in three of four trials:

    >>> readout = GatedDeltaReadout(1, 2, when_rate=0.1, what_rate=0.02)
    >>> for trial in range(400):
    ...     shown = [[0.0, 1.0]] if trial % 4 == 0 else [[1.0, 0.0]]
    ...     readout.learn(np.ones((1, 1)), np.array(shown), gate=np.ones(1))
    >>> readout.predict(np.ones((1, 1))).round(1).tolist()
    [[0.8, 0.2]]
    """

    def __init__(self, n_units: int, n_outputs: int, *, when_rate: float = 0.02, what_rate: float = 0.02) -> None:
        if n_units < 1 or n_outputs < 1:
            raise InputError("n_units", (n_units, n_outputs), "needs a unit and an output at least")
        for name, rate in (("when_rate", when_rate), ("what_rate", what_rate)):
            if not 0 <= rate < 2:
                raise InputError(name, rate, "needs a share of at least 0 and below 2, where it would run away")
        self.when, self.what = np.zeros(n_units), np.zeros((n_units, n_outputs))
        self.when_rate, self.what_rate = float(when_rate), float(what_rate)

    def predict(self, r: np.ndarray) -> np.ndarray:
        """`(..., unit)` to `(..., output)`."""
        return np.asarray(r, dtype=float) @ (self.when[:, None] + self.what)

    def learn(self, r: np.ndarray, outcomes: np.ndarray, *, gate: np.ndarray) -> None:
        """Learn one trial: activity `(time, unit)`, outcomes `(time, output)`, gate `(time,)`.

        The gate is 0 where nothing is learned, 1 where it is; a negative one unlearns.
        """
        r, outcomes, gate = (np.ascontiguousarray(part, dtype=float) for part in (r, outcomes, gate))
        n_units, n_outputs = self.what.shape
        if r.ndim != 2 or r.shape[1] != n_units or outcomes.shape != (len(r), n_outputs) or gate.shape != (len(r),):
            sizes = (r.shape, outcomes.shape, gate.shape)
            raise InputError("r", sizes, f"needs (time, {n_units}), (time, {n_outputs}) and (time,)")
        if not (np.isfinite(r).all() and np.isfinite(outcomes).all() and np.isfinite(gate).all()):
            raise InputError("r", "not finite", "a trial that is not finite would spoil all weights")
        anything = outcomes.sum(axis=1, keepdims=True) / n_outputs
        _delta(self.when[:, None], r, anything, gate * self.when_rate)
        _delta(self.what, r, outcomes - (r @ self.when)[:, None], gate * self.what_rate)


@njit(cache=True)
def _delta(weights: np.ndarray, r: np.ndarray, wanted: np.ndarray, rate: np.ndarray) -> None:
    n_units, n_outputs = weights.shape
    for t in range(len(r)):
        square = 0.0
        for i in range(n_units):
            square += r[t, i] * r[t, i]
        if rate[t] == 0.0 or square == 0.0:
            continue
        for m in range(n_outputs):
            told = 0.0
            for i in range(n_units):
                told += weights[i, m] * r[t, i]
            step = rate[t] * (wanted[t, m] - told) / square
            for i in range(n_units):
                weights[i, m] += step * r[t, i]
