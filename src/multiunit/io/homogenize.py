"""Several animals' recordings on one shared, named set of neurons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from multiunit.core.errors import InputError
from multiunit.core.recording import Recording


def homogenize(
    recordings: Mapping[str, Recording],
    *,
    by: str = "cell_class",
    names: Sequence[str] | None = None,
    minimum_quality: float | None = None,
    standardize: bool = True,
    dt: float | None = None,
    connectome: pd.DataFrame | None = None,
) -> Recording:
    """Align the recordings of several animals by the names of their neurons.

    In this order: units without a name, with an ambiguous one ("AWA?") or of too low quality are dropped, and of
    units of one name that of the best quality is kept; every trace is standardized, (x - mean) / deviation over its
    frames (a constant trace becomes 0); traces are put on a common clock by linear interpolation; animals are laid
    one below the other.

    Args:
        recordings: animal -> recording with `activity(presentation, unit)`, one presentation a frame.
        by: the unit column that holds the names.
        names: the neurons wanted, in their order; by default all that were found, in alphabetical order.
        minimum_quality: drop units whose column `quality` is below it.
        standardize: whether to standardize.
        dt: common frame duration in seconds; needs the presentation column `onset` (s). None keeps each clock.
        connectome: columns `pre` and `post` (names), and any of `weight`, `delay`, `kind`; connections between the
            named neurons are joined as edges.

    Returns:
        A recording of one presentation an (animal, frame) and one unit a name: `subject`, `frame` and the columns that
        all recordings share label presentations; `unit_id` is the name, `n_animals` says in how many it was seen.
        `observed` marks what was recorded; the rest is NaN, so that nothing mistakes it for silence.

    Raises:
        InputError: for no recordings, a missing column, no named neuron, names that repeat, or a trace that is not
            finite.

    Source: Simeon et al. 2024, "Homogenized C. elegans Neural Activity and Connectivity Data", arXiv:2411.12091.
    There the traces are also smoothed; here they are not.

    >>> one = Recording.from_activity([[1.0, 5.0], [3.0, 6.0]], units={"cell_class": ["AVAL", "AWA?"]})
    >>> two = Recording.from_activity([[8.0, 2.0], [4.0, 1.0]], units={"cell_class": ["RIBL", "AVAL"]})
    >>> both = homogenize({"w1": one, "w2": two})
    >>> both.units.index.tolist(), both.activity[:, 0].tolist(), both.dataset["observed"].values[:, 1].tolist()
    (['AVAL', 'RIBL'], [-1.0, 1.0, 1.0, -1.0], [False, False, True, True])
    """
    if not recordings:
        raise InputError("recordings", {}, "give at least one animal's recording")
    if dt is not None and not dt > 0:
        raise InputError("dt", dt, "needs a frame duration in seconds above 0")
    kept = {animal: _named_units(animal, r, by, minimum_quality) for animal, r in recordings.items()}
    found = sorted({name for units in kept.values() for name in units})
    wanted = found if names is None else [str(name) for name in names]
    if len(set(wanted)) < len(wanted):
        raise InputError("names", wanted, "each name once")
    if not set(wanted) & set(found):
        raise InputError("names" if names is not None else "by", names or by, "no recorded unit has a wanted name")
    shared = [set(r.dataset.coords) for r in recordings.values()]
    columns = [
        str(c)
        for c, values in next(iter(recordings.values())).dataset.coords.items()
        if values.dims == ("presentation",) and c not in ("presentation_id", "subject", "frame")
    ]
    columns = [c for c in columns if all(c in s for s in shared)]

    blocks, masks, tables = [], [], []
    for animal, recording in recordings.items():
        units = {name: column for name, column in kept[animal].items() if name in set(wanted)}
        traces = recording.activity[:, list(units.values())].astype(np.float64)
        _refuse_gaps(animal, list(units), traces)
        if standardize and traces.size:
            deviation = traces.std(axis=0)
            traces = (traces - traces.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
        table = pd.DataFrame({c: recording.dataset[c].values for c in columns})
        if dt is not None:
            traces, table = _resample(animal, traces, table, dt)
        position = [wanted.index(name) for name in units]
        block = np.full((len(traces), len(wanted)), np.nan)
        block[:, position] = traces
        mask = np.zeros(block.shape, dtype=bool)
        mask[:, position] = True
        frames = np.arange(len(traces))
        table.insert(0, "presentation_id", [f"{animal}/{frame}" for frame in frames])
        table.insert(1, "subject", np.full(len(traces), animal, dtype=object))
        table.insert(2, "frame", frames)
        blocks.append(block)
        masks.append(mask)
        tables.append(table)

    n_animals = np.sum([mask.any(axis=0) for mask in masks], axis=0)
    named = np.array(wanted, dtype=object)
    aligned = Recording.from_activity(
        np.concatenate(blocks),
        site="neuron",
        units={"unit_id": named, "cell_class": named, "n_animals": n_animals},
        presentations=pd.concat(tables, ignore_index=True),
        observed=np.concatenate(masks),
        kind=next(iter(recordings.values())).dataset.attrs["kind"],
    )
    return aligned if connectome is None else _join(aligned, connectome, wanted)


def _named_units(animal: str, recording: Recording, by: str, minimum_quality: float | None) -> dict[str, int]:
    """Name -> column of the best unit of that name."""
    if recording.activity.ndim != 2:
        raise InputError("recordings", animal, "needs activity (presentation, unit), one presentation a frame")
    table = recording.units.reset_index()
    for column in [by] + (["quality"] if minimum_quality is not None else []):
        if column not in table:
            raise InputError(
                "by" if column == by else "minimum_quality", column, f"{animal} has only the columns {list(table)}"
            )
    quality = table["quality"].to_numpy(float) if "quality" in table else np.zeros(len(table))
    best: dict[str, int] = {}
    for row, value in enumerate(table[by]):
        name = "" if value is None or value != value else str(value).strip()
        if not name or "?" in name or (minimum_quality is not None and not quality[row] >= minimum_quality):
            continue
        if name not in best or quality[row] > quality[best[name]]:
            best[name] = row
    return best


def _refuse_gaps(animal: str, names: list[str], traces: np.ndarray) -> None:
    broken = ~np.isfinite(traces).all(axis=0)
    if broken.any():
        raise InputError("recordings", animal, f"trace of {names[int(broken.argmax())]} holds NaN or infinity; fill it")


def _resample(animal: str, traces: np.ndarray, table: pd.DataFrame, dt: float) -> tuple[np.ndarray, pd.DataFrame]:
    """Traces and columns at onset[0], onset[0] + dt, ...; numbers interpolated, other labels from the frame before."""
    if "onset" not in table:
        raise InputError("dt", dt, f"{animal} has no presentation column 'onset' (s) to resample by, or not all have")
    onset = table["onset"].to_numpy(float)
    if len(onset) < 2 or not (np.diff(onset) > 0).all():
        raise InputError("recordings", animal, "needs at least two frames with rising onsets")
    clock = onset[0] + dt * np.arange(int((onset[-1] - onset[0]) / dt + 1e-9) + 1)
    before = np.clip(np.searchsorted(onset, clock, side="right") - 1, 0, len(onset) - 1)
    columns: dict[str, Any] = {}
    for name in table:
        values = table[name].to_numpy()
        columns[str(name)] = np.interp(clock, onset, values) if values.dtype.kind == "f" else values[before]
    columns["onset"] = clock
    if "duration" in columns:
        columns["duration"] = np.full(len(clock), dt)
    resampled = np.empty((len(clock), traces.shape[1]))
    for unit, trace in enumerate(traces.T):
        resampled[:, unit] = np.interp(clock, onset, trace)
    return resampled, pd.DataFrame(columns)


def _join(recording: Recording, connectome: pd.DataFrame, names: list[str]) -> Recording:
    for column in ("pre", "post"):
        if column not in connectome:
            raise InputError("connectome", list(map(str, connectome)), f"needs the column {column!r} of neuron names")
    index = pd.Index(names)
    ends = {end: index.get_indexer(pd.Index(connectome[end])) for end in ("pre", "post")}
    inside = (ends["pre"] >= 0) & (ends["post"] >= 0)
    edges = {end: ("edge", values[inside]) for end, values in ends.items()}
    for column in ("weight", "delay", "kind"):
        if column in connectome:
            edges[column] = ("edge", connectome[column].to_numpy()[inside])
    return Recording(recording.dataset.assign(edges))
