"""Exact optimal transport between two small measures."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from multiunit.core.errors import InputError


def transport_cost(source: Any, target: Any, *, cost: Any) -> float:
    """The least cost of moving one measure into another: min_F sum_ij F_ij cost_ij, F >= 0 with the two as margins.

    With a metric as cost it is the 1-Wasserstein distance. Solved by shortest augmenting paths, which is exact within
    rounding and made for tens of points; for thousands take a library.

    Args:
        source: `(n,)` masses, none below 0.
        target: `(m,)` masses of the same total.
        cost: `(n, m)`, none below 0.

    Raises:
        InputError: for shapes that do not fit, masses or costs that are not finite or below 0, or totals that differ.

    Source: successive shortest paths with potentials, Edmonds & Karp 1972, Journal of the ACM 19.

    >>> transport_cost([0.5, 0.5], [1.0], cost=[[1.0], [3.0]])
    2.0
    """
    a, b, c = (np.ascontiguousarray(value, dtype=np.float64) for value in (source, target, cost))
    if a.ndim != 1 or b.ndim != 1 or not a.size or c.shape != (len(a), len(b)):
        raise InputError("cost", c.shape, f"needs (source, target): ({a.size}, {b.size})")
    for name, value in (("source", a), ("target", b), ("cost", c)):
        if not np.isfinite(value).all() or (value < 0).any():
            raise InputError(name, "NaN, infinity or below 0", "needs finite numbers, none below 0")
    if not np.isclose(a.sum(), b.sum(), rtol=1e-9, atol=0.0):
        raise InputError("target", float(b.sum()), f"needs as much mass as the source, {a.sum():.6g}")
    return float(least_cost(a, b, c))


@njit(cache=True)
def least_cost(source: np.ndarray, target: np.ndarray, cost: np.ndarray) -> float:
    """`transport_cost` without checks, to be called from compiled code."""
    n, m = cost.shape
    flow = np.zeros((n, m))
    left, need = source.copy(), target.copy()
    # Dual prices: cost + row - column stays at 0 or above, and at 0 where mass flows.
    row, column = np.zeros(n), np.zeros(m)
    tolerance = 1e-13 * source.sum()
    while left.max() > tolerance and need.max() > tolerance:
        to_row, to_column = np.full(n, np.inf), np.full(m, np.inf)
        row_from, column_from = np.full(n, -1), np.full(m, -1)
        row_done, column_done = np.zeros(n, np.bool_), np.zeros(m, np.bool_)
        to_row[left > tolerance] = 0.0
        goal, reach = -1, 0.0
        while goal < 0:
            nearest, at, is_row = np.inf, -1, True
            for i in range(n):
                if not row_done[i] and to_row[i] < nearest:
                    nearest, at, is_row = to_row[i], i, True
            for j in range(m):
                if not column_done[j] and to_column[j] < nearest:
                    nearest, at, is_row = to_column[j], j, False
            if is_row:
                row_done[at] = True
                for j in range(m):
                    length = nearest + max(0.0, cost[at, j] + row[at] - column[j])
                    if length < to_column[j]:
                        to_column[j], column_from[j] = length, at
            elif need[at] > tolerance:
                goal, reach = at, nearest
            else:
                column_done[at] = True
                for i in range(n):
                    # Backwards along what flows already; such edges have length 0.
                    if flow[i, at] > tolerance and nearest < to_row[i]:
                        to_row[i], row_from[i] = nearest, at
        row += np.minimum(to_row, reach)
        column += np.minimum(to_column, reach)
        amount, j = need[goal], goal
        while True:
            i = column_from[j]
            if row_from[i] < 0:
                amount = min(amount, left[i])
                break
            j = row_from[i]
            amount = min(amount, flow[i, j])
        need[goal] -= amount
        j = goal
        while True:
            i = column_from[j]
            flow[i, j] += amount
            if row_from[i] < 0:
                left[i] -= amount
                break
            j = row_from[i]
            flow[i, j] -= amount
    return (flow * cost).sum()
