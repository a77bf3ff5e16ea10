"""What an atlas is made of: a system and what it is shown, or a recording that has been shown its stimuli."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.recording import Recording
from multiunit.core.system import match_sites
from multiunit.units.from_recording import flattened
from multiunit.units.question import Question

# Kinds of sites that hold neurons, in the order in which an atlas of all units prefers them.
NEURONS = ("mlp-neuron", "activation", "recurrent", "conv-channel", "population", "linear")
_NGRAMS = 2000
_NGRAM_BYTES = 100e6


class SystemSource:
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
        self.sites = match_sites(list(table.index), sites)
        self.n_units = int(table.loc[self.sites, "n_units"].sum())

    @property
    def n_presentations(self) -> int:
        return len(self.tokens)

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


class RecordingSource:
    """A recording that has its presentations already."""

    def __init__(self, recording: Recording, *, by: str | None, sites: str | Sequence[str] | None) -> None:
        if sites is not None:
            site = recording.units["site"].astype(str)
            wanted = match_sites(list(dict.fromkeys(site)), sites)
            recording = recording.select(units=site.isin(wanted).to_numpy())
        flat = flattened(recording, by=by)
        # Statistics come site by site: in that order every table fits every other.
        order = np.argsort(pd.factorize(flat.units["site"])[0], kind="stable")
        self.recording = flat.select(units=order) if recording.n_units else flat
        if self.recording.n_presentations < 2 or not recording.n_units:
            raise InputError("source", self.recording, "an atlas needs a unit and two presentations or more")

    @property
    def n_presentations(self) -> int:
        return self.recording.n_presentations

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
