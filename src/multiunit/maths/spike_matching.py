"""Spikes of two trains that mean each other: matched one to one within a window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import njit

from multiunit.core.errors import InputError


def match_spikes(first: np.ndarray, second: np.ndarray, *, window: float) -> tuple[np.ndarray, np.ndarray]:
    """Match as many spikes of two trains as can be, one to one, no farther apart than the window.

    Args:
        first, second: times in order, `(spike,)`, s.
        window: s, at least 0.

    Returns:
        Which spikes of the first and of the second train have a partner, bool `(spike,)` each.

    Raises:
        InputError: for times out of order or NaN, or a negative window.

    >>> [found.tolist() for found in match_spikes(np.array([0.1, 0.2]), np.array([0.201, 0.202]), window=0.005)]
    [[False, True], [True, False]]
    """
    a, b = (np.ascontiguousarray(train, dtype=np.float64) for train in (first, second))
    for name, train in (("first", a), ("second", b)):
        if train.ndim != 1 or not (np.diff(train) >= 0).all() or not np.isfinite(train).all():
            raise InputError(name, train.shape, "needs finite times in order, (spike,)")
    if not window >= 0:
        raise InputError("window", window, "must be at least 0")
    # Times are often whole steps: a pair exactly a window apart counts, whatever the rounding.
    return _matched(a, b, window * (1 + 1e-9) + 1e-12)


def spike_f1(first: Sequence[Any], second: Sequence[Any], *, window: float) -> float:
    """The share of spikes of several trains that have a partner in the same unit's other train: 2 M / (n_1 + n_2).

    Args:
        first, second: for each unit times in order, s.
        window: see `match_spikes`.

    Returns:
        0 to 1; 1 where nobody spikes at all.

    Raises:
        InputError: for numbers of units that differ, or what `match_spikes` refuses.

    >>> spike_f1([[0.1, 0.2], []], [[0.1], [0.3]], window=0.005)
    0.5
    """
    if len(first) != len(second):
        raise InputError("second", len(second), f"needs a train for each of the {len(first)} units of first")
    total = sum(len(train) for train in (*first, *second))
    pairs = zip(first, second, strict=True)
    matched = sum(int(match_spikes(np.asarray(a), np.asarray(b), window=window)[0].sum()) for a, b in pairs)
    return 2 * matched / total if total else 1.0


@njit(cache=True)
def _matched(a: np.ndarray, b: np.ndarray, window: float) -> tuple[np.ndarray, np.ndarray]:
    # All windows are alike, so that the earliest pair possible never stands in the way of more pairs.
    of_a, of_b = np.zeros(len(a), np.bool_), np.zeros(len(b), np.bool_)
    i, j = 0, 0
    while i < len(a) and j < len(b):
        if abs(a[i] - b[j]) <= window:
            of_a[i] = True
            of_b[j] = True
            i += 1
            j += 1
        elif a[i] < b[j]:
            i += 1
        else:
            j += 1
    return of_a, of_b
