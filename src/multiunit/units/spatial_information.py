"""Spatial information: how much one spike tells of where the animal is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.core.recording import Recording
from multiunit.inference.circular_shift import shifts
from multiunit.inference.permutation import p_values
from multiunit.units.observed import Measured, numbers, over_observed
from multiunit.units.tuning_curve import bin_edges, cells_of


def skaggs_information(rate: np.ndarray, occupancy: np.ndarray) -> np.ndarray:
    """Bits a spike: I = sum_i p_i (r_i / r) log2(r_i / r), r = sum_i p_i r_i.

    Args:
        rate: mean activity `(..., bin)`, not negative; unvisited bins may hold NaN.
        occupancy: time or presentations in each bin, `(bin,)`.

    Returns:
        `(...)`; 0 for a silent unit, whose spikes tell nothing because there are none.

    Raises:
        InputError: for negative activity.

    >>> skaggs_information(np.array([[4.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0]]), np.ones(4)).tolist()
    [2.0, 0.0]
    """
    visited = occupancy > 0
    p = occupancy[visited] / occupancy[visited].sum()
    r = np.asarray(rate, dtype=float)[..., visited]
    if (r < 0).any():
        raise InputError("rate", float(r.min()), "spatial information is of rates, which are not negative")
    mean = (r * p).sum(axis=-1, keepdims=True)
    relative = np.divide(r, mean, out=np.zeros_like(r), where=mean > 0)
    logarithm = np.log2(relative, out=np.zeros_like(relative), where=relative > 0)
    return (p * relative * logarithm).sum(axis=-1)


@method(kind="measure", source="skaggs1993", of="place", score="information")
def spatial_information(
    recording: Recording,
    variable: str | Sequence[str],
    *,
    n_bins: int = 20,
    n_permutations: int = 200,
    random_state: int | np.random.Generator = 0,
) -> xr.Dataset:
    """How many bits a spike of every unit tells of a variable, beside what it seems to tell when turned in time.

    I = sum_i p_i (r_i / r) log2(r_i / r) over the bins of the variable. It is biased upwards where spikes are few: the
    null - activity shifted against the variable by a random time - has the same bias and shows it.

    Args:
        recording: counts `(presentation, unit)` of short bins in the order of time; select the running first.
        variable: a presentation column, or several for an open field.
        n_bins: bins of each variable.
        n_permutations: circular shifts.
        random_state: seed or generator of the shifts.

    Returns:
        over `unit`: `information` (bits a spike), `null_mean` (of the shifts), `corrected` (their
        difference, for the bias), `p_value`, `mean` (of activity).

    Raises:
        InputError: for negative activity, or a variable that is missing, not finite or constant.

    Source: Skaggs, McNaughton, Gothard & Markus 1993.

    >>> place = np.tile(np.arange(8.0), 50)
    >>> r = Recording.from_activity(np.c_[place == 3, np.ones(400)], presentations={"place": place})
    >>> spatial_information(r, "place", n_bins=8, n_permutations=20)["information"].values.round(6).tolist()
    [3.0, 0.0]
    """
    names = [variable] if isinstance(variable, str) else list(variable)
    values = np.stack([numbers(recording, name) for name in names], axis=1)
    cells = cells_of(values, [bin_edges(column, n_bins=n_bins) for column in values.T])
    n_cells = n_bins ** len(names)
    rng = np.random.default_rng(random_state)

    def measure(activity: np.ndarray, rows: np.ndarray) -> Measured:
        if (activity < 0).any():
            raise InputError("activity", float(activity.min()), "spatial information is of counts or rates")
        mine = cells[rows]
        steps = shifts(len(rows), n_permutations=n_permutations, random_state=rng)
        count = np.bincount(mine, minlength=n_cells).astype(float)
        value = skaggs_information(_rates(activity, mine, count), count)
        null = np.stack([skaggs_information(_rates(activity, np.roll(mine, s), count), count) for s in steps])
        return {
            "information": (("unit",), value),
            "null_mean": (("unit",), null.mean(axis=0)),
            "corrected": (("unit",), value - null.mean(axis=0)),
            "p_value": (("unit",), p_values(value, null)),
            "mean": (("unit",), activity.mean(axis=0)),
        }

    return over_observed(recording, measure)


def _rates(activity: np.ndarray, cells: np.ndarray, count: np.ndarray) -> np.ndarray:
    order = np.argsort(cells, kind="stable")
    visited = np.flatnonzero(count)
    starts = np.searchsorted(cells[order], visited)
    rates = np.zeros((activity.shape[1], len(count)))
    rates[:, visited] = (np.add.reduceat(activity[order], starts, axis=0) / count[visited, None]).T
    return rates
