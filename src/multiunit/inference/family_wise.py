"""Adjust p values so that one false finding in the whole family is as rare as the level says."""

from __future__ import annotations

from typing import Any

import numpy as np

from multiunit.core.errors import InputError


def family_wise(p: Any) -> np.ndarray:
    """The level at which each test, and every one with a smaller p value, would be called significant (Holm).

    Sorted p_(1) <= ... <= p_(m): max_{j <= i} min(1, (m - j + 1) p_(j)), whatever the dependence of the tests. NaN
    marks "not tested": it stays NaN and does not count towards m.

    Args:
        p: p values, any shape.

    Returns:
        Adjusted p values of the same shape.

    Raises:
        InputError: for values outside [0, 1].

    Source: Holm 1979, Scandinavian Journal of Statistics 6:65.

    >>> family_wise([0.01, 0.04, np.nan, 0.03]).tolist()
    [0.03, 0.06, nan, 0.06]
    """
    values = np.asarray(p, dtype=np.float64)
    out = np.full(values.shape, np.nan)
    tested = ~np.isnan(values)
    found = values[tested]
    if ((found < 0) | (found > 1)).any():
        raise InputError("p", float(found.max()), "p values lie between 0 and 1")
    order = np.argsort(found)
    stepped = np.maximum.accumulate(found[order] * np.arange(len(found), 0, -1))
    adjusted = np.empty_like(found)
    adjusted[order] = np.minimum(stepped, 1.0)
    out[tested] = adjusted
    return out
