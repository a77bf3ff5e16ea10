"""The noise ceiling of each unit: how well even the true response would correlate with the mean that was measured."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from multiunit.core.errors import InputError
from multiunit.core.method import method


class UnitReliability(NamedTuple):
    """All `(unit,)`: correlation of two halves, `half`; `reliability` of the mean over all repeats; its `ceiling`."""

    half: np.ndarray
    reliability: np.ndarray
    ceiling: np.ndarray


def spearman_brown(r: Any, *, factor: Any = 2.0) -> np.ndarray:
    """Reliability of a measurement made `factor` times as long: factor r / (1 + (factor - 1) r).

    Args:
        r: reliability, such as the correlation of two halves.
        factor: above 0; below 1 it tells of a shorter measurement.

    Returns:
        At most 1. The formula runs to minus infinity as r falls to -1 / (factor - 1); what lies beyond half-way there
        is no reliability, and counts as half-way.

    Raises:
        InputError: for a factor that is not positive, or r outside [-1, 1].

    Source: Spearman 1910; Brown 1910, British Journal of Psychology 3.

    >>> spearman_brown([0.5, 0.0, -1.0]).round(3).tolist()
    [0.667, 0.0, -2.0]
    """
    r, factor = np.asarray(r, dtype=np.float64), np.asarray(factor, dtype=np.float64)
    if not (factor > 0).all():
        raise InputError("factor", factor.tolist(), "must be above 0")
    if not (np.abs(r) <= 1 + 1e-9).all():
        raise InputError("r", r.tolist(), "must lie between -1 and 1")
    more = np.maximum(factor - 1, 0)
    bounded = np.where(2 * more * r < -1, -0.5 / np.where(more > 0, more, 1), r)
    return np.asarray(factor * bounded / (1 + (factor - 1) * bounded))


@method(kind="inference", source="spearman1910")
def unit_reliability(
    responses: Any, *, n_splits: int = 100, random_state: int | np.random.Generator = 0
) -> UnitReliability:
    """How reliable the mean response of each unit is, and what correlation with it the true response would reach.

    half = mean over random splits of corr_t(mean of half the repeats, mean of the other half); reliability of the mean
    over all R repeats = Spearman-Brown of it, lengthened R / floor(R / 2) times; ceiling = sqrt(reliability), the
    correlation of that mean with the response without noise. Prediction / ceiling is corrected for noise.

    A split takes whole repeats, so what differs between repeats at all presentations alike does not count as noise.
    Where repeats are missing, those that a presentation has are dealt to the halves in turn, equally many to each; the
    lengthening is then mean_t(1 / floor(n_t / 2)) / mean_t(1 / n_t), n_t repeats at presentation t.

    Args:
        responses: `(repeat, presentation, unit)`; NaN where a repeat is missing.
        n_splits: random splits.
        random_state: seed or generator of the splits.

    Returns:
        `half`, `reliability` (below 0 by chance, at least -2) and `ceiling` (0 where the reliability is below 0); a
        unit that does not change over presentations has 0.

    Raises:
        InputError: for another shape, infinite values, fewer than three presentations, or a presentation with fewer
            than two repeats of some unit.

    Source: Spearman 1910, British Journal of Psychology 3; lengthening for missing repeats worked out here for noise
    that is equal at all presentations.

    >>> signal = np.random.default_rng(0).normal(size=(500, 1))
    >>> noise = np.random.default_rng(1).normal(size=(4, 500, 1))
    >>> found = unit_reliability(signal + 2 * noise)    # variance 1 beside 4 / 4 in the mean: 1 / (1 + 1)
    >>> bool(abs(found.reliability[0] - 0.5) < 0.1), bool(abs(found.ceiling[0] - 0.5**0.5) < 0.1)
    (True, True)
    """
    values = np.asarray(responses, dtype=np.float64)
    if values.ndim != 3 or values.shape[1] < 3 or not values.shape[2]:
        raise InputError("responses", values.shape, "needs (repeat, presentation, unit), three presentations or more")
    if np.isinf(values).any():
        raise InputError("responses", "infinity", "needs finite values, or NaN where a repeat is missing")
    if n_splits < 1:
        raise InputError("n_splits", n_splits, "needs one split or more")
    observed = ~np.isnan(values)
    count = observed.sum(axis=0)
    if count.min() < 2:
        t, unit = np.argwhere(count < 2)[0].tolist()
        raise InputError("responses", f"presentation {t}, unit {unit}", "has fewer than two repeats; leave it out")
    size = count // 2
    filled = np.where(observed, values, 0.0)
    rng = np.random.default_rng(random_state)
    total = np.zeros(values.shape[2])
    for _ in range(n_splits):
        order = rng.permutation(len(values))
        there = observed[order]
        place = np.cumsum(there, axis=0) - 1
        dealt = there & (place < 2 * size)
        halves = [np.einsum("rtu,rtu->tu", dealt & (place % 2 == side), filled[order]) / size for side in (0, 1)]
        total += unit_correlation(*halves)
    half = total / n_splits
    factor = (1 / size).mean(axis=0) / (1 / count).mean(axis=0)
    reliability = spearman_brown(half, factor=factor)
    return UnitReliability(half, reliability, np.sqrt(np.maximum(reliability, 0)))


def unit_correlation(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Correlation over presentations of each unit in x with the same unit in y; 0 where one of them is constant.

    Args:
        x, y: `(presentation, unit)`.

    >>> unit_correlation(np.array([[1.0, 1.0], [2.0, 1.0]]), np.array([[3.0, 1.0], [1.0, 2.0]])).round(9).tolist()
    [-1.0, 0.0]
    """
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    scale = np.linalg.norm(x, axis=0) * np.linalg.norm(y, axis=0)
    return np.divide((x * y).sum(axis=0), scale, out=np.zeros_like(scale), where=scale > 0)
