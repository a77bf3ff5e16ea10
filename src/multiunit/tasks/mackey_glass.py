"""The series of Mackey and Glass: a delayed feedback whose course is chaotic."""

from __future__ import annotations

import numpy as np

from multiunit.core.errors import InputError


def mackey_glass(
    n_samples: int,
    *,
    delay: float = 17.0,
    gain: float = 0.2,
    decay: float = 0.1,
    exponent: float = 10.0,
    start: float = 1.2,
    every: float = 1.0,
    n_transient: int = 500,
    dt: float = 0.1,
) -> np.ndarray:
    """Samples of x' = gain x(t - delay) / (1 + x(t - delay)^exponent) - decay x, Runge-Kutta of order four.

    The delayed value between two steps is the mean of its neighbours. With the defaults it is chaotic from a delay of
    17 on.

    Args:
        n_samples: how many.
        delay: in the unit of time, a whole number of dt.
        start: x before the beginning; different starts give different stretches.
        every: time from sample to sample, a whole number of dt.
        n_transient: samples that are left away before the first.
        dt: step.

    Returns:
        `(time,)`.

    Raises:
        InputError: for no samples, a start that is negative, or times that are no whole numbers of dt.

    Source: Mackey & Glass, Science 197 (1977). Reconstructed: equation and values were not read again there.

    >>> still = mackey_glass(3, start=1.0)    # gain / 2 = decay: the fixed point
    >>> still.round(6).tolist()
    [1.0, 1.0, 1.0]
    >>> series = mackey_glass(1000)
    >>> round(float(series.min()), 1), round(float(series.max()), 1)
    (0.4, 1.3)
    """
    if n_samples < 1 or n_transient < 0:
        raise InputError("n_samples", (n_samples, n_transient), "needs a sample or more, and no negative transient")
    if not 0 <= start < np.inf:
        raise InputError("start", start, "needs a number of at least 0")
    steps = {}
    for name, value in (("delay", delay), ("every", every)):
        steps[name] = round(value / dt)
        if steps[name] < 1 or abs(steps[name] * dt - value) > 1e-9 * max(1.0, value):
            raise InputError(name, value, f"needs a whole number of steps of {dt}")
    lag, stride = steps["delay"], steps["every"]
    n = (n_transient + n_samples) * stride
    x = np.full(lag + n + 1, float(start))

    def slope(now: float, then: float) -> float:
        return gain * then / (1.0 + then**exponent) - decay * now

    for t in range(lag, lag + n):
        now, then, later = x[t], x[t - lag], x[t - lag + 1]
        between = (then + later) / 2
        k1 = slope(now, then)
        k2 = slope(now + dt / 2 * k1, between)
        k3 = slope(now + dt / 2 * k2, between)
        k4 = slope(now + dt * k3, later)
        x[t + 1] = now + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return x[lag + stride :: stride][n_transient:]
