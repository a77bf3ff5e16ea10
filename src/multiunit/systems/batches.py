"""From stimuli to what a module takes in: sequences of tokens, and batches of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from multiunit.core.errors import InputError


@dataclass(frozen=True)
class Sequences:
    """Token sequences: one stimulus gives one, and more when it is longer than `window`.

    Args:
        ids: token numbers of each sequence, special tokens included.
        counted: which tokens are presentations; special tokens are not.
        stimulus: row of the stimulus that each sequence comes from.
    """

    ids: list[np.ndarray]
    counted: list[np.ndarray]
    stimulus: np.ndarray

    def presentations(self, frame: pd.DataFrame, rows: np.ndarray | None = None) -> pd.DataFrame:
        """One row a counted token, sequence after sequence: `sequence_id, position, token_id` and the labels."""
        chosen = np.arange(len(self.ids)) if rows is None else rows
        kept = [np.flatnonzero(self.counted[row]) for row in chosen]
        sequence = np.repeat(chosen, [len(k) for k in kept])
        columns = {
            "sequence_id": sequence,
            "position": np.concatenate(kept),
            "token_id": np.concatenate([self.ids[row][k] for row, k in zip(chosen, kept, strict=True)]),
        }
        return pd.DataFrame(columns | labels(frame, self.stimulus[sequence]))


def labels(frame: pd.DataFrame, rows: np.ndarray) -> dict[str, np.ndarray]:
    """The columns of the stimuli's frame other than the stimulus itself, at these rows."""
    return {str(name): frame[name].to_numpy()[rows] for name in frame if name != "stimulus"}


def tokenise(frame: pd.DataFrame, tokenizer: Any, *, window: int) -> Sequences:
    """Cut every stimulus - a text, or an array of token numbers - into sequences of at most `window` tokens.

    Raises:
        InputError: for texts without a tokenizer, or a text that gives no token.
    """
    prefix, suffix = _special_tokens(tokenizer) if tokenizer else ([], [])
    room = window - len(prefix) - len(suffix)
    ids, counted, rows = [], [], []
    for row, stimulus in enumerate(frame["stimulus"]):
        if isinstance(stimulus, str):
            if tokenizer is None:
                raise InputError("tokenizer", None, "the stimuli are texts: give the system a tokenizer")
            # `verbose` would warn of texts longer than the window, which are cut below.
            tokens = tokenizer(stimulus, add_special_tokens=False, verbose=False)["input_ids"]
        else:
            tokens = stimulus
        tokens = np.asarray(tokens, dtype=np.int64)
        if not tokens.size:
            raise InputError("stimuli", stimulus, f"stimulus {row} has no token")
        # Arrays of token numbers are taken as they are; texts get the tokenizer's special tokens in every window.
        before, after = (prefix, suffix) if isinstance(stimulus, str) else ([], [])
        step = room if isinstance(stimulus, str) else window
        for start in range(0, len(tokens), step):
            piece = tokens[start : start + step]
            ids.append(np.concatenate([before, piece, after]).astype(np.int64))
            counted.append(np.r_[np.zeros(len(before), bool), np.ones(len(piece), bool), np.zeros(len(after), bool)])
            rows.append(row)
    return Sequences(ids, counted, np.array(rows))


def cut(lengths: np.ndarray, batch_size: int, *, by_length: bool, equal: bool = False) -> list[np.ndarray]:
    """Rows of each batch: as many sequences as fit into `batch_size` tokens, padding included, at least one.

    Args:
        by_length: sort by length first, so that little is padded; the order is the same in every run.
        equal: only sequences of one length share a batch: for modules that take no mask.

    >>> [rows.tolist() for rows in cut(np.array([5, 2, 5, 2]), 10, by_length=True)]
    [[1, 3], [0, 2]]
    """
    order = np.argsort(lengths, kind="stable") if by_length else np.arange(len(lengths))
    batches: list[list[int]] = []
    longest = 0
    for row in order:
        longest = max(longest, int(lengths[row]))
        full = not batches or longest * (len(batches[-1]) + 1) > batch_size
        if full or (equal and lengths[row] != lengths[batches[-1][0]]):
            batches.append([])
            longest = int(lengths[row])
        batches[-1].append(int(row))
    return [np.array(rows) for rows in batches]


def pad(ids: list[np.ndarray], value: int) -> tuple[np.ndarray, np.ndarray]:
    """Sequences side by side, filled up on the right: tokens and mask, both `(sequence, position)`."""
    longest = max(map(len, ids))
    tokens = np.full((len(ids), longest), value, dtype=np.int64)
    mask = np.zeros((len(ids), longest), dtype=bool)
    for row, sequence in enumerate(ids):
        tokens[row, : len(sequence)] = sequence
        mask[row, : len(sequence)] = True
    return tokens, mask


def _special_tokens(tokenizer: Any) -> tuple[list[int], list[int]]:
    """What the tokenizer puts before and after a text, read off an example."""
    plain = list(tokenizer("a", add_special_tokens=False)["input_ids"])
    whole = list(tokenizer("a")["input_ids"])
    for start in range(len(whole) - len(plain) + 1):
        if whole[start : start + len(plain)] == plain:
            return whole[:start], whole[start + len(plain) :]
    raise InputError("tokenizer", type(tokenizer).__name__, "adds its special tokens inside the text")


def slices(n: int, size: int) -> Iterator[np.ndarray]:
    """Consecutive rows, `size` at a time."""
    for start in range(0, n, size):
        yield np.arange(start, min(start + size, n))
