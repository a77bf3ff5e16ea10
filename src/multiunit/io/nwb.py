"""Neurodata Without Borders: units, trials, behaviour, fluorescence and current-clamp sweeps."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from multiunit.core.errors import InputError, MissingDependencyError, StoreError
from multiunit.core.recording import Recording


def read_nwb(path: str | Path, *, table: str | None = None) -> Recording:
    """The units of an NWB file as spikes, its interval tables as presentations, its behaviour as traces.

    Columns are matched by their names. A file without units gives the fluorescence of its regions of interest, one
    presentation a frame, or its current-clamp sweeps, one presentation each, over time.

    Args:
        path: the file.
        table: keep the rows of this interval table only; by default the rows of all, told apart by the column `table`.

    Returns:
        Spikes: units with the table's plain columns and `site`, the electrode's location (or group). Presentations with
        `onset`, `duration` (s), `table` and the table's plain columns. Behaviour on the finest of its clocks.

    Raises:
        InputError: if the file holds none of these, or has no such table.
        StoreError: if it cannot be read.
    """
    try:
        import pynwb
    except ImportError as error:
        raise MissingDependencyError("pynwb", "io") from error
    # Old files make the library warn of cached schemas and missing fields, which no reader can mend.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with pynwb.NWBHDF5IO(str(path), mode="r", load_namespaces=True) as file:
                content = file.read()
                return _recording(content, Path(path), table)
        except (OSError, KeyError, TypeError, ValueError) as error:
            if isinstance(error, (InputError, StoreError)):
                raise
            raise StoreError(f"cannot read {path}: {error}") from error


def _recording(content: Any, path: Path, table: str | None) -> Recording:
    attrs: dict[str, Any] = {"source": path.name, "description": str(content.session_description)}
    presentations = _intervals(content, table)
    if content.units is not None and len(content.units):
        columns = _columns(content.units)
        columns["site"] = np.array(_sites(content.units), dtype=object)
        trains = [np.asarray(content.units.get_unit_spike_times(row)) for row in range(len(content.units))]
        traces, time = _behaviour(content)
        return Recording.from_spikes(
            trains, units=columns, presentations=presentations, behaviour=traces, time=time, **attrs
        )
    series = _fluorescence(content)
    if series is not None:
        time, activity = _clock(series), np.asarray(series.data)
        return Recording.from_activity(
            activity, site="roi", presentations={"onset": time}, **attrs, kind="calcium", unit=str(series.unit)
        )
    sweeps = [s for s in content.acquisition.values() if type(s).__name__ == "CurrentClampSeries"]
    lengths = {(len(s.data), s.rate) for s in sweeps}
    if len(lengths) == 1:
        (n_samples, rate) = lengths.pop()
        volts = np.stack([np.asarray(s.data, dtype=float) * s.conversion for s in sweeps])
        named = {"name": np.array([s.name for s in sweeps], dtype=object)}
        named["onset"] = np.array([float(s.starting_time or 0) for s in sweeps])
        time = np.arange(n_samples) / rate
        return Recording.from_activity(
            volts[:, None], site="cell", presentations=named, time=time, **attrs, kind="voltage", unit="V"
        )
    raise InputError("path", path.name, "holds no units, no regions of interest and no sweeps of one length")


def _plain(values: Any) -> np.ndarray | None:
    """A column of one number or text a row; None for anything else."""
    array = np.asarray(values)
    if array.ndim != 1 or array.dtype.kind not in "fiubOSU":
        return None
    if array.dtype.kind in "OSU":
        if not all(isinstance(v, (str, bytes)) for v in array):
            return None
        return np.array([_text(v) if len(v) else "" for v in array], dtype=object)
    return array


def _columns(table: Any) -> dict[str, np.ndarray]:
    found = {}
    for column in table.columns:
        # A ragged column is an index over data; neither is one value a row.
        if column.name in table.colnames and len(column) == len(table) and not hasattr(column, "target"):
            ragged = any(getattr(other, "target", None) is column for other in table.columns)
            values = None if ragged or hasattr(column, "table") else _plain(column.data[:])
            if values is not None:
                found[str(column.name)] = values
    return found


def _sites(units: Any) -> list[str]:
    n_units = len(units)
    columns = _columns(units)
    for name in ("location", "brain_area", "region"):
        if name in columns:
            return [_text(v) for v in columns[name]]
    if "electrodes" in units.colnames:
        places = []
        for row in range(n_units):
            electrodes = units["electrodes"][row]
            known = electrodes["location"] if len(electrodes) and "location" in electrodes else []
            places.append(_text(next(iter(known), "")))
        return places
    if "electrode_group" in units.colnames:
        return [_text(units["electrode_group"][row].location) for row in range(n_units)]
    return ["unit"] * n_units


def _text(value: Any) -> str:
    """Some exporters write the text of a byte string, quotes and all."""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    if text.startswith("b'"):
        text = text[2:].strip("'")
    return text or "unit"


def _intervals(content: Any, wanted: str | None) -> pd.DataFrame | None:
    tables = dict(content.intervals or {})
    if content.trials is not None:
        tables.setdefault("trials", content.trials)
    if wanted is not None:
        if wanted not in tables:
            raise InputError("table", wanted, f"is no interval table; there are: {', '.join(tables) or 'none'}")
        tables = {wanted: tables[wanted]}
    parts = []
    for name, table in tables.items():
        columns = _columns(table)
        start, stop = columns.pop("start_time"), columns.pop("stop_time")
        frame = pd.DataFrame({"onset": start, "duration": stop - start, "table": name} | columns)
        parts.append(frame[np.isfinite(frame["onset"]) & np.isfinite(frame["duration"])])
    if not parts:
        return None
    joined = pd.concat(parts, ignore_index=True)
    texts = [c for c in joined if joined[c].dtype == object or pd.api.types.is_string_dtype(joined[c])]
    return joined.assign(**{c: joined[c].fillna("").astype(object) for c in texts})


def _behaviour(content: Any) -> tuple[dict[str, np.ndarray] | None, np.ndarray | None]:
    found: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for name, series in _series(content.processing.get("behavior")):
        data, time = np.asarray(series.data), _clock(series)
        if data.dtype.kind not in "fiu" or len(time) != len(data) or len(time) < 2 or data.ndim > 2:
            continue
        axes = [""] if data.ndim == 1 else [f"_{a}" for a in "xyz"[: data.shape[1]]]
        for axis, trace in zip(axes, data.reshape(len(data), -1).T, strict=False):
            found[name + axis] = (time, trace * float(series.conversion or 1))
    if not found:
        return None, None
    clock = max((time for time, _ in found.values()), key=len)
    clock = clock[np.r_[True, np.diff(clock) > 0]]
    return {name: np.interp(clock, time, trace) for name, (time, trace) in found.items()}, clock


def _series(module: Any) -> list[tuple[str, Any]]:
    found = []
    for interface in () if module is None else module.data_interfaces.values():
        inner = getattr(interface, "time_series", None) or getattr(interface, "spatial_series", None)
        for series in [interface] if inner is None else inner.values():
            if hasattr(series, "data") and hasattr(series, "timestamps"):
                found.append((str(series.name), series))
    return found


def _fluorescence(content: Any) -> Any:
    for module in content.processing.values():
        for interface in module.data_interfaces.values():
            for series in getattr(interface, "roi_response_series", {}).values():
                if np.ndim(series.data) == 2:
                    return series
    return None


def _clock(series: Any) -> np.ndarray:
    if series.timestamps is not None:
        return np.asarray(series.timestamps, dtype=float)
    return float(series.starting_time or 0) + np.arange(len(series.data)) / float(series.rate)
