"""A race of accumulators: the observer that gathers noisy evidence for each of N choices until one has enough."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import erf

from multiunit.core.errors import InputError


class Race(NamedTuple):
    """All `(trial,)`: the `choice` and the `decision_time` in seconds."""

    choice: np.ndarray
    decision_time: np.ndarray


def accumulator_race(
    stimulus: Any,
    *,
    n_choices: int,
    threshold: float,
    drift: float = 3.0,
    noise: float = 1.0,
    random_state: int | np.random.Generator = 0,
) -> Race:
    """Choose as the first of N independent Wiener processes to reach a threshold.

    dx_i = drift [i = stimulus] dt + noise dW_i, x_i(0) = 0; choice = argmin_i T_i, T_i the time at which x_i first
    reaches the threshold a. These times are drawn as they are distributed, without steps in time: for the process of
    the stimulus inverse Gaussian, of mean a / drift and shape (a / noise)^2; for the others, of a process without
    drift, (a / noise)^2 / Z^2, Z normal.

    Args:
        stimulus: `(trial,)`, whole numbers below `n_choices`.
        n_choices: accumulators.
        threshold: evidence needed; see `race_threshold`.
        drift: evidence a second for the stimulus.
        noise: standard deviation of the evidence after a second.
        random_state: draws the times.

    Raises:
        InputError: for a stimulus that is no choice, fewer than two choices, or a threshold, drift or noise that is
            not positive.

    Source: Usher, Olami & McClelland 2002, doi:10.1006/jmps.2002.1420, reconstructed - the article was not read again.
    First-passage times of Wiener processes: Schroedinger 1915.

    >>> stimulus = np.arange(10_000) % 4
    >>> race = accumulator_race(stimulus, n_choices=4, threshold=3.0)
    >>> bool((race.choice == stimulus).mean() > 0.9), round(float(race.decision_time.mean()), 1)    # nearly 3 / 3
    (True, 1.0)
    """
    _positive(n_choices=n_choices, threshold=threshold, drift=drift, noise=noise)
    shown = np.asarray(stimulus)
    if shown.ndim != 1 or shown.dtype.kind not in "iu" or not ((shown >= 0) & (shown < n_choices)).all():
        raise InputError("stimulus", shown.shape, f"needs (trial,), whole numbers from 0 to {n_choices - 1}")
    rng = np.random.default_rng(random_state)
    shape = (threshold / noise) ** 2
    times = shape / rng.normal(size=(len(shown), n_choices)) ** 2
    times[np.arange(len(shown)), shown] = rng.wald(threshold / drift, shape, size=len(shown))
    return Race(times.argmin(axis=1), times.min(axis=1))


def race_accuracy(*, n_choices: int, threshold: float, drift: float = 3.0, noise: float = 1.0) -> float:
    """Share of right choices of `accumulator_race`: the integral of f(t) S(t)^(N - 1) over t.

    f is the inverse Gaussian density of the right process, S(t) = erf(a / (noise sqrt(2 t))) the probability that a
    wrong one has not arrived at t.

    Raises:
        InputError: for fewer than two choices, or a threshold, drift or noise that is not positive.

    >>> round(race_accuracy(n_choices=4, threshold=0.001), 2)    # no time for evidence: a guess
    0.25
    """
    _positive(n_choices=n_choices, threshold=threshold, drift=drift, noise=noise)
    # In units of the time a^2 / noise^2 the race knows one number, m = a drift / noise^2; u is the logarithm of time.
    m = threshold * drift / noise**2

    def right(u: float) -> float:
        t = np.exp(u)
        density = np.exp(-((1 - m * t) ** 2) / (2 * t)) / np.sqrt(2 * np.pi * t)  # f(t) dt = density du
        return float(density * erf(1 / np.sqrt(2 * t)) ** (n_choices - 1))

    return float(quad(right, -8, 40, points=(-np.log(m), 0.0), limit=200)[0])


def race_threshold(*, n_choices: int, accuracy: float, drift: float = 3.0, noise: float = 1.0) -> float:
    """The threshold at which `accumulator_race` is right so often: more choices need more evidence.

    Raises:
        InputError: for an accuracy that is not above chance and below 1, fewer than two choices, or a drift or noise
            that is not positive.

    >>> two, eight = (race_threshold(n_choices=n, accuracy=0.95) for n in (2, 8))
    >>> two < eight, round(race_accuracy(n_choices=8, threshold=eight), 3)
    (True, 0.95)
    """
    _positive(n_choices=n_choices, drift=drift, noise=noise)
    if not 1 / n_choices < accuracy < 1:
        raise InputError("accuracy", accuracy, f"must lie between chance, 1 / {n_choices}, and 1")
    scale = noise**2 / drift

    def excess(u: float) -> float:
        threshold = scale * float(np.exp(u))
        return race_accuracy(n_choices=n_choices, threshold=threshold, drift=drift, noise=noise) - accuracy

    low, high = -7.0, 7.0
    if excess(low) > 0 or excess(high) < 0:
        raise InputError("accuracy", accuracy, "too near to chance or to 1")
    return scale * float(np.exp(brentq(excess, low, high)))


def _positive(*, n_choices: int, **values: float) -> None:
    if n_choices < 2:
        raise InputError("n_choices", n_choices, "needs two choices or more")
    for name, value in values.items():
        if not 0 < value < np.inf:
            raise InputError(name, value, "must be above 0")
