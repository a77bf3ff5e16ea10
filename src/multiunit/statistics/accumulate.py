"""Run statistics over a stream: one pass, with progress, checkpoints, and an exact continuation."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from multiunit.core.errors import InputError, StoreError
from multiunit.core.statistic import Batch, Statistic

State = dict[str, dict[str, Statistic]]


def accumulate(
    open_stream: Callable[[int], Iterable[Batch]],
    statistics: Mapping[str, Statistic],
    *,
    checkpoint: Path | None = None,
    every: int = 50,
    n_batches: int | None = None,
    progress: bool = False,
) -> dict[str, xr.Dataset]:
    """Feed every batch to a fresh copy of every statistic for each site.

    Args:
        open_stream: `open_stream(first_batch)` yields the batches from that number on, the same in every run.
        statistics: by name.
        checkpoint: a file to write the sums to every so often; if it is there, the run goes on after it, and the
            result is identical to that of an uninterrupted run.
        every: batches between checkpoints.
        n_batches: how many there are, if known, for the progress bar.
        progress: show one.

    Returns:
        One data set a statistic: the units of all sites, with the coordinates `unit_id` ("site/index") and `site`.

    Raises:
        InputError: if the stream is empty, activity is not finite, or the checkpoint is of another question.
        StoreError: if the checkpoint cannot be read or written.
    """
    state: State = {}
    done = 0
    if checkpoint is not None and checkpoint.exists():
        done, state = _load(checkpoint, statistics)
    with _bar(progress, n_batches, done) as advance:
        for batch in open_stream(done):
            feed(state, statistics, batch)
            done += 1
            advance(len(batch.presentations))
            if checkpoint is not None and done % every == 0:
                _save(checkpoint, statistics, state, done)
    if not state:
        raise InputError("stimuli", "(none)", "the stream was empty")
    return collect(state)


def feed(state: State, statistics: Mapping[str, Statistic], batch: Batch) -> None:
    """Give one batch to the statistics of its sites, which are made when a site is first seen."""
    for site, activity in batch.activity.items():
        if site not in state:
            state[site] = {name: statistic.fresh() for name, statistic in statistics.items()}
        for statistic in state[site].values():
            try:
                statistic.update(activity, batch.presentations)
            except InputError as error:
                if error.argument != "activity":
                    raise
                raise InputError(f"activity of {site}", error.value, error.mend) from error


def collect(state: State) -> dict[str, xr.Dataset]:
    """The results of all sites side by side."""
    return {name: _concatenate({site: state[site][name] for site in state}) for name in next(iter(state.values()))}


def _concatenate(statistics: Mapping[str, Statistic]) -> xr.Dataset:
    parts = []
    for site, statistic in statistics.items():
        part = statistic.result()
        n_units = part.sizes["unit"]
        ids = np.array([f"{site}/{index}" for index in range(n_units)], dtype=object)
        part = part.assign_coords(unit_id=("unit", ids), site=("unit", np.full(n_units, site, dtype=object)))
        parts.append(part)
    if len(parts) == 1:
        return parts[0]
    for name in [n for n, v in parts[0].data_vars.items() if "unit" not in v.dims]:
        if any(not part[name].identical(parts[0][name]) for part in parts[1:]):
            # Sites observed in different presentations have counts of their own; each unit then has its site's.
            parts = [part.assign({name: part[name].expand_dims(unit=part.sizes["unit"])}) for part in parts]
    return xr.concat(parts, "unit", data_vars="minimal", coords="minimal", compat="override", join="outer")


def fingerprint(statistics: Mapping[str, Statistic]) -> dict[str, str]:
    """What each statistic is: its class and parameters, to tell whether a checkpoint answers the same question."""
    return {name: _described(statistic) for name, statistic in statistics.items()}


def _described(value: Any) -> str:
    if isinstance(value, Statistic):
        parameters = {name: _described(v) for name, v in sorted(vars(value).items()) if not name.startswith("_")}
        return f"{type(value).__name__}({json.dumps(parameters)})"
    if isinstance(value, np.ndarray):
        return f"{value.shape}:{hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()[:16]}"
    return repr(value)


def _save(path: Path, statistics: Mapping[str, Statistic], state: State, done: int) -> None:
    head = {"done": done, "statistics": fingerprint(statistics), "sites": list(state)}
    arrays = {"head": np.frombuffer(json.dumps(head).encode(), dtype=np.uint8)}
    for number, site in enumerate(state):
        for name, statistic in state[site].items():
            for key, value in statistic.state_dict().items():
                arrays[f"{number}|{name}|{key}"] = value
    temporary = path.with_name(path.name + ".tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StoreError(f"cannot write the checkpoint {path}: {error.strerror or error}") from error


def _load(path: Path, statistics: Mapping[str, Statistic]) -> tuple[int, State]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = dict(archive)
        head = json.loads(arrays.pop("head").tobytes())
        expected, sites, done = head["statistics"], head["sites"], int(head["done"])
    except Exception as error:  # whatever a broken archive makes zipfile, numpy or json raise
        raise StoreError(f"cannot read the checkpoint {path} ({error}); delete it to start anew") from error
    if expected != fingerprint(statistics):
        raise InputError("checkpoint", str(path), "was made for other statistics; delete it or use another place")
    state: State = {}
    for number, site in enumerate(sites):
        state[site] = {}
        for name, statistic in statistics.items():
            prefix = f"{number}|{name}|"
            state[site][name] = statistic.fresh()
            saved = {key.removeprefix(prefix): value for key, value in arrays.items() if key.startswith(prefix)}
            state[site][name].load_state_dict(saved)
    return done, state


@contextlib.contextmanager
def _bar(show: bool, total: int | None, done: int) -> Any:
    if not show:
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    seen = TextColumn("{task.fields[seen]:,} presentations")
    bar = BarColumn() if total else SpinnerColumn()
    with Progress(bar, seen, TimeElapsedColumn(), console=Console(stderr=True), transient=True) as live:
        task = live.add_task("", total=total, completed=done, seen=0)
        count = 0

        def advance(n: int) -> None:
            nonlocal count
            count += n
            live.update(task, advance=1, seen=count)

        yield advance
