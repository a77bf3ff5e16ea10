"""Lifetime sparseness: does a unit respond to few of the stimuli, or to all alike?"""

from __future__ import annotations

import numpy as np
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.core.recording import Recording
from multiunit.units.observed import Measured, labels, over_observed


def treves_rolls(response: np.ndarray) -> np.ndarray:
    """S = (1 - a) / (1 - 1/n) with a = (sum r / n)^2 / (sum r^2 / n), along the first axis: 0 is dense, 1 is sparse.

    Args:
        response: `(stimulus, ...)`, not negative.

    Returns:
        `(...)`; NaN for what never responds, of which nothing can be said.

    Raises:
        InputError: for a single stimulus or negative responses.

    >>> treves_rolls(np.array([[1.0, 1.0], [0.0, 1.0], [0.0, 1.0]])).round(6).tolist()
    [1.0, 0.0]
    """
    r = np.asarray(response, dtype=float)
    if len(r) < 2:
        raise InputError("response", r.shape, "needs two stimuli or more")
    if (r < 0).any():
        raise InputError("response", float(r.min()), "sparseness is of rates, which are not negative")
    square = (r**2).mean(axis=0)
    a = np.divide(r.mean(axis=0) ** 2, square, out=np.full(square.shape, np.nan), where=square > 0)
    return (1 - a) / (1 - 1 / len(r))


@method(kind="measure", source="vinje2000", of="label", score="sparseness")
def sparseness(recording: Recording, variable: str | None = None) -> xr.Dataset:
    """The lifetime sparseness of every unit over stimuli, and of the population at each is `treves_rolls(activity.T)`.

    Args:
        recording: activity `(presentation, unit)`, not negative.
        variable: a presentation column whose values are averaged first; None takes every presentation as a stimulus.

    Returns:
        `sparseness(unit)`, 0 to 1; NaN for a unit that is never active.

    Raises:
        InputError: for negative activity or a single stimulus.

    Source: Rolls & Tovee 1995 (a), Vinje & Gallant 2000 (S).

    >>> r = Recording.from_activity([[4.0, 1.0], [0.0, 1.0]])
    >>> sparseness(r)["sparseness"].values.tolist()
    [1.0, 0.0]
    """
    named = None if variable is None else labels(recording, variable)

    def measure(activity: np.ndarray, rows: np.ndarray) -> Measured:
        if named is not None:
            values, numbers = np.unique(named[rows], return_inverse=True)
            member = np.zeros((len(values), len(rows)))
            member[numbers, np.arange(len(rows))] = 1
            activity = member @ activity / member.sum(axis=1, keepdims=True)
        return {"sparseness": (("unit",), treves_rolls(activity))}

    return over_observed(recording, measure)
