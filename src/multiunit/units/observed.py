"""Apply a measure to units with the presentations in which they were observed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.recording import Recording

Measured = dict[str, tuple[tuple[str, ...], np.ndarray]]


def over_observed(recording: Recording, measure: Callable[[np.ndarray, np.ndarray], Measured]) -> xr.Dataset:
    """Call `measure(activity, rows)` once for all units that were observed in the same presentations.

    Args:
        recording: with activity `(presentation, unit)`.
        measure: gets activity `(row, unit)` in float64 and the numbers of these presentations; returns
            name -> (dims, values), the first dimension being the unit's.

    Returns:
        The variables over all units, in the recording's order, with `unit_id` and `site`.

    Raises:
        InputError: for no units, activity over time, or activity that is not finite where it was observed.
    """
    dataset = recording.dataset
    if "activity" not in dataset or dataset["activity"].ndim != 2 or not recording.n_units:
        raise InputError("recording", recording, "needs activity (presentation, unit): use .bin(width) or .count()")
    activity = recording.activity
    observed = dataset["observed"].values if "observed" in dataset else np.ones(activity.shape, dtype=bool)
    patterns: dict[bytes, list[int]] = {}
    for unit, column in enumerate(np.packbits(observed, axis=0).T):
        patterns.setdefault(column.tobytes(), []).append(unit)
    found: dict[str, Any] = {}
    dims: dict[str, tuple[str, ...]] = {}
    for units in patterns.values():
        rows = np.flatnonzero(observed[:, units[0]])
        block = activity[np.ix_(rows, np.array(units))].astype(np.float64)
        if not np.isfinite(block).all():
            bad = recording.units.index[units[int(np.flatnonzero(~np.isfinite(block).all(axis=0))[0])]]
            raise InputError("activity", f"{bad}: NaN or infinite", "mark what was not recorded by observed=False")
        for name, (shape, values) in measure(block, rows).items():
            if name not in found:
                dims[name] = shape
                found[name] = np.empty((recording.n_units, *values.shape[1:]), dtype=values.dtype)
            found[name][units] = values
    coords = {name: dataset.coords[name] for name in ("unit_id", "site")}
    return xr.Dataset({name: (dims[name], values) for name, values in found.items()}, coords)


def numbers(recording: Recording, variable: str) -> np.ndarray:
    """A presentation column of finite numbers.

    Raises:
        InputError: if there is no such column, or it holds anything else.
    """
    table = _table(recording, variable)
    try:
        values = table[variable].to_numpy(dtype=float)
    except (TypeError, ValueError) as error:
        raise InputError("variable", variable, "needs numbers") from error
    if not np.isfinite(values).all():
        missing = int((~np.isfinite(values)).sum())
        raise InputError("variable", variable, f"is missing in {missing} presentations; select the others first")
    return values


def labels(recording: Recording, variable: str) -> np.ndarray:
    """A presentation column as texts.

    Raises:
        InputError: if there is no such column.
    """
    return _table(recording, variable)[variable].astype(str).to_numpy(dtype=object)


def _table(recording: Recording, variable: str) -> pd.DataFrame:
    table = recording.presentations
    if not len(table):
        raise InputError("recording", recording, "has no presentations")
    if variable not in table:
        raise InputError("variable", variable, f"is no presentation column; there are: {', '.join(map(str, table))}")
    return table
