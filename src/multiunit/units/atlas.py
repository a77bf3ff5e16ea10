"""`Atlas`: one row for every unit, the details behind the rows, and how they came about."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from multiunit.core.errors import InputError, StoreError

SCHEMA = "multiunit-atlas/1"


@dataclass(frozen=True, eq=False, repr=False)
class Atlas:
    """What is known of each unit.

    Args:
        table: one row a unit, indexed by `unit_id`, beginning with `site`; what a detector found is in
            columns `<detector>.<variable>` and `<detector>.<variable>.<label>`.
        details: what has more than a number for each unit - top presentations, histograms, profiles - as data
            sets over `unit`, in the order of the table.
        manifest: versions, seed, source and its hash, stimuli, detectors.

    Raises:
        InputError: if the details are of other units than the table.

    >>> atlas = Atlas(pd.DataFrame({"site": ["a", "a"], "mean": [0.0, 2.0]}, index=["a/0", "a/1"]))
    >>> atlas.query("mean > 1")
    Atlas(1 unit of 1 site)
    """

    table: pd.DataFrame
    details: Mapping[str, xr.Dataset] = field(default_factory=dict)
    manifest: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if "site" not in self.table or self.table.index.has_duplicates:
            raise InputError("table", list(self.table)[:4], "needs a column 'site' and unique unit ids as its index")
        object.__setattr__(self, "table", self.table.rename_axis("unit_id"))
        for name, dataset in self.details.items():
            if dataset.sizes.get("unit") != len(self.table):
                raise InputError("details", name, f"needs {len(self.table)} units, as the table has")

    def query(self, expression: str) -> Atlas:
        """The units for which an expression over the columns is true; names with dots stand in backquotes.

        Raises:
            InputError: if it is no expression over the columns.
        """
        try:
            kept = np.asarray(self.table.eval(expression, engine="python"), dtype=bool)
        except Exception as error:  # pandas raises whatever its parser and operators raise
            raise InputError("expression", expression, f"cannot be asked of the atlas: {error}") from error
        if kept.shape != (len(self.table),):
            raise InputError("expression", expression, "must be true or false for each unit")
        details = {name: dataset.isel(unit=kept) for name, dataset in self.details.items()}
        return Atlas(self.table[kept], details, self.manifest)

    def unit(self, unit_id: str) -> tuple[pd.Series, dict[str, xr.Dataset]]:
        """The row of one unit and its details.

        Raises:
            InputError: if there is no such unit.
        """
        if unit_id not in self.table.index:
            raise InputError("unit_id", unit_id, f"is not among the {len(self.table)} units, {self.table.index[0]} ...")
        number = int(self.table.index.get_indexer(pd.Index([unit_id]))[0])
        return self.table.iloc[number], {name: dataset.isel(unit=number) for name, dataset in self.details.items()}

    def selection(self, detector: str, *, label: str | None = None) -> list[str]:
        """Ids of the units that a detector selected, for one of its labels or for any.

        Raises:
            InputError: if the atlas holds no such detector or label.
        """
        return self._marked(detector, "selected", label)

    def control(self, detector: str, *, label: str | None = None) -> list[str]:
        """Ids of the matched random control to `selection`."""
        return self._marked(detector, "control", label)

    def _marked(self, detector: str, what: str, label: str | None) -> list[str]:
        name = f"{detector}.{what}"
        columns = [c for c in self.table if c == name or str(c).startswith(f"{name}.")]
        if label is not None:
            columns = [c for c in columns if c == f"{name}.{label}"]
        if not columns:
            there = sorted({str(c).partition(".")[0] for c in self.table if f".{what}" in str(c)})
            raise InputError("detector", (detector, label), f"selected nothing here; there are: {', '.join(there)}")
        return self.table.index[np.flatnonzero(self.table[columns].to_numpy(bool).any(axis=1))].tolist()

    def join(self, other: Atlas, *, suffix: str = "_other") -> Atlas:
        """This atlas with the columns and details of another one of the same units; equal names get the suffix.

        Raises:
            InputError: if the two share no unit.
        """
        shared = self.table.index.intersection(other.table.index)
        if not len(shared):
            raise InputError("other", other, "shares no unit with this atlas")
        mine, theirs = (a.table.index.get_indexer(shared) for a in (self, other))
        right = other.table.loc[shared].drop(columns="site")
        table = self.table.loc[shared].merge(right, left_index=True, right_index=True, suffixes=("", suffix))
        details = {name: dataset.isel(unit=mine) for name, dataset in self.details.items()}
        for name, dataset in other.details.items():
            details[name + suffix if name in details else name] = dataset.isel(unit=theirs)
        return Atlas(table, details, {**self.manifest, "joined": dict(other.manifest)})

    def save(self, path: str | Path) -> Path:
        """Write a folder: `table.parquet`, `manifest.json` and `details/*.npz`. An older atlas there stays whole
        until the new one is complete.

        Raises:
            StoreError: if it cannot be written, or something else stands there.
        """
        path = Path(path)
        if path.exists() and any(path.iterdir() if path.is_dir() else [path]) and not (path / "manifest.json").exists():
            raise StoreError(f"{path} is there and is no atlas; choose another place")
        new = path.with_name(f".{path.name}.new")
        try:
            shutil.rmtree(new, ignore_errors=True)
            (new / "details").mkdir(parents=True)
            self.table.to_parquet(new / "table.parquet")
            for name, dataset in self.details.items():
                _write_dataset(dataset, new / "details" / f"{_file_name(name)}.npz")
            manifest = {"schema": SCHEMA, **self.manifest, "details": list(self.details)}
            (new / "manifest.json").write_text(json.dumps(manifest, indent=1, default=str))
            for file in new.rglob("*"):
                if file.is_file():
                    _sync(file)
            _exchange(new, path)
        except OSError as error:
            shutil.rmtree(new, ignore_errors=True)
            raise StoreError(f"cannot write {path}: {error.strerror or error}") from error
        return path

    @classmethod
    def load(cls, path: str | Path) -> Atlas:
        """Read a folder that `save` wrote.

        Raises:
            StoreError: if there is none, or a part of it is missing or broken.
        """
        path = Path(path)
        try:
            manifest = json.loads((path / "manifest.json").read_text())
            if manifest.pop("schema") != SCHEMA:
                raise ValueError(f"this version reads {SCHEMA}")
            table = pd.read_parquet(path / "table.parquet")
            names = manifest.pop("details")
            details = {name: _read_dataset(path / "details" / f"{_file_name(name)}.npz") for name in names}
            return cls(table, details, manifest)
        except Exception as error:  # each format has its own errors for what is broken
            raise StoreError(f"{path} is no readable atlas: {type(error).__name__}: {error}") from error

    def __repr__(self) -> str:
        n_units, n_sites = len(self.table), self.table["site"].nunique()
        return f"Atlas({n_units} unit{'s' * (n_units != 1)} of {n_sites} site{'s' * (n_sites != 1)})"


def _file_name(name: str) -> str:
    return "".join(c if c.isalnum() or c in "._-" else "_" for c in name)


def _write_dataset(dataset: xr.Dataset, path: Path) -> None:
    """Plain arrays without pickle; texts, which NumPy would pad to the longest, as JSON."""
    arrays: dict[str, Any] = {}
    head: dict[str, Any] = {}
    for name, variable in dataset.variables.items():
        values = variable.values
        text = values.dtype.kind in "OU"
        head[str(name)] = {"dims": list(variable.dims), "coord": name in dataset.coords, "text": text}
        if text:
            head[str(name)]["shape"] = list(values.shape)
            values = np.frombuffer(json.dumps([str(v) for v in values.ravel()]).encode(), dtype=np.uint8)
        arrays[f"v|{name}"] = values
    arrays["head"] = np.frombuffer(
        json.dumps({"variables": head, "attrs": dict(dataset.attrs)}, default=str).encode(), dtype=np.uint8
    )
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)


def _read_dataset(path: Path) -> xr.Dataset:
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        head = json.loads(arrays["head"].tobytes())
        variables: dict[str, Any] = {}
        coords: dict[str, Any] = {}
        for name, about in head["variables"].items():
            values = arrays[f"v|{name}"]
            if about["text"]:
                values = np.array(json.loads(values.tobytes()), dtype=object).reshape(about["shape"])
            (coords if about["coord"] else variables)[name] = (about["dims"], values)
    return xr.Dataset(variables, coords, head["attrs"])


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _exchange(new: Path, path: Path) -> None:
    """Put the new folder in the place of the old one; what else lies there (a report, pictures) is copied along."""
    if path.exists():
        for other in path.iterdir():
            if not (new / other.name).exists():
                shutil.copytree(other, new / other.name) if other.is_dir() else shutil.copy2(other, new / other.name)
    old = path.with_name(f".{path.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        path.rename(old)
    new.rename(path)
    shutil.rmtree(old, ignore_errors=True)
