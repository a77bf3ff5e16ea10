"""Pairs of a clean and a corrupted prompt, token by token alike in length, for every kind of patching."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from multiunit.core.errors import InputError
from multiunit.interventions.objective_values import objective_values
from multiunit.systems.gradients import Objective
from multiunit.systems.torch_system import TorchSystem

Direction = Literal["denoise", "noise"]
Positions = Mapping[str, Sequence[int] | Mapping[int, Sequence[int]] | None]
EVERYWHERE: Positions = {"all": None}
_PAIRS_AT_ONCE = 64


def split_pairs(system: TorchSystem, pairs: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The clean and the corrupted stimuli of a frame of pairs; both carry the labels.

    Args:
        system: tokenises texts.
        pairs: one row a pair, `clean` and `corrupted` (texts, token numbers, arrays) and label columns.

    Raises:
        InputError: for absent columns, or a pair of different lengths or longer than the system's window.

    >>> from multiunit.networks.induction_circuit import induction_circuit, induction_pairs
    >>> clean, corrupted = split_pairs(TorchSystem(induction_circuit()), induction_pairs(3))
    >>> list(clean), len(corrupted)
    (['stimulus', 'answer', 'foil'], 3)
    """
    missing = {"clean", "corrupted"} - set(pairs) if isinstance(pairs, pd.DataFrame) else {"clean", "corrupted"}
    if missing or not len(pairs):
        raise InputError("pairs", type(pairs).__name__, "needs a frame with columns 'clean', 'corrupted' and a row")
    labels = pairs.drop(columns=["clean", "corrupted"]).drop(columns="stimulus", errors="ignore").reset_index(drop=True)
    frames = []
    for name in ("clean", "corrupted"):
        frame = labels.copy()
        frame.insert(0, "stimulus", pairs[name].to_numpy())
        frames.append(frame)
    counts = [system.tokens(frame).groupby("sequence_id").size() for frame in frames]
    if any(len(count) != len(pairs) for count in counts):
        raise InputError("pairs", "a prompt cut in two", f"prompts may have at most {system.window} tokens")
    differ = np.flatnonzero(counts[0].to_numpy() != counts[1].to_numpy())
    if len(differ):
        row = int(differ[0])
        shown = (int(counts[0].iloc[row]), int(counts[1].iloc[row]))
        raise InputError("pairs", shown, f"pair {row} has prompts of different numbers of tokens; positions must match")
    return frames[0], frames[1]


def pieces(first: pd.DataFrame, second: pd.DataFrame) -> Iterator[tuple[slice, pd.DataFrame, pd.DataFrame]]:
    """Cut both alike, so that what is recorded of one piece fits in memory: the rows, and both pieces of them.

    >>> frame = pd.DataFrame({"stimulus": range(100)})
    >>> [(rows.start, len(a), int(b.loc[0, "stimulus"])) for rows, a, b in pieces(frame, frame)]
    [(0, 64, 0), (64, 36, 64)]
    """
    for start in range(0, len(first), _PAIRS_AT_ONCE):
        rows = slice(start, min(start + _PAIRS_AT_ONCE, len(first)))
        yield rows, first.iloc[rows].reset_index(drop=True), second.iloc[rows].reset_index(drop=True)


class Ends(NamedTuple):
    """The objective `(sequence,)` of the two unpatched runs."""

    clean: np.ndarray
    corrupted: np.ndarray

    def effect(self, patched: np.ndarray, direction: Direction) -> np.ndarray:
        """How much of the way from one run to the other: `patched (..., sequence)` -> `(...)`."""
        return normalised_effect(patched, clean=self.clean, corrupted=self.corrupted, direction=direction)


def ends(system: TorchSystem, clean: Any, *, corrupted: Any, objective: Objective) -> Ends:
    """Run both.

    Raises:
        InputError: if the objective is the same on both: there is nothing to normalise by.
    """
    found = Ends(*(objective_values(system, stimuli, objective=objective) for stimuli in (clean, corrupted)))
    if found.clean.mean() == found.corrupted.mean():
        raise InputError("objective", float(found.clean.mean()), "is the same on clean and corrupted prompts")
    return found


def normalised_effect(
    patched: np.ndarray, *, clean: np.ndarray, corrupted: np.ndarray, direction: Direction
) -> np.ndarray:
    """How much of the difference between the runs a patch carries over: 0 nothing, 1 all of it.

    effect = mean(patched - base) / mean(source - base); base = corrupted and source = clean for `denoise`, the
    reverse for `noise`. A ratio of means, because single pairs may hardly differ.

    Args:
        patched: objective `(..., sequence)` under the patch.
        clean, corrupted: `(sequence,)`.
        direction: `denoise` patches clean activity into the corrupted run, `noise` the reverse.

    Raises:
        InputError: for an unknown direction.

    >>> normalised_effect(np.array([[1.0], [3.0]]), clean=np.array([4.0]), corrupted=np.array([0.0]), direction="noise")
    array([0.75, 0.25])
    """
    base, source = (corrupted, clean) if checked_direction(direction) == "denoise" else (clean, corrupted)
    return (patched - base).mean(axis=-1) / (source - base).mean()


def checked_direction(direction: str) -> str:
    if direction not in ("denoise", "noise"):
        raise InputError("direction", direction, "must be 'denoise' or 'noise'")
    return direction
