"""The correlation of every unit with what the animal does, against a null that keeps both rhythms."""

from __future__ import annotations

import numpy as np
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.core.recording import Recording
from multiunit.inference.circular_shift import shifts
from multiunit.inference.false_discovery import false_discovery
from multiunit.inference.permutation import p_values
from multiunit.units.observed import Measured, numbers, over_observed


def correlations(activity: np.ndarray, traces: np.ndarray) -> np.ndarray:
    """Pearson's r of every unit with every trace, `(trace, unit)`; 0 for a unit or trace that never changes.

    >>> x = np.array([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]])
    >>> correlations(x, np.array([[3.0, 2.0, 1.0]])).round(6).tolist()
    [[-1.0, 0.0]]
    """
    x = activity - activity.mean(axis=0)
    y = traces - traces.mean(axis=1, keepdims=True)
    scale = np.linalg.norm(y, axis=1)[:, None] * np.linalg.norm(x, axis=0)
    return np.divide(y @ x, scale, out=np.zeros(scale.shape), where=scale > 1e-12 * np.abs(activity).max(initial=1.0))


@method(kind="measure", source="harris2020", of="place", score="correlation")
def behavioural_correlation(
    recording: Recording,
    variable: str,
    *,
    rank: bool = False,
    n_permutations: int = 500,
    random_state: int | np.random.Generator = 0,
) -> xr.Dataset:
    """Pearson's (or Spearman's) correlation of every unit with a continuous variable in time.

    Args:
        recording: activity `(presentation, unit)`, presentations in the order of time.
        variable: a presentation column.
        rank: correlate ranks, which is Spearman's.
        n_permutations: circular shifts of the variable; both series keep their autocorrelation.
        random_state: seed or generator of the shifts.

    Returns:
        over `unit`: `correlation`; `p_value` of its size, two-sided; `q_value` (Benjamini-Hochberg over units).

    Raises:
        InputError: for a variable that is missing, not finite or constant.

    Source: Harris 2020, bioRxiv 2020.11.29.402719, on why a shuffle in time is no null; see `circular_shift`.

    >>> t = np.arange(300.0)
    >>> r = Recording.from_activity(np.c_[np.sin(t), np.cos(7.1 * t)], presentations={"speed": np.sin(t)})
    >>> behavioural_correlation(r, "speed")["correlation"].values.round(1).tolist()
    [1.0, 0.0]
    """
    values = numbers(recording, variable)
    if np.ptp(values) == 0:
        raise InputError("variable", variable, "is constant; nothing correlates with it")
    rng = np.random.default_rng(random_state)

    def measure(activity: np.ndarray, rows: np.ndarray) -> Measured:
        trace = values[rows]
        if rank:
            from scipy.stats import rankdata

            activity, trace = rankdata(activity, axis=0), rankdata(trace)
        steps = shifts(len(rows), n_permutations=n_permutations, random_state=rng)
        value = correlations(activity, trace[None])[0]
        null = correlations(activity, np.stack([np.roll(trace, step) for step in steps]))
        p = p_values(np.abs(value), np.abs(null))
        return {"correlation": (("unit",), value), "p_value": (("unit",), p)}

    found = over_observed(recording, measure)
    return found.assign(q_value=("unit", false_discovery(found["p_value"].values)))
