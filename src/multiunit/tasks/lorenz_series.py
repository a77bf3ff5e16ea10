"""Lorenz's equations as a chaotic series to be predicted."""

from __future__ import annotations

import numpy as np
from scipy.integrate import solve_ivp

from multiunit.core.errors import InputError


def lorenz_series(
    n_samples: int,
    *,
    sampling: float = 0.05,
    sigma: float = 10.0,
    rho: float = 28.0,
    beta: float = 8.0 / 3.0,
    transient: float = 20.0,
    random_state: int | np.random.Generator = 0,
) -> np.ndarray:
    """Sample a trajectory of Lorenz's equations from a random start, after its transient.

    x' = sigma (y - x), y' = x (rho - z) - y, z' = x y - beta z; Runge-Kutta of order 8 with step control.

    Args:
        n_samples: samples.
        sampling: time between samples, in the equations' unit of time.
        sigma, rho, beta: parameters.
        transient: time that is left out.
        random_state: draws the start.

    Returns:
        x, y, z at each sample, `(n_samples, 3)`.

    Raises:
        InputError: for no samples, or no positive time between them.

    Source: Lorenz, Deterministic nonperiodic flow, J. Atmospheric Sciences 20 (1963).

    >>> abs(lorenz_series(2, rho=0.5, transient=100.0)).round(6).tolist()    # below rho = 1 all comes to rest
    [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    if n_samples < 1:
        raise InputError("n_samples", n_samples, "must be at least 1")
    if not 0 < sampling < np.inf or not 0 <= transient < np.inf:
        raise InputError("sampling", sampling, "needs a positive time, and a transient of 0 or more")

    def slope(_: float, state: np.ndarray) -> list[float]:
        x, y, z = state
        return [sigma * (y - x), x * (rho - z) - y, x * y - beta * z]

    start = np.array([0.0, 0.0, 25.0]) + np.random.default_rng(random_state).normal(size=3)
    times = transient + sampling * np.arange(n_samples)
    found = solve_ivp(slope, (0.0, times[-1] or 1.0), start, "DOP853", times, rtol=1e-9, atol=1e-9)
    if not found.success or not np.isfinite(found.y).all():
        raise InputError("rho", (sigma, rho, beta), f"the trajectory cannot be followed: {found.message}")
    return found.y.T
