"""Run cards: several seeds each, a computed verdict, and one file of results."""

from __future__ import annotations

import json
import math
import os
import platform
import statistics
import time
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np

from multiunit.core.errors import InputError, StoreError
from multiunit.core.paper import Claim, Paper, Scale
from multiunit.core.walk import papers

_VERDICTS = {True: "holds", False: "does not hold"}


def run_card(
    card: tuple[Paper, ModuleType],
    *,
    scale: Literal["smoke", "small"] = "small",
    seeds: Sequence[int] = (0, 1, 2),
) -> dict[str, Any]:
    """Run one card once for every seed.

    Returns:
        `verdict`: "holds" or "does not hold" if all seeds agree, else "mixed"; `level`; the medians over seeds of
        `measured` and `control`; `criterion`; `seeds` with the values of each; `seconds` of the slowest; `versions`.

    Raises:
        InputError: for fewer than three seeds.
    """
    if len(seeds) < 3:
        raise InputError("seeds", list(seeds), "a verdict rests on three seeds or more")
    paper, module = card
    runs: list[dict[str, Any]] = []
    for seed in seeds:
        began = time.perf_counter()
        claim: Claim = module.claim(Scale(scale), np.random.default_rng(seed))
        values = {"measured": _plain(claim.measured), "control": _plain(claim.control)}
        runs.append({"seed": seed, "holds": claim.holds, **values, "seconds": round(time.perf_counter() - began, 1)})
    held: set[bool] = {run["holds"] for run in runs}
    return {
        "verdict": _VERDICTS[held.pop()] if len(held) == 1 else "mixed",
        "level": paper.level,
        "scale": scale,
        "measured": _medians([run["measured"] for run in runs]),
        "control": _medians([run["control"] for run in runs]),
        "criterion": claim.criterion,
        "seeds": runs,
        "seconds": max(run["seconds"] for run in runs),
        "versions": {"python": platform.python_version(), **{n: version(n) for n in ("multiunit", "numpy", "torch")}},
    }


def run_cards(
    results: Path,
    *,
    ids: Iterable[str] | None = None,
    scale: Literal["smoke", "small"] = "small",
    seeds: Sequence[int] = (0, 1, 2),
) -> dict[str, str]:
    """Run cards one after the other and write each result at once, so that an interrupted run loses nothing.

    Args:
        results: the file `results.json`, kept and added to; smoke runs are not kept.
        ids: cards to run; all by default.

    Returns:
        The verdict of each card; "not run: ..." where its data are absent, which leaves its older result as it was.

    Raises:
        InputError: for an unknown id.
        StoreError: if the results cannot be read or written.
    """
    cards = {paper.id: (paper, module) for paper, module in papers()}
    wanted = list(cards) if ids is None else list(ids)
    unknown = [name for name in wanted if name not in cards]
    if unknown:
        raise InputError("ids", unknown[0], f"is no card; there are: {', '.join(cards)}")
    verdicts = {}
    for name in wanted:
        missing = [folder for folder in cards[name][0].needs if not (data_root() / folder).is_dir()]
        if missing:
            verdicts[name] = f"not run: no data {', '.join(missing)}"
            continue
        record = run_card(cards[name], scale=scale, seeds=seeds)
        # A smoke run shows that a card works; it must not take the place of a result that a verdict rests on.
        if scale != "smoke":
            _write(results, {**read_results(results), name: record})
        verdicts[name] = record["verdict"]
    return verdicts


def data_root() -> Path:
    """The folder of shared data: the environment variable MULTIUNIT_DATA, else `../shared/data`."""
    return Path(os.environ.get("MULTIUNIT_DATA", "../shared/data"))


def read_results(path: Path) -> dict[str, Any]:
    """All results so far; none if there is no file."""
    try:
        return json.loads(path.read_text()) if path.exists() else {}
    except (OSError, ValueError) as error:
        raise StoreError(f"cannot read {path}: {error}") from error


def _write(path: Path, results: dict[str, Any]) -> None:
    temporary = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("w") as file:
            json.dump(dict(sorted(results.items())), file, indent=1, allow_nan=False)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StoreError(f"cannot write {path}: {error.strerror or error}") from error


def _plain(values: Any) -> dict[str, float | None]:
    """Numbers as JSON has them: what is not finite becomes None."""
    return {str(name): float(value) if math.isfinite(value) else None for name, value in values.items()}


def _medians(runs: list[dict[str, float | None]]) -> dict[str, float | None]:
    return {name: _median([run[name] for run in runs]) for name in runs[0]}


def _median(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if len(known) == len(values) else None
