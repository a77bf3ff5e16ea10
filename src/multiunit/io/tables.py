"""Recordings from arrays and tables: `.npy`, `.npz`, `.csv`, `.tsv`, `.parquet`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from multiunit.core.errors import InputError, UnsafeFileError
from multiunit.core.recording import Recording

# Columns that describe a presentation even though they are numbers.
LABELS = (
    "presentation_id",
    "stimulus_id",
    "repeat",
    "condition",
    "onset",
    "duration",
    "split",
    "sequence_id",
    "position",
)


def read_array(path: str | Path) -> Recording:
    """A recording from `.npy` `(presentation, unit[, time])`, or from `.npz` with the array `activity` or `x`.

    In an `.npz`, one-dimensional arrays as long as the presentations (or else the units) become their columns.

    Raises:
        InputError: for a file without such an array, or activity that is NaN or infinite.
        UnsafeFileError: for arrays of Python objects.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            arrays = {"activity": loaded} if isinstance(loaded, np.ndarray) else dict(loaded)
    except ValueError as error:
        raise UnsafeFileError("source", str(path), f"holds Python objects or is broken: {error}") from error
    except OSError as error:
        raise InputError("source", str(path), f"cannot be read: {error}") from error
    name = next((key for key in ("activity", "x") if key in arrays), None)
    if name is None:
        raise InputError("source", str(path), f"needs an array 'activity'; there are: {', '.join(arrays)}")
    activity = arrays.pop(name)
    if activity.ndim not in (2, 3) or activity.dtype.kind not in "fiub":
        mend = "needs numbers of shape (presentation, unit) or (presentation, unit, time)"
        raise InputError("source", f"{path.name}: {name} {activity.shape} {activity.dtype}", mend)
    _finite(activity, path)
    units: dict[str, Any] = {}
    presentations: dict[str, Any] = {}
    for key, values in arrays.items():
        if values.ndim == 1 and len(values) in activity.shape[:2]:
            (presentations if len(values) == len(activity) else units)[key] = values
    return Recording.from_activity(activity, units=units, presentations=presentations, source=path.name)


def read_table(path: str | Path) -> Recording:
    """A recording from a table with one row a presentation: columns of numbers are units, others label presentations.

    Numbers named after a presentation's coordinates (`onset`, `stimulus_id`, ...) are labels too.

    Raises:
        InputError: for a table without rows or numbers, rows of different lengths, or values that are missing.
    """
    path = Path(path)
    try:
        if path.suffix == ".parquet":
            table = pd.read_parquet(path)
        else:
            # Python's parser refuses a row that is too long; one that is too short leaves a gap, refused below.
            table = pd.read_csv(path, sep="\t" if path.suffix == ".tsv" else ",", on_bad_lines="error", index_col=False)
    except (ValueError, OSError) as error:
        raise InputError("source", str(path), f"cannot be read: {str(error).strip().splitlines()[-1]}") from error
    units = [c for c in table if pd.api.types.is_numeric_dtype(table[c]) and str(c) not in LABELS]
    if not len(table) or not units:
        raise InputError("source", str(path), "needs rows and columns of numbers, one a unit")
    activity = table[units].to_numpy(dtype=float)
    _finite(activity, path)
    labels = {str(c): table[c].to_numpy() for c in table if c not in units}
    names = np.array([str(c) for c in units], dtype=object)
    return Recording.from_activity(activity, units={"name": names}, presentations=labels, source=path.name)


def _finite(activity: np.ndarray, path: Path) -> None:
    bad = ~np.isfinite(activity)
    if bad.any():
        where = int(np.flatnonzero(bad.reshape(len(bad), -1).any(axis=1))[0])
        mend = f"first in row {where}; drop those rows, or mark them in a Recording with observed=..."
        raise InputError("source", f"{path.name}: {int(bad.sum())} NaN or infinite values", mend)
