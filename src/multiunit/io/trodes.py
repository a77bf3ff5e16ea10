"""A session of a rat on a track: sorted spikes per tetrode, and the position of a light on its head."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from multiunit.core.errors import InputError, StoreError
from multiunit.core.recording import Recording

SPIKES, TRACKING = "spikes.mat", ".videoPositionTracking"


def read_trodes(folder: str | Path, *, smoothing: float = 0.25, lost: float = 60.0) -> Recording:
    """Read a folder with `spikes.mat` (MatClust) and one `*.videoPositionTracking` (Trodes).

    Args:
        folder: the two files lie in it.
        smoothing: width (s) of the moving average over the position, before speed is taken from it.
        lost: a light that stays on exactly one pixel for longer (s) was lost; the position is interpolated over it.

    Returns:
        Spikes of every unit that fired, the site being its tetrode; behaviour on the camera's clock: `x`, `y`
        (pixels, or cm where the file gives the scale), `position` along the axis of largest variance, from 0,
        `speed` (a second), and `tracked`, 0 where the light was lost.

    Raises:
        InputError: if one of the files is missing.
        StoreError: if one cannot be read.
    """
    folder = Path(folder)
    tracks = sorted(folder.glob(f"*{TRACKING}"))
    if not (folder / SPIKES).is_file() or len(tracks) != 1:
        raise InputError("folder", folder.name, f"needs {SPIKES} and one file *{TRACKING}")
    time, x, y, unit = _read_tracking(tracks[0])
    step = float(np.median(np.diff(time)))
    tracked = _moves_within(x, y, time=time, longest=lost)
    if tracked.sum() < 2:
        raise InputError("lost", lost, "the light never moves within this time")
    x, y = (np.interp(time, time[tracked], trace[tracked]) for trace in (x, y))
    width = max(1, round(smoothing / step))
    x, y = (_moving_average(trace, width) for trace in (x, y))
    centred = np.stack([trace - trace[tracked].mean() for trace in (x, y)])
    axis = np.linalg.svd(centred[:, tracked], full_matrices=False)[0][:, 0]
    # The sign of a singular vector is arbitrary: the axis points along its larger component.
    along = (axis * np.sign(axis[np.abs(axis).argmax()])) @ centred
    speed = np.hypot(np.gradient(x, time), np.gradient(y, time))
    trains, sites = _read_spikes(folder / SPIKES)
    return Recording.from_spikes(
        trains,
        units={"site": sites},
        behaviour={"x": x, "y": y, "position": along - along.min(), "speed": speed, "tracked": tracked},
        time=time,
        kind="spikes",
        units_of_position=unit,
        source=folder.name,
    )


def _read_tracking(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, str]:
    content = path.read_bytes()
    head, found, body = content.partition(b"<End settings>\n")
    settings = dict(line.split(": ", 1) for line in head.decode("latin-1").splitlines() if ": " in line)
    fields = [field.split() for field in settings.get("Fields", "").strip("<>").split("><") if field]
    if not found or not fields or fields[0][0] != "time":
        raise StoreError(f"{path.name} is no Trodes position file")
    kind = np.dtype([(name, {"uint32": "<u4", "uint16": "<u2", "double": "<f8"}[size]) for name, size in fields])
    rows = np.frombuffer(body[: len(body) // kind.itemsize * kind.itemsize], dtype=kind)
    time = rows["time"] / float(settings["clockrate"])
    seen = np.r_[True, np.diff(time) > 0] & (rows["xloc"] + rows["yloc"] > 0)
    if seen.sum() < 2:
        raise StoreError(f"{path.name} holds no track")
    scale = float(settings.get("pixel scale", "0").split()[0])
    per_cm = scale if scale > 0 else 1.0
    rows, time = rows[seen], time[seen]
    return time, rows["xloc"] / per_cm, rows["yloc"] / per_cm, "cm" if scale > 0 else "pixel"


def _moves_within(x: np.ndarray, y: np.ndarray, *, time: np.ndarray, longest: float) -> np.ndarray:
    """False in every stretch that stays on one pixel for longer than `longest` seconds."""
    starts = np.flatnonzero(np.r_[True, (np.diff(x) != 0) | (np.diff(y) != 0)])
    ends = np.r_[starts[1:], len(x)]
    moves = time[ends - 1] - time[starts] <= longest
    return np.repeat(moves, ends - starts)


def _moving_average(trace: np.ndarray, width: int) -> np.ndarray:
    from scipy.ndimage import uniform_filter1d

    return uniform_filter1d(np.asarray(trace, dtype=float), width, mode="nearest")


def _read_spikes(path: Path) -> tuple[list[np.ndarray], np.ndarray]:
    import scipy.io

    try:
        tetrodes = scipy.io.loadmat(path, struct_as_record=True)["spikes"].ravel()
    except (OSError, ValueError, KeyError) as error:
        raise StoreError(f"cannot read {path.name}: {error}") from error
    trains, sites = [], []
    while len(tetrodes) == 1 and tetrodes.dtype == object and tetrodes[0].dtype == object:
        tetrodes = tetrodes[0].ravel()
    for number, tetrode in enumerate(tetrodes):
        for train in _times(tetrode):
            trains.append(train)
            sites.append(f"tetrode {number + 1}")
    if not trains:
        raise StoreError(f"{path.name} holds no spikes")
    return trains, np.array(sites, dtype=object)


def _times(value: Any) -> list[np.ndarray]:
    """Every non-empty field `time` below a value of MATLAB cells and structs, in order."""
    if not isinstance(value, np.ndarray) or not value.size:
        return []
    if value.dtype.names:
        found = [np.ravel(entry).astype(float) for entry in np.ravel(value["time"]) if np.size(entry)]
        return [times for times in found if len(times)]
    return [times for entry in value.ravel() for times in _times(entry)] if value.dtype == object else []
