"""Gromov hyperbolicity: how far distances are from those of a tree."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from scipy.spatial.distance import squareform

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.similarity.compare_rdms import n_conditions


class Hyperbolicity(NamedTuple):
    """`mean` and `largest` delta, in the unit of the distances; `relative`, 2 largest / diameter; `n` quadruples."""

    mean: float
    largest: float
    relative: float
    n: int


@method(kind="population", source="gromov1987", example=lambda rng: ((rng.random(45),), {"n_samples": 100}))
def hyperbolicity(
    distances: Any, *, n_samples: int | None = None, random_state: int | np.random.Generator = 0
) -> Hyperbolicity:
    """How tree-like a graph, an RDM or any other distances are.

    Of four points, S1 >= S2 >= S3 are the sums of the distances of the three ways to make two pairs of them:
    delta = (S1 - S2) / 2. It is 0 for all four points of a tree, and 1 for a square of edges of length 1.

    Args:
        distances: `(pair,)`, condensed as `rdm` gives them, none below 0, four points or more; of a graph, the
            shortest paths. The triangle inequality is not asked for; `relative` is at most 1 if it holds.
        n_samples: random quadruples of different points; None takes all, some seconds for 300 points.
        random_state: seed or generator of the sample. A sample bounds `largest` from below.

    Raises:
        InputError: for numbers that are no such distances, or no samples.

    Source: Gromov 1987, "Hyperbolic groups"; four-point condition as in Fournier, Ismail & Vigneron 2015,
    arXiv:1210.3323; the relative one after Khrulkov et al. 2020, arXiv:1904.02239.

    >>> star = [1.0, 1.0, 1.0, 2.0, 2.0, 2.0]
    >>> hyperbolicity(star).largest
    0.0
    >>> hyperbolicity([1.0, 2.0, 1.0, 1.0, 2.0, 1.0])    # a square
    Hyperbolicity(mean=1.0, largest=1.0, relative=1.0, n=1)
    """
    d = np.asarray(distances, dtype=np.float64)
    if d.ndim != 1 or d.size < 6:
        raise InputError("distances", d.shape, "needs all pairs, (pair,), of four points or more")
    n_conditions(d.size)
    if not np.isfinite(d).all() or (d < 0).any() or not d.any():
        raise InputError("distances", "NaN, infinity, below 0 or all 0", "needs finite distances, some above 0")
    full = squareform(d)
    if n_samples is None:
        total, largest, n = _all_quadruples(full)
    else:
        if n_samples < 1:
            raise InputError("n_samples", n_samples, "must be at least 1, or None for all")
        total, largest, n = _some_quadruples(full, _quadruples(len(full), n_samples, random_state))
    return Hyperbolicity(total / n, largest, 2 * largest / float(d.max()), n)


def _quadruples(n: int, n_samples: int, random_state: int | np.random.Generator) -> np.ndarray:
    """Four different points, uniformly: the k-th is drawn from those that are left."""
    rng = np.random.default_rng(random_state)
    out = np.stack([rng.integers(n - k, size=n_samples) for k in range(4)], axis=1)
    for k in range(1, 4):
        # Step over the points drawn before, from the smallest up.
        for earlier in np.sort(out[:, :k], axis=1).T:
            out[:, k] += out[:, k] >= earlier
    return out


@njit(cache=True)
def _delta(first: float, second: float, third: float) -> float:
    low, high = min(first, second), max(first, second)
    return 0.5 * (high - max(low, third)) if third <= high else 0.5 * (third - high)


@njit(cache=True)
def _all_quadruples(d: np.ndarray) -> tuple[float, float, int]:
    total, largest, count, n = 0.0, 0.0, 0, len(d)
    for a in range(n):
        for b in range(a + 1, n):
            for c in range(b + 1, n):
                for e in range(c + 1, n):
                    delta = _delta(d[a, b] + d[c, e], d[a, c] + d[b, e], d[a, e] + d[b, c])
                    total += delta
                    largest = max(largest, delta)
                    count += 1
    return total, largest, count


@njit(cache=True)
def _some_quadruples(d: np.ndarray, quadruples: np.ndarray) -> tuple[float, float, int]:
    total, largest = 0.0, 0.0
    for a, b, c, e in quadruples:
        delta = _delta(d[a, b] + d[c, e], d[a, c] + d[b, e], d[a, e] + d[b, c])
        total += delta
        largest = max(largest, delta)
    return total, largest, len(quadruples)
