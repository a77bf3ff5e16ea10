"""The presentations that drive every unit most."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
import torch
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.core.statistic import Statistic
from multiunit.statistics.batch import as_matrix, column

_UNITS = 1024  # units looked at together: bounds the memory for candidates


@method(kind="statistic", source="zeiler2014")
class TopPresentations(Statistic):
    """The `k` presentations with the highest activity, exact; of equal ones those of the smaller
    (sequence_id, position), so that neither batches nor merging change the answer.

    >>> top = TopPresentations(2)
    >>> top.update(np.array([[1.0], [5.0], [5.0]]), pd.DataFrame({"sequence_id": [0, 1, 2], "position": [0, 0, 0]}))
    >>> top.result()["sequence_id"].values.tolist()
    [[1, 2]]
    """

    _value: Any
    _sequence: Any
    _position: Any

    def __init__(self, k: int = 20) -> None:
        if k < 1:
            raise InputError("k", k, "at least one presentation")
        self.k = k
        self.load_state_dict({})

    def update(self, activity: Any, presentations: pd.DataFrame) -> None:
        x = as_matrix(activity, presentations)
        sequence = column(presentations, "sequence_id", "presentations").astype(np.int64)
        position = column(presentations, "position", "presentations").astype(np.int64)
        self._fit(x.shape[1])
        # In the order of their ids the first of equal values is the one to keep.
        order = np.lexsort((position, sequence))
        if (np.diff(order) != 1).any():
            x, sequence, position = x[torch.as_tensor(order, device=x.device)], sequence[order], position[order]
        for start in range(0, x.shape[1], _UNITS):
            rows, units = self._candidates(x[:, start : start + _UNITS], start)
            values = x[torch.as_tensor(rows), torch.as_tensor(units)] if x.device.type == "cpu" else _at(x, rows, units)
            self._take(units, values.double().cpu().numpy(), sequence[rows], position[rows])

    def _candidates(self, x: torch.Tensor, start: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows and units of what may belong to the top: a few for each unit."""
        lowest = torch.as_tensor(self._value[start : start + x.shape[1], -1]).to(x.device, x.dtype)
        bar = lowest
        wanted = x >= bar
        if int(wanted.sum()) > 4 * self.k * x.shape[1]:
            # At the beginning nearly everything beats an empty list: the batch's own k-th value is a better bar.
            bar = torch.maximum(bar, x.topk(min(self.k, len(x)), dim=0).values[-1])
            equal = x == bar
            wanted = (x > bar) | (equal & (equal.cumsum(0) <= self.k))
        rows, units = wanted.nonzero(as_tuple=True)
        return rows.cpu().numpy(), units.cpu().numpy() + start

    def _fit(self, n_units: int) -> None:
        if self._value is None:
            self._value = np.full((n_units, self.k), -np.inf)
            self._sequence = np.full((n_units, self.k), -1, dtype=np.int64)
            self._position = np.full((n_units, self.k), -1, dtype=np.int64)

    def _take(self, units: np.ndarray, values: np.ndarray, sequence: np.ndarray, position: np.ndarray) -> None:
        """Sort candidates in among what is kept of their units."""
        if not len(units):
            return
        touched, slot = np.unique(units, return_inverse=True)
        old = np.repeat(np.arange(len(touched)), self.k)
        slot = np.concatenate([old, slot])
        values = np.concatenate([self._value[touched].ravel(), values])
        sequence = np.concatenate([self._sequence[touched].ravel(), sequence])
        position = np.concatenate([self._position[touched].ravel(), position])
        order = np.lexsort((position, sequence, -values, slot))
        sizes = np.bincount(slot, minlength=len(touched))
        first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        best = order[first[:, None] + np.arange(self.k)]
        self._value[touched] = values[best]
        self._sequence[touched] = sequence[best]
        self._position[touched] = position[best]

    def merge(self, other: Self) -> None:
        if other._value is None:
            return
        self._fit(len(other._value))
        seen = np.isfinite(other._value)
        self._take(np.nonzero(seen)[0], other._value[seen], other._sequence[seen], other._position[seen])

    def result(self) -> xr.Dataset:
        """`value`, `sequence_id` and `position` over `(unit, rank)`; NaN and -1 where there were fewer than k."""
        self._fit(0)
        value = np.where(np.isfinite(self._value), self._value, np.nan)
        dims = ("unit", "rank")
        return xr.Dataset(
            {"value": (dims, value), "sequence_id": (dims, self._sequence), "position": (dims, self._position)}
        )

    def state_dict(self) -> dict[str, np.ndarray]:
        if self._value is None:
            return {}
        return {"value": self._value, "sequence_id": self._sequence, "position": self._position}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        self._value = np.array(state["value"]) if state else None
        self._sequence = np.array(state["sequence_id"]) if state else None
        self._position = np.array(state["position"]) if state else None


def _at(x: torch.Tensor, rows: np.ndarray, units: np.ndarray) -> torch.Tensor:
    return x[torch.as_tensor(rows, device=x.device), torch.as_tensor(units, device=x.device)]
