"""Transient states: which units are active together, from when, and for how long."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from multiunit.core.errors import InputError


def transient_states(activity: ArrayLike, *, threshold: float = 0.7, dt: float = 1.0) -> pd.DataFrame:
    """Cut a run into stretches in which the same units are active.

    A state is the set of units above the threshold; a stretch goes from the sample in which it appears to the one
    before the next state.

    Args:
        activity: `(sample, unit)`.
        threshold: in units of the activity.
        dt: time from sample to sample.

    Returns:
        One row a stretch, in order: `state`, a tuple of unit numbers; `start` and `duration`, in units of `dt`.

    Raises:
        InputError: for another shape, no samples, NaN or a dt that is not above 0.

    >>> transient_states([[1, 1, 0], [1, 1, 0], [0, 0, 0], [0, 0, 1]]).values.tolist()
    [[(0, 1), 0.0, 2.0], [(), 2.0, 1.0], [(2,), 3.0, 1.0]]
    """
    x = np.asarray(activity, dtype=np.float64)
    if x.ndim != 2 or not x.size or np.isnan(x).any():
        raise InputError("activity", x.shape, "needs (sample, unit), one of each at least, and no NaN")
    if not 0 < dt < np.inf:
        raise InputError("dt", dt, "needs a time above 0")
    active = x > threshold
    starts = np.concatenate([[0], np.flatnonzero((active[1:] != active[:-1]).any(axis=1)) + 1])
    lengths = np.diff(np.append(starts, len(x)))
    states = [tuple(int(unit) for unit in np.flatnonzero(active[start])) for start in starts]
    return pd.DataFrame({"state": states, "start": starts * float(dt), "duration": lengths * float(dt)})
