"""How wrong redundant noisy learners are: the error of each, of their mean, and what coupling has to do with it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from multiunit.core.errors import InputError


class RedundancyError(NamedTuple):
    """Expected squared distances: of the mean of the copies from the optimum, of a copy from that mean, and of a copy
    from the optimum; `bound` is what the second cannot exceed, given only the graph's algebraic connectivity."""

    centroid: float
    dispersion: float
    single: float
    bound: float


def laplacian(adjacency: ArrayLike) -> np.ndarray:
    """L = diag(degree) - A of an undirected graph with weights that are not negative.

    Args:
        adjacency: `(copy, copy)`.

    Returns:
        `(copy, copy)`, symmetric, rows summing to 0.

    Raises:
        InputError: for a matrix that is not square, symmetric, finite and at least 0.

    >>> laplacian([[0, 1, 0], [1, 0, 1], [0, 1, 0]]).tolist()
    [[1.0, -1.0, 0.0], [-1.0, 2.0, -1.0], [0.0, -1.0, 1.0]]
    """
    a = np.asarray(adjacency, dtype=np.float64)
    if a.ndim != 2 or a.shape[0] != a.shape[1] or not len(a):
        raise InputError("adjacency", a.shape, "needs shape (copy, copy)")
    if not np.isfinite(a).all() or (a < 0).any() or not np.allclose(a, a.T):
        raise InputError("adjacency", a, "needs symmetric finite weights, none below 0")
    a = a - np.diag(np.diag(a))
    return np.diag(a.sum(axis=1)) - a


def redundancy_bound(
    adjacency: ArrayLike, curvature: ArrayLike, *, coupling: float, noise: float, correlation: float = 0.0
) -> RedundancyError:
    """The stationary error of coupled copies of a noisy gradient learner, exact for a quadratic loss.

    With n copies, curvatures h, noise s of correlation r between copies, coupling k and eigenvalues 0 = l_1 <= ... <=
    l_n of the graph's Laplacian: centroid = sum_h s^2 (r + (1 - r) / n) / (2 h); dispersion = sum_h (1 - r) s^2 / (2 n)
    sum_{i >= 2} 1 / (h + k l_i); single is their sum. A loss that is at least as curved everywhere does no worse than
    that of its least curvature in dispersion.

    Args:
        adjacency: `(copy, copy)`, undirected.
        curvature: a number, or the eigenvalues of the Hessian `(weight,)`, above 0.
        coupling: k. noise: s, per square root of time. correlation: r, 0 to 1.

    Returns:
        `RedundancyError`.

    Raises:
        InputError: for curvatures or numbers out of range, or as `laplacian`.

    Source: Bouvrie & Slotine 2011, doi:10.1162/NECO_a_00183, whose theorems are bounds for convex losses; the exact
    form for quadratic losses is derived here.

    >>> all_to_all = 1 - np.eye(4)
    >>> [round(v, 3) for v in redundancy_bound(all_to_all, 0.5, coupling=0.0, noise=1.0)]
    [0.25, 0.75, 1.0, 0.75]
    >>> [round(v, 3) for v in redundancy_bound(all_to_all, 0.5, coupling=10.0, noise=1.0)]
    [0.25, 0.009, 0.259, 0.009]
    """
    h = np.atleast_1d(np.asarray(curvature, dtype=np.float64))
    if h.ndim != 1 or not np.isfinite(h).all() or (h <= 0).any():
        raise InputError("curvature", curvature, "needs finite numbers above 0")
    if not 0 <= coupling < np.inf or not 0 <= noise < np.inf:
        raise InputError("coupling", (coupling, noise), "coupling and noise are finite and not negative")
    if not 0 <= correlation <= 1:
        raise InputError("correlation", correlation, "lies from 0 to 1")
    spectrum = np.linalg.eigvalsh(laplacian(adjacency))[1:]
    n, own = len(spectrum) + 1, noise**2 * (1 - correlation) / 2
    centroid = float(((noise**2 * correlation / 2 + own / n) / h).sum())
    dispersion = float((own / n / (h[:, None] + coupling * spectrum)).sum())
    bound = float((own * (n - 1) / n / (h + coupling * spectrum[0])).sum()) if n > 1 else 0.0
    return RedundancyError(centroid, dispersion, centroid + dispersion, bound)
