"""The effect of a change on the same items: mean difference with its bootstrap interval."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from multiunit.core.errors import InputError


class PairedEffect(NamedTuple):
    """`mean` difference, the bounds `low` and `high` of its interval, and the number `n` of pairs."""

    mean: float
    low: float
    high: float
    n: int


def paired_effect(
    after: Any,
    before: Any,
    *,
    confidence: float = 0.95,
    n_resamples: int = 2000,
    random_state: int | np.random.Generator = 0,
) -> PairedEffect:
    """Mean of `after - before` over items, with a percentile bootstrap interval over items.

    Args:
        after, before: `(item,)`, the same items in the same order.
        confidence: of the interval.
        n_resamples: bootstrap draws.
        random_state: seed or generator of the draws.

    Raises:
        InputError: for lengths that differ, fewer than two items, or values that are not finite.

    Source: Efron and Tibshirani 1993, chapter 13.

    >>> paired_effect([2.0, 3.0, 4.0], [1.0, 2.0, 3.0])
    PairedEffect(mean=1.0, low=1.0, high=1.0, n=3)
    """
    a, b = np.asarray(after, dtype=np.float64), np.asarray(before, dtype=np.float64)
    if a.shape != b.shape or a.ndim != 1 or len(a) < 2:
        raise InputError("before", (a.shape, b.shape), "after and before need the same items, at least two")
    difference = a - b
    if not np.isfinite(difference).all():
        raise InputError("after", "NaN or infinity", "drop items without a value first")
    if not 0 < confidence < 1:
        raise InputError("confidence", confidence, "lies between 0 and 1")
    rng = np.random.default_rng(random_state)
    means = np.array(
        [difference[rng.integers(len(difference), size=len(difference))].mean() for _ in range(n_resamples)]
    )
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return PairedEffect(float(difference.mean()), float(low), float(high), len(difference))
