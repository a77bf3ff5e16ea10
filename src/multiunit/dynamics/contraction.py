"""Contraction: whether all trajectories of a rate network must meet, and how fast they do."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from multiunit.core.errors import InputError
from multiunit.dynamics.as_map import Map


class Certificate(NamedTuple):
    """What was proven of tau x' = -x + W phi(x) + u(t), phi with slopes in [0, slope].

    Args:
        holds: whether all trajectories meet, whatever u is.
        metric: `(unit,)`, positive: distances are sqrt(sum_i metric_i dx_i^2).
        rate: they shrink at least as exp(-rate t / tau) in that metric; not positive if nothing is proven.
    """

    holds: bool
    metric: np.ndarray
    rate: float


def contraction_certificate(
    weights: np.ndarray, *, slope: float = 1.0, kind: str = "absolute", metric: Any = None
) -> Certificate:
    """Prove that a rate network contracts in a constant diagonal metric, or fail to.

    absolute: A = slope |W|, with max(W_ii, 0) on its diagonal; it holds if all eigenvalues of A lie below 1, in the
    metric l_i / r_i of its left and right Perron vectors, at the rate 1 - lambda(sym(M^1/2 A M^-1/2)). Triangular
    matrices with a small diagonal pass. singular: it holds if slope^2 W' M W - M is negative definite, at the rate
    1 - slope ||M^1/2 W M^-1/2||; signs count, so this can hold where the other does not, and the reverse.

    Args:
        weights: W, `(unit to, unit from)`.
        slope: largest slope of phi; 1 for relu and tanh.
        kind: `absolute` or `singular`.
        metric: `(unit,)`, for either; by default the Perron vectors' for `absolute`, ones for `singular`.

    Raises:
        InputError: for weights that are no square matrix or not finite, or a metric that is not positive.

    Source: Kozachkov, Ennis & Slotine, RNNs of RNNs, arXiv:2106.08928; reconstructed from the proofs' outline, each
    rate tested against the Jacobians.

    >>> found = contraction_certificate(np.array([[0.0, 0.8], [-0.2, 0.0]]))
    >>> found.holds, round(found.rate, 6), (found.metric / found.metric[0]).round(1).tolist()
    (True, 0.6, [1.0, 4.0])
    """
    w = np.asarray(weights, dtype=np.float64)
    if w.ndim != 2 or w.shape[0] != w.shape[1] or not len(w) or not np.isfinite(w).all():
        raise InputError("weights", w.shape, "needs a square matrix of finite numbers")
    if not slope > 0:
        raise InputError("slope", slope, "must be positive")
    if kind not in ("absolute", "singular"):
        raise InputError("kind", kind, "is one of absolute, singular")
    bound = slope * np.abs(w)
    np.fill_diagonal(bound, slope * np.maximum(np.diag(w), 0.0))
    if metric is None:
        m = _perron(bound) if kind == "absolute" else np.ones(len(w))
    else:
        m = np.asarray(metric, dtype=np.float64)
        if m.shape != w.shape[:1] or not (np.isfinite(m) & (m > 0)).all():
            raise InputError("metric", m.shape, f"needs {len(w)} positive numbers")
    root = np.sqrt(m)
    scaled = root[:, None] * (bound if kind == "absolute" else slope * w) / root
    largest = np.linalg.eigvalsh((scaled + scaled.T) / 2)[-1] if kind == "absolute" else np.linalg.norm(scaled, 2)
    rate = float(1.0 - largest)
    return Certificate(rate > 0, m, rate)


def _perron(bound: np.ndarray) -> np.ndarray:
    # Perron vectors are positive for certain only if every unit reaches every other: a little of that is added.
    n = len(bound)
    padded = bound + 1e-3 * max(float(bound.max()), 1e-12) / n
    left, right = np.ones(n), np.ones(n)
    shifted = padded + np.eye(n) * padded.sum(1).max()  # so that no other eigenvalue has the size of the largest
    for _ in range(2000):
        left, right = left @ shifted, shifted @ right
        left, right = left / left.sum(), right / right.sum()
    return left / right / (left / right).max()


def twin_distance(step: Map, *, first: Any, second: Any, n_steps: int, metric: Any = None) -> np.ndarray:
    """How far apart trajectories are that started apart: distances in a metric, relative to those at the start.

    Args:
        step: (point, state) -> (point, state).
        first, second: `(pair, state)`, where each of the two starts.
        n_steps: steps followed.
        metric: `(state,)`, positive; ones by default.

    Returns:
        `(n_steps + 1, pair)`, 1 at first; inf from where a trajectory left the finite numbers.

    Raises:
        InputError: for shapes that differ, or starts that coincide.

    >>> twin_distance(lambda x: x / 2, first=[[1.0]], second=[[3.0]], n_steps=2).ravel().tolist()
    [1.0, 0.5, 0.25]
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.ndim != 2 or a.shape != b.shape:
        raise InputError("second", b.shape, f"needs (pair, state) as first, {a.shape}")
    m = np.ones(a.shape[1]) if metric is None else np.asarray(metric, dtype=np.float64)
    both = np.concatenate([a, b])
    distance = np.empty((n_steps + 1, len(a)))
    with np.errstate(over="ignore", invalid="ignore"):
        for k in range(n_steps + 1):
            distance[k] = np.sqrt((m * (both[: len(a)] - both[len(a) :]) ** 2).sum(axis=1))
            both = step(both)
    if not (distance[0] > 0).all():
        raise InputError("second", int(np.argmin(distance[0])), "starts where the first does; there is no distance")
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(np.isfinite(distance), distance, np.inf) / distance[0]
