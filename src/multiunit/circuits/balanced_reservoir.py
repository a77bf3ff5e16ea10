"""A reservoir of excitatory and inhibitory units, in which each unit's inhibition adapts until it has its rate."""

from __future__ import annotations

import numpy as np
from numba import njit
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, TransformerMixin

from multiunit.core.errors import InputError


def balanced_weights(
    n_units: int,
    *,
    density: float = 0.25,
    excitatory: float = 0.8,
    balance: float = 0.0,
    random_state: int | np.random.Generator = 0,
) -> csr_array:
    """Random weights of which a column, all that one unit sends, has one sign, and whose totals stand in balance.

    Excitatory weights are normal, mean 1 / (their expected number at a unit), deviation a fifth of it; inhibitory ones
    likewise, and then scaled so that (E - I) / (E + I) = balance, E and I being the totals of both.

    Args:
        n_units: of which the first share `excitatory` excite.
        density: probability of a connection; none from a unit to itself.
        balance: above -1 and below 1; negative means over-inhibited.
        random_state: seed or generator.

    Returns:
        `(post, pre)`.

    Raises:
        InputError: for values out of their range, or no units of one kind.

    >>> weights = balanced_weights(200, balance=-0.2, random_state=0)
    >>> e, i = weights[:, :160].sum(), -weights[:, 160:].sum()
    >>> round(float((e - i) / (e + i)), 6)
    -0.2
    """
    n_excitatory = round(excitatory * n_units)
    if not 0 < n_excitatory < n_units:
        raise InputError("excitatory", excitatory, f"of {n_units} units leaves none of one kind")
    if not 0 < density <= 1:
        raise InputError("density", density, "needs a number above 0 and up to 1")
    if not -1 < balance < 1:
        raise InputError("balance", balance, "needs a number above -1 and below 1")
    rng = np.random.default_rng(random_state)
    wired = rng.random((n_units, n_units)) < density
    np.fill_diagonal(wired, False)
    drawn = np.abs(rng.normal(1.0, 0.2, (n_units, n_units))) * wired
    drawn[:, :n_excitatory] /= density * n_excitatory
    e, i = drawn[:, :n_excitatory].sum(), drawn[:, n_excitatory:].sum()
    if not e > 0 or not i > 0:
        raise InputError("density", density, f"leaves {n_units} units without connections of one kind; raise it")
    drawn[:, n_excitatory:] *= -e / i * (1 - balance) / (1 + balance)
    return csr_array(drawn)


def designed_inhibition(
    weights: csr_array, *, rates: np.ndarray, drive: np.ndarray, slope: float, threshold: float = 0.0
) -> csr_array:
    """Scale each unit's inhibition so that all have given rates, if all others have theirs.

    The unit's potential must be V = threshold + ln(rate / (1 - rate)) / slope; its inhibitory weights are multiplied
    by (E + drive - V) / I, where E and I are what excitation and inhibition bring at those rates, or by 1e-9
    where that is not above 0, so that signs stay.

    Args:
        weights: `(post, pre)`.
        rates: `(unit,)`, between 0 and 1.
        drive: `(unit,)`, mean input from outside.

    Returns:
        `(post, pre)`; a unit without inhibition stays as it is.

    >>> weights = balanced_weights(50, density=1.0)
    >>> rates = np.full(50, 0.3)
    >>> fitted = designed_inhibition(weights, rates=rates, drive=np.zeros(50), slope=10.0)
    >>> np.allclose(1 / (1 + np.exp(-10.0 * (fitted @ rates))), rates)
    True
    """
    wanted = threshold + np.log(rates / (1 - rates)) / slope
    inhibitory = weights.minimum(0)
    excitation, inhibition = weights.maximum(0) @ rates, -(inhibitory @ rates)
    factor = np.ones_like(rates)
    np.divide(excitation + drive - wanted, inhibition, out=factor, where=inhibition > 0)
    scaled = weights.copy()
    rows = np.repeat(np.arange(len(rates)), np.diff(weights.indptr))
    scaled.data *= np.where(scaled.data < 0, np.maximum(factor, 1e-9)[rows], 1.0)
    return scaled


class BalancedReservoir(TransformerMixin, BaseEstimator):
    """Sigmoid units under Dale's law; `fit` lets their inhibition adapt to target rates, then it is frozen.

    V(t) = W r(t-1) + W_in u(t),  r(t) = 1 / (1 + e^(-slope (V - threshold)))
    While it adapts, every inhibitory weight onto unit i changes by -learning_rate (r_i - target_i), and stays negative:
    what fires too much gets more inhibition. Runs begin with all rates at one half. The readout is the user's.

    A low rate that needs much inhibition makes all units fire together at every second step: in the mean-field account,
    where -(1 - rate) (slope threshold + ln(rate / (1 - rate))) > 1; with a threshold of 0, below a rate of 0.22.

    Args:
        n_units, density, excitatory, balance: see `balanced_weights`.
        gain: what these weights are multiplied with.
        slope, threshold: of the sigmoid.
        target_rate: a number or `(unit,)`, between 0 and 1; None for no adaptation, so that `balance` is all.
        learning_rate: of the adaptation.
        designed: begin with the weights of `designed_inhibition`, for the mean of the input that `fit` gets.
        heard: for controls: `(unit,)`, whose rate stands for r_i in the change onto unit i; its own by default.
        input_density: share of units that get input.
        input_scaling: their input weights are uniform between - and + this.
        random_state: seed or generator.

    Attributes, after `fit`: `weights_`, sparse `(post, pre)`, gain included; `input_weights_` `(unit, input)`;
    `target_` `(unit,)` or None.

    Raises:
        InputError: for inputs or values that cannot be used.

    Source: Srinivasan, Plenz & Girvan, arXiv:2504.12480. Reconstructed: the paper's text could not be read; the rule,
    the design in one step, slope 10, the spread of weights, density and scale of the input are as a public repository
    cites its equations 1, 7 and 8 and its table (50 connections at a unit; density is that for 200 units).

    >>> u = np.random.default_rng(0).uniform(-1, 1, (3000, 1))
    >>> net = BalancedReservoir(200, gain=0.5, target_rate=0.3).fit(u)
    >>> round(float(net.transform(u)[500:].mean()), 1)
    0.3
    """

    def __init__(
        self,
        n_units: int = 200,
        *,
        density: float = 0.25,
        excitatory: float = 0.8,
        balance: float = 0.0,
        gain: float = 1.0,
        slope: float = 10.0,
        threshold: float = 0.0,
        target_rate: float | np.ndarray | None = None,
        learning_rate: float = 0.01,
        designed: bool = False,
        heard: np.ndarray | None = None,
        input_density: float = 0.3,
        input_scaling: float = 0.25,
        random_state: int | np.random.Generator = 0,
    ) -> None:
        self.n_units = n_units
        self.density = density
        self.excitatory = excitatory
        self.balance = balance
        self.gain = gain
        self.slope = slope
        self.threshold = threshold
        self.target_rate = target_rate
        self.learning_rate = learning_rate
        self.designed = designed
        self.heard = heard
        self.input_density = input_density
        self.input_scaling = input_scaling
        self.random_state = random_state

    def fit(self, x: np.ndarray, y: object = None) -> BalancedReservoir:
        """Draw the weights, and adapt inhibition while inputs `(time, input)` pass. `y` is ignored."""
        x = np.asarray(x, dtype=float)
        if x.ndim != 2 or not x.size or not np.isfinite(x).all():
            raise InputError("x", x.shape, "needs finite (time, input)")
        n = self.n_units
        rng = np.random.default_rng(self.random_state)
        weights = balanced_weights(
            n, density=self.density, excitatory=self.excitatory, balance=self.balance, random_state=rng
        )
        self.weights_ = weights * self.gain
        chosen = rng.random(n) < self.input_density
        self.input_weights_ = rng.uniform(-1, 1, (n, x.shape[1])) * self.input_scaling * chosen[:, None]
        self.target_ = None
        if self.target_rate is None:
            return self
        self.target_ = np.array(np.broadcast_to(np.asarray(self.target_rate, dtype=float), n))
        if not ((self.target_ > 0) & (self.target_ < 1)).all():
            raise InputError("target_rate", self.target_rate, "needs rates above 0 and below 1")
        heard = np.arange(n) if self.heard is None else np.asarray(self.heard)
        if heard.shape != (n,) or heard.dtype.kind not in "iu" or heard.min() < 0 or heard.max() >= n:
            raise InputError("heard", heard.shape, f"needs the number of a unit for each of {n}")
        drive = x @ self.input_weights_.T
        if self.designed:
            self.weights_ = designed_inhibition(
                self.weights_, rates=self.target_, drive=drive.mean(axis=0), slope=self.slope, threshold=self.threshold
            )
        if self.learning_rate:
            # In the weights without the gain, as the rule has it.
            self._rates(drive, self.target_[heard], heard, self.learning_rate * self.gain)
        return self

    def transform(self, x: np.ndarray) -> np.ndarray:
        """Rates `(time, unit)` while inputs `(time, input)` pass; nothing adapts."""
        if not hasattr(self, "weights_"):
            raise InputError("x", np.shape(x), "this reservoir is not fitted yet; call fit first")
        x = np.asarray(x, dtype=float)
        n_inputs = self.input_weights_.shape[1]
        if x.ndim != 2 or x.shape[1] != n_inputs or not np.isfinite(x).all():
            raise InputError("x", x.shape, f"needs finite (time, {n_inputs})")
        nobody = np.zeros(self.n_units)
        return self._rates(x @ self.input_weights_.T, nobody, np.arange(self.n_units), 0.0)

    def _rates(self, drive: np.ndarray, target: np.ndarray, heard: np.ndarray, learning_rate: float) -> np.ndarray:
        w = self.weights_
        return _run(
            w.indptr, w.indices, w.data, np.ascontiguousarray(drive), float(self.slope), float(self.threshold),
            target, heard, float(learning_rate),
        )  # fmt: skip


@njit(cache=True)
def _run(
    indptr: np.ndarray,
    indices: np.ndarray,
    data: np.ndarray,
    drive: np.ndarray,
    slope: float,
    threshold: float,
    target: np.ndarray,
    heard: np.ndarray,
    learning_rate: float,
) -> np.ndarray:
    """Rates of a run; with a learning rate, negative `data` change in place."""
    n_steps, n = drive.shape
    rates = np.empty((n_steps, n))
    now = np.full(n, 0.5)
    for t in range(n_steps):
        for i in range(n):
            v = drive[t, i]
            for e in range(indptr[i], indptr[i + 1]):
                v += data[e] * now[indices[e]]
            rates[t, i] = 1.0 / (1.0 + np.exp(-slope * (v - threshold)))
        now = rates[t]
        if learning_rate:
            for i in range(n):
                change = learning_rate * (now[heard[i]] - target[i])
                for e in range(indptr[i], indptr[i + 1]):
                    if data[e] < 0:
                        # A weight that came to 0 would be taken for an excitatory one from then on.
                        data[e] = min(data[e] - change, -1e-12)
    return rates
