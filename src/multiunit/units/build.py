"""`build_atlas`: everything there is to know of every unit, in one pass over the stimuli."""

from __future__ import annotations

import platform
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import Method
from multiunit.core.recording import Recording
from multiunit.core.statistic import Statistic
from multiunit.core.system import as_stimuli
from multiunit.core.walk import methods
from multiunit.units.atlas import Atlas
from multiunit.units.measure_recording import measure_recording
from multiunit.units.question import Question
from multiunit.units.source import RecordingSource, SystemSource

if TYPE_CHECKING:
    from multiunit.core.system import System

# Detectors that ask the same of any unit.
GENERAL = ("dead_neurons", "expert_units")


def build_atlas(
    source: System | Recording,
    *,
    stimuli: Any = None,
    by: str | None = None,
    sites: str | Sequence[str] | None = None,
    detectors: Sequence[str] | None = None,
    threshold: float = 0.0,
    checkpoint: Path | None = None,
    random_state: int = 0,
    progress: bool = False,
) -> Atlas:
    """Describe every unit of a system or recording: moments, what drives it most, and what each detector says.

    Args:
        source: a system, which is shown `stimuli`, or a recording, which has had them.
        stimuli: see `as_stimuli`; required with a system.
        by: a label of the stimuli - or a column of the recording's presentations - whose values are to be told apart.
        sites: globs; by default the sites that hold neurons (MLP neurons, else activations, else channels).
        detectors: names of the detectors to run; by default all that apply to texts, and the general ones elsewhere.
        threshold: the activity above which a unit counts as active.
        checkpoint: file for the sums, so that a killed run goes on; see `statistics.accumulate`.
        random_state: of the matched random controls.
        progress: show a bar.

    Raises:
        InputError: for no or a single presentation, an unknown `by`, unknown detectors, or activity that is not finite.
        SiteError: for a site that matches nothing.
    """
    began = time.time()
    pass_: SystemSource | RecordingSource
    if isinstance(source, Recording):
        if stimuli is not None:
            raise InputError("stimuli", type(stimuli).__name__, "a recording has had its stimuli; leave them out")
        pass_ = RecordingSource(source, by=by, sites=sites)
    else:
        if stimuli is None:
            raise InputError("stimuli", None, "a system has to be shown something: give texts, images or arrays")
        pass_ = SystemSource(source, as_stimuli(stimuli), sites)
    question = pass_.question(by, threshold)
    asked = _detectors(detectors, text=question.n_positions > 0)
    statistics, needs, skipped = _plan(asked, question, explicit=detectors is not None)

    from multiunit.statistics.accumulate import accumulate

    results = accumulate(pass_.open, statistics, checkpoint=checkpoint, n_batches=None, progress=progress)
    found: dict[str, xr.Dataset] = {}
    for record in asked:
        if record.name in needs:
            inputs = {argument: results[key] for argument, key in needs[record.name].items()}
            try:
                found[record.name] = record.function(**inputs, random_state=random_state)
            except InputError as error:
                if detectors is not None:
                    raise
                skipped[record.name] = str(error)
    named = {name: results[_key(statistic)] for name, statistic in _always(question).items()}
    table, details = _described(named)
    if isinstance(pass_, RecordingSource):
        measured, left_out = measure_recording(pass_.recording, by=by, random_state=random_state)
        found, skipped = found | measured, skipped | left_out
    for name, dataset in found.items():
        columns, rest = _columns(name, dataset)
        table = table.join(pd.DataFrame(columns, index=table.index))
        if rest.data_vars:
            details[name] = rest
    details["top"] = pass_.with_contexts(details["top"])
    manifest = {
        "source": pass_.describe(),
        "stimuli": pass_.stimuli_hash(),
        "n_presentations": pass_.n_presentations,
        "by": by,
        "threshold": threshold,
        "detectors": sorted(set(found) & {record.name for record in asked}),
        "skipped": skipped,
        "random_state": random_state,
        "seconds": round(time.time() - began, 2),
        "versions": _versions(),
    }
    return Atlas(pass_.with_units(table), details, manifest)


def _detectors(names: Sequence[str] | None, *, text: bool) -> list[Method]:
    every = {record.name: record for record in methods("multiunit.units", kind="detector")}
    unknown = [name for name in names or () if name not in every]
    if unknown:
        raise InputError("detectors", unknown[0], f"is no detector; there are: {', '.join(every)}")
    if names is not None:
        return [every[name] for name in names]
    # What was defined for tokens makes no sense of images or of a brain, unless somebody asks for it.
    return [r for r in every.values() if not r.properties.get("only_if_named")] if text else [every[n] for n in GENERAL]


def _plan(
    asked: Sequence[Method], question: Question, *, explicit: bool
) -> tuple[dict[str, Statistic], dict[str, dict[str, str]], dict[str, str]]:
    """Statistics by what they are, so that detectors share them; which of them each detector gets; who gets none."""
    statistics = {_key(statistic): statistic for statistic in _always(question).values()}
    needs: dict[str, dict[str, str]] = {}
    skipped: dict[str, str] = {}
    for record in asked:
        wanted = record.properties["needs"](question)
        if wanted is None:
            skipped[record.name] = "does not apply to these stimuli"
            if explicit:
                raise InputError(
                    "detectors", record.name, "does not apply to these stimuli; does it need a 'by' column?"
                )
            continue
        needs[record.name] = {argument: _key(statistic) for argument, statistic in wanted.items()}
        statistics |= {_key(statistic): statistic for statistic in wanted.values()}
    return statistics, needs, skipped


def _key(statistic: Statistic) -> str:
    from multiunit.statistics.accumulate import fingerprint

    return fingerprint({"": statistic})[""]


def _always(question: Question) -> dict[str, Statistic]:
    from multiunit.statistics import FiringFraction, GroupMoments, Histogram, Moments, PositionProfile, TopPresentations

    wanted: dict[str, Statistic] = {
        "moments": Moments(),
        "histogram": Histogram(),
        "top": TopPresentations(),
        "firing": FiringFraction(threshold=question.threshold),
    }
    if question.n_positions:
        wanted["profile"] = PositionProfile(question.n_positions, threshold=question.threshold)
    if question.by is not None:
        wanted["group means"] = GroupMoments(question.by)
        wanted["group firing"] = FiringFraction(question.by, threshold=question.threshold)
    return wanted


def _described(named: dict[str, xr.Dataset]) -> tuple[pd.DataFrame, dict[str, xr.Dataset]]:
    moments = named["moments"]
    table = pd.DataFrame(
        {
            "site": moments["site"].values,
            "mean": moments["mean"].values,
            "standard_deviation": np.sqrt(moments["variance"].values),
            **{name: moments[name].values for name in ("skewness", "kurtosis", "minimum", "maximum")},
            "active": named["firing"]["fraction"].values[:, 0],
        },
        index=pd.Index(moments["unit_id"].values, name="unit_id"),
    )
    details: dict[str, xr.Dataset] = {name: named[name] for name in ("top", "histogram", "profile") if name in named}
    if "group means" in named:
        means, firing = named["group means"], named["group firing"]
        details["groups"] = means[["mean", "n"]].assign(fraction=firing["fraction"])
    return table, details


def _columns(detector: str, dataset: xr.Dataset) -> tuple[dict[str, np.ndarray], xr.Dataset]:
    """What fits a table as columns, and the rest."""
    columns = {}
    for name, variable in dataset.data_vars.items():
        if variable.dims == ("unit",):
            columns[f"{detector}.{name}"] = variable.values
        elif variable.dims == ("unit", "label"):
            for number, label in enumerate(dataset["label"].values):
                columns[f"{detector}.{name}.{label}"] = variable.values[:, number]
    rest = [
        name
        for name, v in dataset.data_vars.items()
        if v.dims[:1] == ("unit",) and v.dims not in (("unit",), ("unit", "label"))
    ]
    return columns, dataset[rest]


def _versions() -> dict[str, str]:
    names = ("multiunit", "numpy", "pandas", "torch", "xarray")
    return {"python": platform.python_version()} | {name: version(name) for name in names}
