"""One score between all of many systems: two in memory at a time, resumable, on many machines if need be."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from multiunit.core.atomic import new_file
from multiunit.core.errors import InputError, MultiunitError
from multiunit.core.recording import Recording

if TYPE_CHECKING:
    from distributed import Client

Metric = Callable[[Any, Any], Any]


def compare_many(
    systems: Mapping[str, Any],
    metric: Metric,
    *,
    symmetric: bool | None = None,
    folder: str | Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    client: Client | None = None,
) -> xr.DataArray:
    """The matrix of `metric(x, y)` over every two systems, each with itself too.

    A system is taken from the mapping when its turn comes, row by row: recordings opened from a store, or a mapping
    that loads what it is asked for, never stand in memory all at once.

    Args:
        systems: name -> array or recording `(presentation, unit)`, the same presentations throughout.
        metric: two arrays -> a number; a function of this package, a `functools.partial` of one, or your own.
        symmetric: whether one half of the matrix tells the other; by default what the record of the metric says, and
            False without one.
        folder: keeps a small file a pair, named after the contents of both systems, written whole or not at all;
            another call with the same folder computes only what is missing.
        progress: called with the number of pairs done and of all pairs.
        client: of `dask.distributed`; as many pairs are under way as it has threads.

    Returns:
        `(system, other_system)`: the first argument of the metric by row. `attrs`: `metric`, `symmetric`, and
        `distance` if the record says so.

    Raises:
        InputError: for no systems, a folder of another metric, a pair that the metric refuses, or a score that is not a
            finite number.
        StoreError: if the folder cannot be written.

    >>> from multiunit.similarity import linear_cka
    >>> x = np.random.default_rng(0).normal(size=(60, 3))
    >>> found = compare_many({"one": x, "turned": -x[:, ::-1], "other": x[::-1] ** 3}, linear_cka)
    >>> abs(found.sel(system="one")).round(1).values.tolist()
    [1.0, 1.0, 0.0]
    """
    names = list(systems)
    if not names:
        raise InputError("systems", names, "give at least one")
    properties = getattr(getattr(_plain(metric), "method", None), "properties", {})
    symmetric = bool(properties.get("symmetric", False)) if symmetric is None else symmetric
    pairs = [(i, j) for i in range(len(names)) for j in range(i if symmetric else 0, len(names))]
    scores = np.full((len(names), len(names)), np.nan)
    kept = None if folder is None else _Kept(Path(folder), metric, [_digest(_values(systems[n])) for n in names])
    missing = []
    for i, j in pairs:
        found = None if kept is None else kept.read(i, j, either_way=symmetric)
        if found is None:
            missing.append((i, j))
        else:
            scores[i, j] = found
    done = len(pairs) - len(missing)
    if progress is not None and done:
        progress(done, len(pairs))
    work = _one_by_one if client is None else functools.partial(_by_client, client)
    for (i, j), score in work(systems, names, metric, missing):
        scores[i, j] = score
        if kept is not None:
            kept.write(i, j, score)
        done += 1
        if progress is not None:
            progress(done, len(pairs))
    if symmetric:
        lower = np.tril_indices(len(names), -1)
        scores[lower] = scores.T[lower]
    labels = np.array(names, dtype=object)
    return xr.DataArray(
        scores,
        dims=("system", "other_system"),
        coords={"system": labels, "other_system": labels},
        attrs={"metric": _name(metric), "symmetric": symmetric, "distance": bool(properties.get("distance", False))},
    )


def _one_by_one(
    systems: Mapping[str, Any], names: list[str], metric: Metric, pairs: list[tuple[int, int]]
) -> Iterator[tuple[tuple[int, int], float]]:
    for i, j, x, y in _loaded(systems, names, pairs):
        yield (i, j), _score(metric, x, y, (names[i], names[j]))


def _by_client(
    client: Client, systems: Mapping[str, Any], names: list[str], metric: Metric, pairs: list[tuple[int, int]]
) -> Iterator[tuple[tuple[int, int], float]]:
    from distributed import wait

    most = max(1, sum(client.nthreads().values()))
    under_way: dict[Any, tuple[int, int]] = {}

    def finished() -> Iterator[tuple[tuple[int, int], float]]:
        for future in wait(list(under_way), return_when="FIRST_COMPLETED").done:
            yield under_way.pop(future), future.result()

    for i, j, x, y in _loaded(systems, names, pairs):
        while len(under_way) >= most:
            yield from finished()
        under_way[client.submit(_score, metric, x, y, (names[i], names[j]), pure=False)] = (i, j)
    while under_way:
        yield from finished()


def _loaded(
    systems: Mapping[str, Any], names: list[str], pairs: list[tuple[int, int]]
) -> Iterator[tuple[int, int, np.ndarray, np.ndarray]]:
    row, x = -1, np.empty(0)
    for i, j in pairs:
        if i != row:
            row, x = i, _values(systems[names[i]])
        yield i, j, x, x if i == j else _values(systems[names[j]])


def _score(metric: Metric, x: np.ndarray, y: np.ndarray, names: tuple[str, str]) -> float:
    try:
        found = np.asarray(metric(x, y), dtype=np.float64)
    except MultiunitError as error:
        raise InputError("systems", names, f"the metric refuses them: {error}") from error
    if found.ndim or not np.isfinite(found):
        raise InputError("metric", names, f"gives {found} for these two, not one finite number")
    return float(found)


class _Kept:
    """The scores in a folder, one file a pair."""

    def __init__(self, folder: Path, metric: Metric, digests: list[str]) -> None:
        self.folder, self.digests = folder, digests
        manifest, mine = folder / "metric.json", {"metric": _name(metric)}
        before = json.loads(manifest.read_text(encoding="utf-8")) if manifest.is_file() else None
        if before is None:
            with new_file(manifest, mode="w") as file:
                json.dump(mine, file)
        elif before != mine:
            raise InputError(
                "folder", str(folder), f"holds scores of {before['metric']}; take another for {_name(metric)}"
            )

    def read(self, i: int, j: int, *, either_way: bool) -> float | None:
        for path in [self._path(i, j), *([self._path(j, i)] if either_way else [])]:
            if path.is_file():
                return float(json.loads(path.read_text(encoding="utf-8"))["score"])
        return None

    def write(self, i: int, j: int, score: float) -> None:
        with new_file(self._path(i, j), mode="w") as file:
            json.dump({"score": score}, file)

    def _path(self, i: int, j: int) -> Path:
        return self.folder / f"{self.digests[i]}-{self.digests[j]}.json"


def _values(system: Any) -> np.ndarray:
    return np.asarray(system.activity if isinstance(system, Recording) else system)


def _digest(values: np.ndarray) -> str:
    digest = hashlib.blake2b(f"{values.dtype.str}{values.shape}".encode(), digest_size=12)
    digest.update(np.ascontiguousarray(values).view(np.uint8).data)
    return digest.hexdigest()


def _plain(metric: Any) -> Any:
    return _plain(metric.func) if isinstance(metric, functools.partial) else metric


def _name(metric: Any) -> str:
    """Module, name and chosen options."""
    plain = _plain(metric)
    name = f"{plain.__module__}.{plain.__qualname__}" if hasattr(plain, "__qualname__") else type(plain).__qualname__
    if isinstance(metric, functools.partial):
        name += "(" + ", ".join(f"{key}={value!r}" for key, value in sorted(metric.keywords.items())) + ")"
    return name
