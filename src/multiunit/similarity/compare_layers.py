"""Every layer of one system beside every layer of another, shown the same: scores with their intervals and chance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import xarray as xr

from multiunit.core.errors import InputError, MultiunitError
from multiunit.core.recording import Recording
from multiunit.core.system import System, match_sites
from multiunit.inference.similarity_interval import similarity_interval

Globs = str | Sequence[str]


def compare_layers(
    system: System | Recording,
    other: System | Recording,
    *,
    metric: Callable[[Any, Any], Any],
    stimuli: Any = None,
    sites: Globs = "*",
    other_sites: Globs = "*",
    n_bootstraps: int = 100,
    level: float = 0.95,
    folder: str | Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    random_state: int | np.random.Generator = 0,
) -> xr.Dataset:
    """Record two systems on the same stimuli, and score every two of their layers.

    Activity streams to stores in a folder that is deleted afterwards; two layers at a time are read back. Memory is
    that of the metric for two layers: a few copies of `(presentation, unit)`, and no matrix of all presentations where
    the metric needs none.

    Args:
        system, other: systems, or recordings, which are matched on the presentations' `stimulus_id`. Two systems need
            as many presentations a stimulus: networks of different tokenizers must pool over tokens.
        metric: two arrays -> a number.
        stimuli: what systems are shown.
        sites, other_sites: globs over site names.
        n_bootstraps: halves of the presentations - of the sequences, where a sequence is several presentations - for
            the interval; see `similarity_interval`.
        level: of the interval.
        folder: where the stores may lie; by default where the system keeps temporary files.
        progress: called with the number of pairs done and of all pairs.
        random_state: seed or generator.

    Returns:
        Over `layer` and `other_layer`: `score`, `low`, `high`, and `shuffled`, the score with the presentations of
        the other layer in a random order. Pairs that the metric refuses are NaN; `attrs["refused"]` names each with
        the reason. `n_units(layer)`, `n_other_units(other_layer)`; `attrs["n_presentations"]`.

    Raises:
        InputError: for systems without stimuli, or presentations that do not match.
        SiteError: for a glob that matches nothing.

    >>> from multiunit.similarity import linear_cka
    >>> x = Recording.from_activity(np.random.default_rng(0).normal(size=(200, 3)), units={"site": ["a", "a", "b"]},
    ...                             presentations={"stimulus_id": np.arange(200)})
    >>> found = compare_layers(x, x, metric=linear_cka, n_bootstraps=20)
    >>> abs(found["score"]).round(1).values.tolist(), bool((found["high"] - found["low"]).max() < 0.2)
    ([[1.0, 0.0], [0.0, 1.0]], True)
    """
    with TemporaryDirectory(dir=folder, prefix=".activity-", ignore_cleanup_errors=True) as place:
        pair = [
            _recorded(one, stimuli, globs, Path(place) / name)
            for one, globs, name in ((system, sites, "one"), (other, other_sites, "other"))
        ]
        mine, theirs = _matched(
            *pair, both_systems=not isinstance(system, Recording) and not isinstance(other, Recording)
        )
        return _scored(mine, theirs, metric, n_bootstraps, level, progress, np.random.default_rng(random_state))


def _recorded(one: System | Recording, stimuli: Any, globs: Globs, place: Path) -> Recording:
    if isinstance(one, Recording):
        names = match_sites(_sites(one), globs)
        return one.select(units=np.isin(one.units["site"].astype(str), names))
    if stimuli is None:
        raise InputError("stimuli", None, "a system needs stimuli to be shown")
    return one.record(stimuli, globs, store=place)


def _matched(mine: Recording, theirs: Recording, *, both_systems: bool) -> tuple[Recording, Recording]:
    if not both_systems:
        return mine.align(theirs)
    tables = [one.presentations for one in (mine, theirs)]
    shared = [c for c in ("stimulus_id", "sequence_id", "position") if all(c in table for table in tables)]
    if len(tables[0]) != len(tables[1]) or any(tables[0][c].tolist() != tables[1][c].tolist() for c in shared):
        sizes = tuple(map(len, tables))
        raise InputError(
            "stimuli",
            sizes,
            "show the systems different presentations: pool over tokens (pool='mean'), and give "
            "texts in a table, a row each, since one long text is cut by each system's own tokens",
        )
    return mine, theirs


def _scored(
    mine: Recording,
    theirs: Recording,
    metric: Callable[[Any, Any], Any],
    n_bootstraps: int,
    level: float,
    progress: Callable[[int, int], None] | None,
    rng: np.random.Generator,
) -> xr.Dataset:
    layers, others = _sites(mine), _sites(theirs)
    n = mine.n_presentations
    sequence = mine.presentations.get("sequence_id")
    groups = None if sequence is None or sequence.is_unique or sequence.nunique() < 4 else sequence.to_numpy()
    names = ("score", "low", "high", "shuffled")
    found = {name: np.full((len(layers), len(others)), np.nan) for name in names}
    n_units = [np.zeros(len(side), dtype=np.int64) for side in (layers, others)]
    refused = []
    for row, layer in enumerate(layers):
        x = _activity(mine, layer)
        n_units[0][row] = x.shape[1]
        for column, other_layer in enumerate(others):
            y = _activity(theirs, other_layer)
            n_units[1][column] = y.shape[1]
            try:
                sure = similarity_interval(
                    metric, x, y=y, groups=groups, n_bootstraps=n_bootstraps, level=level, random_state=rng
                )
                found["shuffled"][row, column] = metric(x, rng.permutation(y))
                for name in ("score", "low", "high"):
                    found[name][row, column] = sure[name]
            except MultiunitError as error:
                refused.append(f"{layer} with {other_layer}: {error}")
            if progress is not None:
                progress(row * len(others) + column + 1, len(layers) * len(others))
    return xr.Dataset(
        {name: (("layer", "other_layer"), values) for name, values in found.items()},
        coords={
            "layer": np.array(layers, dtype=object),
            "other_layer": np.array(others, dtype=object),
            "n_units": ("layer", n_units[0]),
            "n_other_units": ("other_layer", n_units[1]),
        },
        attrs={"n_presentations": n, "n_bootstraps": n_bootstraps, "level": level, "refused": refused},
    )


def _sites(recording: Recording) -> list[str]:
    return list(dict.fromkeys(recording.units["site"].astype(str)))


def _activity(recording: Recording, site: str) -> np.ndarray:
    return recording.select(units=(recording.units["site"].astype(str) == site).to_numpy()).activity
