"""Read stimuli and their labels from a file."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from multiunit.core.errors import InputError, UnsafeFileError

_COLUMNS = ("stimulus", "text", "image")


def read_stimuli(path: str | Path, *, by: str | None = None) -> pd.DataFrame:
    """Stimuli as a frame with the column `stimulus` and their labels.

    - `.txt`: the whole text is one stimulus; systems cut it into windows.
    - `.csv`, `.tsv`, `.parquet`, `.jsonl` with a column stimulus, text or image: one stimulus a row.
    - the same without such a column, but with several columns of text: a parallel table, such as one column a
      language. Each text becomes a stimulus, labelled with its column's name under `by` (default `language`).
    - `.npz` with `x` (one stimulus a row), `y` (label) and `classes` (names of the labels): the label is `class`.

    Raises:
        InputError: for an empty or unreadable file, or rows of different lengths.
        UnsafeFileError: for arrays of Python objects.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError("stimuli", str(path), "no such file")
    if path.suffix == ".npz":
        return _from_arrays(path)
    try:
        if path.suffix == ".txt":
            text = path.read_text(encoding="utf-8")
            if not text.strip():
                raise InputError("stimuli", str(path), "is empty")
            return pd.DataFrame({"stimulus": [text]})
        if path.suffix == ".parquet":
            table = pd.read_parquet(path)
        elif path.suffix == ".jsonl":
            table = pd.read_json(path, lines=True)
        elif path.suffix in (".csv", ".tsv"):
            table = _separated(path)
        else:
            raise InputError("stimuli", str(path), "must end in .txt, .csv, .tsv, .jsonl, .parquet or .npz")
    except (ValueError, OSError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError("stimuli", str(path), f"cannot be read: {error}") from error
    if not len(table):
        raise InputError("stimuli", str(path), "holds no rows")
    named = next((name for name in _COLUMNS if name in table), None)
    return table.rename(columns={named: "stimulus"}) if named else _parallel(table, by or "language", path)


def _separated(path: Path) -> pd.DataFrame:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t" if path.suffix == ".tsv" else ","))
    if not rows:
        raise InputError("stimuli", str(path), "is empty")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(rows[0]):
            raise InputError("stimuli", str(path), f"line {number} has {len(row)} fields, the first has {len(rows[0])}")
    table = pd.DataFrame(rows[1:], columns=rows[0])
    for name in [c for c in table if c not in _COLUMNS]:
        numbers = pd.to_numeric(table[name], errors="coerce")
        if numbers.notna().all():
            table[name] = numbers
    return table


def _parallel(table: pd.DataFrame, by: str, path: Path) -> pd.DataFrame:
    texts = [c for c in table if not pd.api.types.is_numeric_dtype(table[c]) and not _identifies(table[c])]
    if len(texts) < 2:
        raise InputError("stimuli", str(path), f"has none of the columns {', '.join(_COLUMNS)}")
    rest = [c for c in table if c not in texts]
    return table.melt(rest, texts, var_name=by, value_name="stimulus")


def _identifies(values: pd.Series) -> bool:
    """Names such as n01001011, not sentences. The column's own name does not tell: `id` is also Indonesian."""
    return bool(values.astype(str).str.fullmatch(r"[A-Za-z]*[\d._-]+[\w.-]*").all())


def _from_arrays(path: Path) -> pd.DataFrame:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays: dict[str, Any] = {name: archive[name] for name in ("x", "y", "classes") if name in archive}
    except ValueError as error:
        raise UnsafeFileError("stimuli", str(path), f"holds Python objects or is broken: {error}") from error
    if "x" not in arrays:
        raise InputError("stimuli", str(path), "needs an array x, one stimulus a row")
    stimuli = np.empty(len(arrays["x"]), dtype=object)
    for row, item in enumerate(arrays["x"]):
        stimuli[row] = item
    frame = pd.DataFrame({"stimulus": stimuli})
    if "y" in arrays:
        names = arrays.get("classes")
        frame["class"] = arrays["y"] if names is None else np.asarray(names)[arrays["y"]].astype(object)
    return frame
