"""What every accumulator does first: activity as a checked tensor, labels as numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import torch

from multiunit.core.errors import InputError


def as_matrix(activity: Any, presentations: pd.DataFrame) -> torch.Tensor:
    """The activity `(presentation, unit)` as a floating tensor where it is, sharing memory where it can.

    Raises:
        InputError: for another shape than the table's, or activity that is NaN or infinite.
    """
    x = activity.detach() if isinstance(activity, torch.Tensor) else torch.as_tensor(np.asarray(activity))
    if x.ndim != 2 or len(x) != len(presentations):
        raise InputError(
            "activity", tuple(x.shape), f"needs (presentation, unit) for {len(presentations)} presentations"
        )
    if not x.is_floating_point():
        x = x.double()
    # One sum finds a NaN anywhere; float32 keeps the sum of half precision from overflowing.
    if not torch.isfinite(x.sum(dtype=x.dtype if x.dtype == torch.float64 else torch.float32)):
        bad = ~torch.isfinite(x)
        if bad.any():
            raise InputError(
                "activity",
                f"{int(bad.sum())} NaN or infinite values",
                f"in {int(bad.any(0).sum())} of {x.shape[1]} units",
            )
    return x


def row_blocks(x: torch.Tensor, rows: int = 512) -> Iterator[torch.Tensor]:
    """Pieces that stay in the processor's cache, in at least single precision."""
    for piece in x.split(rows):
        yield piece if piece.dtype in (torch.float32, torch.float64) else piece.float()


def column(presentations: pd.DataFrame, name: str, argument: str = "by") -> np.ndarray:
    """A column of the presentation table.

    Raises:
        InputError: naming the columns there are.
    """
    if name not in presentations:
        there = ", ".join(map(str, presentations))
        raise InputError(argument, name, f"is no presentation column; there are: {there}")
    return presentations[name].to_numpy()


class Groups:
    """Numbers for labels in the order in which they are met; results list them sorted."""

    def __init__(self, labels: np.ndarray | None = None) -> None:
        self.labels: list[str] = [] if labels is None else [str(label) for label in labels]

    def numbers(self, presentations: pd.DataFrame, by: str | None) -> np.ndarray:
        """The group of each presentation; -1 where the label is missing."""
        if by is None:
            self.labels = ["all"]
            return np.zeros(len(presentations), dtype=np.int64)
        codes, values = pd.factorize(column(presentations, by))
        known = {label: number for number, label in enumerate(self.labels)}
        table = np.array([known.setdefault(str(value), len(known)) for value in values] + [-1], dtype=np.int64)
        self.labels = list(known)
        return table[codes]

    def union(self, other: Groups) -> np.ndarray:
        """Take in the other's labels; the numbers they have here."""
        known = {label: number for number, label in enumerate(self.labels)}
        numbers = [known.setdefault(label, len(known)) for label in other.labels]
        self.labels = list(known)
        return np.array(numbers, dtype=np.int64)

    @property
    def order(self) -> np.ndarray:
        return np.argsort(np.array(self.labels, dtype=str), kind="stable")


def grown(array: torch.Tensor, rows: int) -> torch.Tensor:
    """The array with zero rows added at its end."""
    if len(array) >= rows:
        return array
    return torch.cat([array, array.new_zeros((rows - len(array), *array.shape[1:]))])


def rows_summed(mask: torch.Tensor, numbers: np.ndarray, n_rows: int) -> torch.Tensor:
    """How many `mask` rows of each number are true: int64 `(number, unit)`; rows with number -1 are left out."""
    index = torch.as_tensor(numbers, device=mask.device)
    # One row more takes what has no number. Single precision counts exactly far beyond the size of a batch.
    total = torch.zeros((n_rows + 1, mask.shape[1]), dtype=torch.float32, device=mask.device)
    total.index_add_(0, torch.where(index < 0, n_rows, index), mask.float())
    return total[:n_rows].long()
