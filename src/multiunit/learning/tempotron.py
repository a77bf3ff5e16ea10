"""The tempotron: a neuron that learns to spike, or not to, by what it felt when it came closest to its threshold."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from multiunit.core.errors import InputError


class Tempotron:
    """A leaky neuron taught to spike at least once for one class of inputs, and never for the other.

    V(t) = sum_j w_j sum_{t_j <= t} K(t - t_j), K(t) = V0 (exp(-t / tau) - exp(-t / tau_synapse)), V0 such that K
    peaks at 1; the neuron spikes where max V >= 1. After an error of either kind, w_j <- w_j +- learning_rate
    sum_{t_j <= t*} K(t* - t_j), t* where V is largest. With `learn_parameters`, log tau and log tau_synapse also
    climb, or descend, the slope of max V, found by finite differences on that presentation.

    Args:
        tau, tau_synapse: s.
        learn_parameters: whether these two are learnt.
        n_epochs: times that every presentation is seen.
        learning_rate: in thresholds.
        parameter_rate: of the logarithms of the time constants, for an unchanged slope.
        dt: step, s.
        random_state: draws first weights (deviation 0.01) and the order.

    Attributes:
        weight_: `(unit,)`.
        tau_, tau_synapse_: s.

    Raises:
        InputError: for time constants out of order, no epochs, or inputs that do not fit.

    Source: Guetig & Sompolinsky, Nature Neuroscience 9 (2006), for the rule; reconstructed. That time constants learn
    by finite differences of the margin is a summary's account of arXiv:2508.11674, which was not read; so they are kept
    in bounds of our own: tau from 2 to 200 steps, tau_synapse from half a step to 0.9 tau.

    >>> rng = np.random.default_rng(0)
    >>> x = np.zeros((40, 60, 2), bool)
    >>> y = np.arange(40) % 2 == 1
    >>> x[np.arange(40), 20, 0] = True
    >>> x[np.arange(40), np.where(y, 24, 55), 1] = True    # where it should spike, the second comes soon
    >>> found = Tempotron(n_epochs=100, learning_rate=0.05).fit(x, y)
    >>> bool((found.predict(x) == y).all())
    True
    """

    def __init__(
        self,
        *,
        tau: float = 0.015,
        tau_synapse: float = 0.00375,
        learn_parameters: bool = False,
        n_epochs: int = 20,
        learning_rate: float = 0.002,
        parameter_rate: float = 0.01,
        dt: float = 1e-3,
        random_state: int | np.random.Generator = 0,
    ) -> None:
        if not 0 < tau_synapse < tau:
            raise InputError("tau_synapse", (tau_synapse, tau), "must be positive and below tau")
        if n_epochs < 1 or not dt > 0:
            raise InputError("n_epochs" if n_epochs < 1 else "dt", n_epochs if n_epochs < 1 else dt, "must be positive")
        self.tau, self.tau_synapse, self.learn_parameters = tau, tau_synapse, learn_parameters
        self.n_epochs, self.learning_rate, self.parameter_rate = n_epochs, learning_rate, parameter_rate
        self.dt, self.random_state = dt, random_state

    def fit(self, spikes: np.ndarray, wanted: np.ndarray) -> Tempotron:
        """Learn from bool `(presentation, time, unit)` and, for each presentation, whether it should spike."""
        x, y = _checked(spikes), np.asarray(wanted)
        if y.shape != x.shape[:1] or y.dtype != np.bool_:
            raise InputError("wanted", (y.shape, str(y.dtype)), f"needs a bool for each of {len(x)} presentations")
        rng = np.random.default_rng(self.random_state)
        self.weight_ = 0.01 * rng.normal(size=x.shape[2])
        taus = np.array([self.tau, self.tau_synapse]) / self.dt
        rate = self.parameter_rate if self.learn_parameters else 0.0
        for _ in range(self.n_epochs):
            _epoch(x, y, rng.permutation(len(x)), self.weight_, taus, self.learning_rate, rate)
        self.tau_, self.tau_synapse_ = (self.dt * taus).tolist()
        return self

    def peaks(self, spikes: np.ndarray) -> np.ndarray:
        """Largest V, `(presentation,)`; from 1 on the neuron spikes."""
        taus = np.array([self.tau_, self.tau_synapse_]) / self.dt
        return np.array([_peak(drive, *taus)[0] for drive in _checked(spikes) @ self.weight_])

    def predict(self, spikes: np.ndarray) -> np.ndarray:
        """Whether it spikes, `(presentation,)`."""
        return self.peaks(spikes) >= 1


def _checked(spikes: np.ndarray) -> np.ndarray:
    x = np.asarray(spikes)
    if x.ndim != 3 or x.dtype != np.bool_ or not x.size:
        raise InputError("spikes", (x.shape, str(x.dtype)), "needs bool (presentation, time, unit)")
    return x


@njit(cache=True)
def _height(tau: float, synapse: float) -> float:
    at = tau * synapse / (tau - synapse) * np.log(tau / synapse)
    return 1.0 / (np.exp(-at / tau) - np.exp(-at / synapse))


@njit(cache=True)
def _peak(drive: Any, tau: float, synapse: float) -> Any:
    """Largest potential under this drive, and when; time constants in steps."""
    slow, fast, best, when = 0.0, 0.0, -np.inf, 0
    for t in range(len(drive)):
        slow = slow * np.exp(-1 / tau) + drive[t]
        fast = fast * np.exp(-1 / synapse) + drive[t]
        if slow - fast > best:
            best, when = slow - fast, t
    return _height(tau, synapse) * best, when


@njit(cache=True)
def _epoch(x: Any, wanted: Any, order: Any, w: Any, taus: Any, rate: float, tau_rate: float) -> None:
    n_steps, n_units = x.shape[1:]
    drive = np.empty(n_steps)
    step = 0.01
    for n in order:
        for t in range(n_steps):
            drive[t] = 0.0
            for j in range(n_units):
                if x[n, t, j]:
                    drive[t] += w[j]
        best, when = _peak(drive, taus[0], taus[1])
        if (best >= 1.0) == wanted[n]:
            continue
        sign = 1.0 if wanted[n] else -1.0
        height = _height(taus[0], taus[1])
        for t in range(when):
            k = height * (np.exp((t - when) / taus[0]) - np.exp((t - when) / taus[1]))
            for j in range(n_units):
                if x[n, t, j]:
                    w[j] += sign * rate * k
        if tau_rate > 0.0:
            grown = np.exp(step)
            slow = _peak(drive, taus[0] * grown, taus[1])[0] - _peak(drive, taus[0] / grown, taus[1])[0]
            fast = _peak(drive, taus[0], taus[1] * grown)[0] - _peak(drive, taus[0], taus[1] / grown)[0]
            taus[0] = min(max(taus[0] * np.exp(sign * tau_rate * slow / (2 * step)), 2.0), 200.0)
            taus[1] = min(max(taus[1] * np.exp(sign * tau_rate * fast / (2 * step)), 0.5), 0.9 * taus[0])
