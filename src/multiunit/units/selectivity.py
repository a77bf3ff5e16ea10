"""Selectivity: how well every unit tells the values of a label apart."""

from __future__ import annotations

import numpy as np
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.core.recording import Recording
from multiunit.units.observed import Measured, labels, over_observed


def d_prime(activity: np.ndarray, member: np.ndarray) -> np.ndarray:
    """d' = (m1 - m0) / sqrt((v1 + v0) / 2) of each group against the rest; 0 where nothing varies.

    Args:
        activity: `(presentation, unit)`.
        member: bool `(presentation, group)`.

    Returns:
        `(unit, group)`.

    >>> d_prime(np.array([[2.0], [4.0], [0.0], [2.0]]), np.array([[True], [True], [False], [False]])).round(3).tolist()
    [[1.414]]
    """
    inside = member.astype(float).T
    sums = []
    for weight in (inside, 1 - inside):
        n = weight.sum(axis=1, keepdims=True)
        mean = weight @ activity / n
        # Two passes: the difference of large squares would lose a small variance.
        centred = [(w @ (activity - m) ** 2) for w, m in zip(weight, mean, strict=True)]
        sums.append((mean, np.stack(centred) / np.maximum(n - 1, 1)))
    (m1, v1), (m0, v0) = sums
    spread = np.sqrt((v1 + v0) / 2)
    return np.divide(m1 - m0, spread, out=np.zeros_like(spread), where=spread > 0).T


def explained(activity: np.ndarray, member: np.ndarray) -> np.ndarray:
    """eta squared = variance between groups / variance: the share of a unit's variance that the label explains.

    >>> explained(np.array([[0.0], [0.0], [1.0], [1.0]]), np.array([[1, 0], [1, 0], [0, 1], [0, 1]], bool)).tolist()
    [1.0]
    """
    n = member.sum(axis=0)
    means = member.T.astype(float) @ activity / n[:, None]
    between = (n[:, None] * (means - activity.mean(axis=0)) ** 2).sum(axis=0)
    total = ((activity - activity.mean(axis=0)) ** 2).sum(axis=0)
    return np.divide(between, total, out=np.zeros_like(total), where=total > 0)


@method(kind="measure", source="green1966", of="label", score="explained")
def selectivity(recording: Recording, variable: str) -> xr.Dataset:
    """How far apart every unit's activity is for the values of a label: d' of each against the rest, and eta squared.

    Args:
        recording: activity `(presentation, unit)`.
        variable: a presentation column with two values or more.

    Returns:
        `d_prime(unit, label)`, `explained(unit)` (eta squared), `f(unit)` and its `p_value(unit)` by the analysis of
        variance, which takes presentations for independent - frames of a slow signal are not.

    Raises:
        InputError: for a single value, a value seen once only, or a missing column.

    Source: Green & Swets 1966 (d'); Fisher 1925 (eta squared, F).

    >>> activity = [[3.0, 1.0], [3.2, 2.0], [1.0, 1.0], [1.2, 2.0]]
    >>> r = Recording.from_activity(activity, presentations={"side": list("llrr")})
    >>> selectivity(r, "side")["explained"].values.round(2).tolist()
    [0.99, 0.0]
    """
    from scipy import stats

    named = labels(recording, variable)
    values, counts = np.unique(named, return_counts=True)
    if len(values) < 2 or counts.min() < 2:
        mend = f"needs two values or more, each shown twice or more; {values[counts.argmin()]!r} has {counts.min()}"
        raise InputError("variable", variable, mend)

    def measure(activity: np.ndarray, rows: np.ndarray) -> Measured:
        member = named[rows, None] == values
        if (member.sum(axis=0) < 2).any():
            raise InputError(
                "variable", variable, "some units were observed in fewer than two presentations of a value"
            )
        share = explained(activity, member)
        free = (len(values) - 1, len(rows) - len(values))
        within = np.maximum(1 - share, np.finfo(float).tiny)
        f = share / within * free[1] / free[0]
        return {
            "d_prime": (("unit", "label"), d_prime(activity, member)),
            "explained": (("unit",), share),
            "f": (("unit",), f),
            "p_value": (("unit",), stats.f.sf(f, *free)),
        }

    return over_observed(recording, measure).assign_coords(label=("label", values.astype(object)))
