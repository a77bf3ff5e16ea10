"""`build_atlas`: everything there is to know of every unit, in one pass over the stimuli."""

from __future__ import annotations

import hashlib
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
from multiunit.units.from_recording import flattened
from multiunit.units.question import Question

if TYPE_CHECKING:
    from multiunit.core.system import System

# Kinds of sites that hold neurons, in the order in which an atlas of all units prefers them.
NEURONS = ("mlp-neuron", "activation", "recurrent", "conv-channel", "population", "linear")
_NGRAMS = 2000
_NGRAM_BYTES = 100e6


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
        detectors: names of the detectors to run; by default all that apply.
        threshold: the activity above which a unit counts as active.
        checkpoint: file for the sums, so that a killed run goes on; see `statistics.accumulate`.
        random_state: of the matched random controls.
        progress: show a bar.

    Raises:
        InputError: for no or a single presentation, an unknown `by`, unknown detectors, or activity that is not finite.
        SiteError: for a site that matches nothing.
    """
    began = time.time()
    asked = _detectors(detectors, recording=isinstance(source, Recording))
    pass_: _SystemPass | _RecordingPass
    if isinstance(source, Recording):
        pass_ = _RecordingPass(flattened(source, by=by))
    else:
        if stimuli is None:
            raise InputError("stimuli", None, "a system has to be shown something: give texts, images or arrays")
        pass_ = _SystemPass(source, as_stimuli(stimuli), sites)
    question = pass_.question(by, threshold)
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
    for name, dataset in found.items():
        columns, rest = _columns(name, dataset)
        table = table.join(pd.DataFrame(columns, index=table.index))
        if rest.data_vars:
            details[name] = rest
    details["top"] = pass_.with_contexts(details["top"])
    manifest = {
        "source": pass_.describe(),
        "stimuli": pass_.stimuli_hash(),
        "n_presentations": int(results[_key(_always(question)["moments"])]["n"]),
        "by": by,
        "threshold": threshold,
        "detectors": sorted(found),
        "skipped": skipped,
        "random_state": random_state,
        "seconds": round(time.time() - began, 2),
        "versions": _versions(),
    }
    return Atlas(pass_.with_units(table), details, manifest)


class _SystemPass:
    """A system and what it is shown."""

    def __init__(self, system: Any, frame: pd.DataFrame, sites: str | Sequence[str] | None) -> None:
        self.system, self.frame = system, frame
        self.tokens = system.tokens(frame)
        if len(self.tokens) < 2:
            raise InputError("stimuli", f"{len(self.tokens)} presentation", "an atlas needs two presentations or more")
        table = system.sites(frame)
        if sites is None:
            kinds = [kind for kind in NEURONS if (table["kind"] == kind).any()]
            sites = list(table.index[table["kind"] == kinds[0]]) if kinds else "*"
        self.sites = sites
        self.n_units = int(table["n_units"].sum())

    def open(self, first_batch: int) -> Any:
        return self.system.stream(self.frame, self.sites, first_batch=first_batch)

    def question(self, by: str | None, threshold: float) -> Question:
        columns = tuple(str(c) for c in self.frame if c != "stimulus")
        labels = _labels(self.frame, by, columns)
        if "token_id" not in self.tokens:
            return Question(by=by, labels=labels, columns=columns, threshold=threshold)
        n_positions = int(self.tokens["position"].max()) + 1
        vocabularies = frequent_ngrams(self.tokens, most=min(_NGRAMS, int(_NGRAM_BYTES / (12 * self.n_units)) + 16))
        return Question(by, labels, n_positions, vocabularies, columns, threshold)

    def with_contexts(self, top: xr.Dataset) -> xr.Dataset:
        return _with_contexts(top, lambda wanted: self.system.contexts(self.frame, wanted))

    def with_units(self, table: pd.DataFrame) -> pd.DataFrame:
        return table

    def describe(self) -> dict[str, Any]:
        return self.system.describe() if hasattr(self.system, "describe") else {"name": type(self.system).__name__}

    def stimuli_hash(self) -> str:
        digest = hashlib.sha256()
        for item in self.frame["stimulus"]:
            digest.update(item.encode() if isinstance(item, str) else np.ascontiguousarray(item).tobytes())
        return digest.hexdigest()


class _RecordingPass:
    """A recording that has its presentations already."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        if recording.n_presentations < 2 or not recording.n_units:
            raise InputError("source", recording, "an atlas needs a unit and two presentations or more")

    def open(self, first_batch: int) -> Any:
        from multiunit.statistics import recording_batches

        return recording_batches(self.recording, first_batch=first_batch)

    def question(self, by: str | None, threshold: float) -> Question:
        table = self.recording.presentations
        columns = tuple(map(str, table))
        return Question(by=by, labels=_labels(table, by, columns), columns=columns, threshold=threshold)

    def with_contexts(self, top: xr.Dataset) -> xr.Dataset:
        table = self.recording.presentations
        shown = [str(c) for c in table if c not in ("sequence_id", "position")][:3]

        def contexts(wanted: pd.DataFrame) -> pd.DataFrame:
            rows = table.iloc[wanted["sequence_id"].to_numpy()]
            after = [
                ", ".join(f"{c} {_short(v)}" for c, v in zip(shown, row, strict=True)) for row in rows[shown].to_numpy()
            ]
            return pd.DataFrame({"before": "", "token": [f"{i}" for i in rows.index], "after": after})

        return top if "sequence_id" in table else _with_contexts(top, contexts)

    def with_units(self, table: pd.DataFrame) -> pd.DataFrame:
        units = self.recording.units.drop(columns="site")
        # Statistics number the units of each site in their order, which is how a recording names them too.
        units.index = _ordinal_ids(self.recording.units["site"])
        joined = table.join(units.drop(columns=[c for c in units if c in table]))
        names = dict(zip(units.index, self.recording.units.index, strict=True))
        return joined.rename(index=names)

    def describe(self) -> dict[str, Any]:
        return {"name": repr(self.recording)} | {k: str(v) for k, v in self.recording.dataset.attrs.items()}

    def stimuli_hash(self) -> str:
        digest = hashlib.sha256()
        for block in self.recording.iter_blocks():
            digest.update(np.ascontiguousarray(block.activity).tobytes())
        return digest.hexdigest()


def frequent_ngrams(tokens: pd.DataFrame, *, most: int, at_least: int = 5) -> dict[int, np.ndarray]:
    """The most frequent n-grams of orders 1 to 3 within sequences, `order -> (ngram, order)`.

    >>> tokens = pd.DataFrame({"sequence_id": 0, "position": range(4), "token_id": [1, 2, 1, 2]})
    >>> frequent_ngrams(tokens, most=1, at_least=2)[2].tolist()
    [[1, 2]]
    """
    token = tokens["token_id"].to_numpy()
    sequence, position = tokens["sequence_id"].to_numpy(), tokens["position"].to_numpy()
    base = int(token.max()) + 1
    found = {}
    for order in (1, 2, 3):
        n = len(token) - order + 1
        if n < 1 or base**order >= 2**63:
            continue
        whole = (sequence[order - 1 :] == sequence[:n]) & (position[order - 1 :] - position[:n] == order - 1)
        keys = np.zeros(n, dtype=np.int64)
        for place in range(order):
            keys = keys * base + token[place : place + n]
        values, counts = np.unique(keys[whole], return_counts=True)
        kept = np.lexsort((values, -counts))[:most]
        kept = kept[counts[kept] >= at_least]
        if len(kept):
            found[order] = np.stack([values[kept] // base**power % base for power in range(order - 1, -1, -1)], axis=1)
    return found


def _detectors(names: Sequence[str] | None, *, recording: bool) -> list[Method]:
    every = {record.name: record for record in methods("multiunit.units", kind="detector")}
    unknown = [name for name in names or () if name not in every]
    if unknown:
        raise InputError("detectors", unknown[0], f"is no detector; there are: {', '.join(every)}")
    # What language models' detectors ask makes no sense of a brain unless somebody asks for it.
    return [
        every[name]
        for name in (names if names is not None else ["dead_neurons", "expert_units"] if recording else every)
    ]


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


def _with_contexts(top: xr.Dataset, contexts: Any) -> xr.Dataset:
    keys = pd.DataFrame({name: top[name].values.ravel() for name in ("sequence_id", "position")})
    wanted = keys[keys["sequence_id"] >= 0].drop_duplicates(ignore_index=True)
    texts = contexts(wanted)
    merged = keys.merge(wanted.join(texts), how="left", on=["sequence_id", "position"]).fillna("")
    shape = top["value"].shape
    return top.assign(
        {n: (("unit", "rank"), merged[n].to_numpy(object).reshape(shape)) for n in ("before", "token", "after")}
    )


def _labels(frame: pd.DataFrame, by: str | None, columns: Sequence[str]) -> tuple[str, ...]:
    if by is None:
        return ()
    if by not in columns:
        raise InputError("by", by, f"is no label of the presentations; there are: {', '.join(columns) or 'none'}")
    return tuple(sorted(map(str, frame[by].dropna().unique())))


def _ordinal_ids(sites: pd.Series) -> list[str]:
    number = sites.groupby(sites.to_numpy()).cumcount()
    return [f"{site}/{index}" for site, index in zip(sites, number, strict=True)]


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _versions() -> dict[str, str]:
    names = ("multiunit", "numpy", "pandas", "torch", "xarray")
    return {"python": platform.python_version()} | {name: version(name) for name in names}
