"""How far two spike trains are from each other: by their filtered difference, or by what it costs to change one."""

from __future__ import annotations

from typing import Any

import numpy as np

from multiunit.core.errors import InputError


def van_rossum_distance(x: Any, y: Any, *, tau: float = 0.01) -> float:
    """Distance of two spike trains after a filter exp(-t / tau) for t >= 0.

    D^2 = (1 / tau) integral (f_x - f_y)^2 dt = (K_xx + K_yy - 2 K_xy) / 2, K_xy = sum of exp(-|t_x - t_y| / tau) over
    all pairs.
    A small tau counts coincidences, a large one the difference of the counts.

    Args:
        x, y: spike times, `(spike,)`, s.
        tau: s.

    Raises:
        InputError: for times that are not finite, or a tau that is not positive.

    Source: van Rossum, Neural Computation 13 (2001), doi:10.1162/089976601300014321.

    >>> van_rossum_distance([0.1], []) ** 2, van_rossum_distance([0.1], [0.1])
    (0.5000000000000001, 0.0)
    """
    a, b = _times(x, "x"), _times(y, "y")
    if not 0 < tau < np.inf:
        raise InputError("tau", tau, "must be positive, in seconds")
    square = (_overlap(a, a, tau) + _overlap(b, b, tau) - 2 * _overlap(a, b, tau)) / 2
    return float(np.sqrt(max(0.0, square)))


def victor_purpura_distance(x: Any, y: Any, *, cost: float) -> float:
    """The least that it costs to turn one spike train into the other: 1 to add or drop a spike, cost |dt| to move one.

    Args:
        x, y: spike times, `(spike,)`, s.
        cost: per second, at least 0. With 0 the counts are compared; spikes farther apart than 2 / cost are not moved.

    Raises:
        InputError: for times that are not finite, or a negative cost.

    Source: Victor & Purpura, Journal of Neurophysiology 76 (1996), doi:10.1152/jn.1996.76.2.1310.

    >>> victor_purpura_distance([0.1, 0.2], [0.1, 0.25], cost=10.0), victor_purpura_distance([0.1], [], cost=10.0)
    (0.5, 1.0)
    """
    a, b = _times(x, "x"), _times(y, "y")
    if not 0 <= cost < np.inf:
        raise InputError("cost", cost, "must be at least 0, per second")
    # Row by row of the table; within a row only additions depend on what is to the left: a running minimum.
    drops = np.arange(len(b) + 1.0)
    row = drops.copy()
    for i, t in enumerate(a, start=1):
        moved = row[:-1] + cost * np.abs(t - b)
        best = np.concatenate([[float(i)], np.minimum(row[1:] + 1, moved)])
        row = np.minimum.accumulate(best - drops) + drops
    return float(row[-1])


def _times(given: Any, name: str) -> np.ndarray:
    times = np.sort(np.asarray(given, dtype=np.float64).ravel())
    if not np.isfinite(times).all():
        raise InputError(name, times.tolist(), "needs finite times, in seconds")
    return times


def _overlap(a: np.ndarray, b: np.ndarray, tau: float) -> float:
    return float(np.exp(-np.abs(a[:, None] - b[None]) / tau).sum())
