"""The activity of two systems on the same presentations, checked and centred: where every similarity begins."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from multiunit.core.errors import InputError
from multiunit.core.recording import Recording


class Paired(NamedTuple):
    """Two centred activities of the same presentations, float64 `(presentation, unit)`; a constant unit is 0."""

    x: np.ndarray
    y: np.ndarray


def paired(x: Any, y: Any, *, least: int = 2) -> Paired:
    """Centre every unit of two systems that were shown the same presentations in the same order.

    Args:
        x, y: arrays or recordings, `(presentation, unit)`; `recording.align` brings two recordings into one order.
        least: fewest presentations.

    Raises:
        InputError: for another shape, different numbers of presentations or too few, numbers that are not finite, or
            a system of which no unit varies.

    >>> paired([[0.0], [2.0]], [[1.0], [1.5]]).x.tolist()
    [[-1.0], [1.0]]
    """
    values = [np.asarray(side.activity if isinstance(side, Recording) else side, dtype=np.float64) for side in (x, y)]
    if any(v.ndim != 2 for v in values) or len(values[0]) != len(values[1]):
        shapes = tuple(v.shape for v in values)
        raise InputError("y", shapes, "x and y need the same presentations, each (presentation, unit)")
    if len(values[0]) < least:
        raise InputError("x", values[0].shape, f"needs at least {least} presentations")
    for name, value in zip("xy", values, strict=True):
        if not np.isfinite(value).all():
            raise InputError(name, "NaN or infinity", "drop or fill what is missing first")
    centred = [_centred(value) for value in values]
    for name, value in zip("xy", centred, strict=True):
        if not value.any():
            raise InputError(name, value.shape, "no unit varies, so nothing can be alike")
    return Paired(*centred)


def _centred(activity: np.ndarray) -> np.ndarray:
    """Less the mean of every unit, and exactly 0 for a constant unit, of which rounding would leave a rest."""
    centred = activity - activity.mean(axis=0)
    constant = np.std(activity, axis=0) <= 1e-12 * np.abs(activity).max(axis=0, initial=0.0)
    centred[:, constant] = 0.0
    return centred
