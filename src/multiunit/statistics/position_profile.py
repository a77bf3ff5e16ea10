"""How often every unit is active at each position of a sequence."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
import torch
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.core.statistic import Statistic
from multiunit.statistics.batch import as_matrix, column, rows_summed


@method(kind="statistic", source="arXiv:2309.04827")
class PositionProfile(Statistic):
    """Counts of activations by position in the sequence: `#{x > threshold at position t}`.

    Args:
        n_positions: positions from 0 that are told apart; later ones are left out.
        threshold: above it a unit counts as active.

    >>> profile = PositionProfile(2)
    >>> profile.update(np.array([[1.0], [0.0], [1.0]]), pd.DataFrame({"position": [0, 1, 0]}))
    >>> profile.result()["active"].values.tolist(), profile.result()["n"].values.tolist()
    ([[2, 0]], [2, 1])
    """

    _active: Any
    _n: Any

    def __init__(self, n_positions: int, *, threshold: float = 0.0) -> None:
        if n_positions < 1:
            raise InputError("n_positions", n_positions, "at least one position")
        self.n_positions, self.threshold = n_positions, threshold
        self.load_state_dict({})

    def update(self, activity: Any, presentations: pd.DataFrame) -> None:
        x = as_matrix(activity, presentations)
        position = column(presentations, "position", "presentations").astype(np.int64)
        position = np.where((position >= 0) & (position < self.n_positions), position, -1)
        active = rows_summed(x > self.threshold, position, self.n_positions)
        self._active = active if self._active is None else self._active + active
        self._n = self._n + np.bincount(position[position >= 0], minlength=self.n_positions)

    def merge(self, other: Self) -> None:
        if other._active is not None:
            self._active = other._active.clone() if self._active is None else self._active + other._active
            self._n = self._n + other._n

    def result(self) -> xr.Dataset:
        """`active(unit, position)` and `n(position)`."""
        active = np.empty((0, self.n_positions), int) if self._active is None else self._active.T.cpu().numpy()
        return xr.Dataset({"active": (("unit", "position"), active), "n": ("position", self._n)})

    def state_dict(self) -> dict[str, np.ndarray]:
        return {} if self._active is None else {"active": self._active.cpu().numpy(), "n": self._n}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        self._active = torch.tensor(state["active"]) if state else None
        self._n = np.array(state["n"]) if state else np.zeros(self.n_positions, dtype=np.int64)
