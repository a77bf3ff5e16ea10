"""Adjust p values for the number of tests."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from multiunit.core.errors import InputError


def false_discovery(p: Any, *, method: Literal["bh", "by"] = "bh") -> np.ndarray:
    """q values: the smallest false discovery rate at which each test would be called significant.

    Benjamini-Hochberg (`bh`): `q_(i) = min_{j >= i} p_(j) m / j`, for independent or positively dependent tests;
    Benjamini-Yekutieli (`by`): that times `sum_{k <= m} 1/k`, for any dependence. NaN marks "not tested": it stays
    NaN and does not count towards m.

    Args:
        p: p values, any shape.

    Returns:
        q values of the same shape.

    Raises:
        InputError: for values outside [0, 1] or an unknown method.

    Source: Benjamini and Hochberg 1995; Benjamini and Yekutieli 2001.

    >>> false_discovery([0.01, 0.04, 0.03, np.nan]).tolist()
    [0.03, 0.04, 0.04, nan]
    """
    from scipy.stats import false_discovery_control

    values = np.asarray(p, dtype=np.float64)
    if method not in ("bh", "by"):
        raise InputError("method", method, "must be 'bh' or 'by'")
    tested = ~np.isnan(values)
    if ((values[tested] < 0) | (values[tested] > 1)).any():
        raise InputError("p", float(values[tested].max()), "p values lie between 0 and 1")
    out = np.full(values.shape, np.nan)
    if tested.any():
        out[tested] = false_discovery_control(values[tested], method=method)
    return out
