"""Avalanches: runs of time bins in which somebody spikes, between bins in which nobody does."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from scipy.optimize import minimize_scalar
from scipy.special import zeta

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.core.recording import Recording


def example(rng: np.random.Generator) -> tuple[tuple[np.ndarray], dict[str, float]]:
    """Counts of five units that are silent together now and then, for the contract checks."""
    return (rng.poisson(0.15, size=(200, 5)).astype(float),), {}


@method(kind="population", source="beggs2003", example=example)
def avalanches(activity: Any) -> xr.Dataset:
    """Sizes and durations of all avalanches of a population, and the exponents of power laws fitted to them.

    An avalanche is a run of bins with spikes, with an empty bin before and one after; what is cut by the beginning or
    the end does not count. Exponents are the most likely alpha, in (1, 20], of p(x) = x^-alpha / zeta(alpha)
    for x = 1, 2, ...: they say nothing of whether a power law fits.

    Args:
        activity: a recording or array `(bin, unit)` of spike counts.

    Returns:
        xr.Dataset: over `avalanche` `size` (spikes) and `duration` (bins); and the numbers `size_exponent`,
        `duration_exponent`, NaN where there is no avalanche.

    Raises:
        InputError: for no bins or units, or counts that are negative or not finite.

    Source: Beggs & Plenz, Journal of Neuroscience 23 (2003), for avalanches; Clauset, Shalizi & Newman,
    arXiv:0706.1062, for the exponents.

    >>> counts = np.array([[0, 0], [1, 0], [2, 1], [0, 0], [0, 1], [0, 0], [1, 1]])
    >>> found = avalanches(counts)
    >>> found["size"].values.tolist(), found["duration"].values.tolist()
    ([4.0, 1.0], [2, 1])
    """
    counts = activity.activity if isinstance(activity, Recording) else np.asarray(activity, dtype=np.float64)
    if counts.ndim != 2 or 0 in counts.shape:
        raise InputError("activity", counts.shape, "needs (bin, unit) with one of each or more")
    if not np.isfinite(counts).all() or (counts < 0).any():
        raise InputError("activity", "negative or not finite", "needs counts of spikes")
    total = counts.sum(axis=1)
    edges = np.diff((total > 0).astype(int))
    start, stop = np.flatnonzero(edges == 1) + 1, np.flatnonzero(edges == -1) + 1
    # A run that is under way at the beginning stops before any starts, one at the end never stops.
    if total[0] > 0:
        stop = stop[1:]
    start = start[: len(stop)]
    before = np.concatenate([[0.0], np.cumsum(total)])
    size, duration = before[stop] - before[start], stop - start
    return xr.Dataset(
        {
            "size": ("avalanche", size),
            "duration": ("avalanche", duration),
            "size_exponent": _exponent(size),
            "duration_exponent": _exponent(duration),
        }
    )


def _exponent(x: np.ndarray) -> float:
    if not len(x):
        return np.nan
    mean_log = float(np.log(x).mean())
    found = minimize_scalar(lambda a: np.log(zeta(a)) + a * mean_log, bounds=(1.0, 20.0), method="bounded")
    return float(found.x)
