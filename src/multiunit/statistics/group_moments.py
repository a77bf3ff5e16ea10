"""Mean and variance of every unit, group by group."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
import torch
import xarray as xr

from multiunit.core.method import method
from multiunit.core.statistic import Statistic
from multiunit.statistics.batch import Groups, as_matrix, grown


@method(kind="statistic", source="chan1983")
class GroupMoments(Statistic):
    """Mean and unbiased variance of the activity within each group of presentations.

    Args:
        by: presentation column that tells the groups apart; presentations without a label are left out.
        absolute: of `|x|` instead of x.

    Source: Chan, Golub and LeVeque 1983, for the merging.

    >>> moments = GroupMoments("condition")
    >>> moments.update(np.array([[1.0], [3.0], [7.0]]), pd.DataFrame({"condition": ["a", "a", "b"]}))
    >>> moments.result()["mean"].values.tolist(), moments.result()["variance"].values.tolist()
    ([[2.0, 7.0]], [[2.0, nan]])
    """

    _mean: Any
    _m2: Any
    _groups: Groups
    _n: Any

    def __init__(self, by: str | None = None, *, absolute: bool = False) -> None:
        self.by, self.absolute = by, absolute
        self.load_state_dict({})

    def update(self, activity: Any, presentations: pd.DataFrame) -> None:
        x = as_matrix(activity, presentations)
        numbers = self._groups.numbers(presentations, self.by)
        self._fit(x.shape[1], x.device)
        for group in np.unique(numbers[numbers >= 0]):
            rows = torch.as_tensor(np.flatnonzero(numbers == group), device=x.device)
            part = x.index_select(0, rows).double()
            if self.absolute:
                part = part.abs()
            mean = part.mean(0)
            self._take(int(group), len(rows), mean, (part - mean).square().sum(0))

    def _fit(self, n_units: int, device: torch.device) -> None:
        n_groups = len(self._groups.labels)
        if self._mean is None:
            self._mean = torch.zeros((0, n_units), dtype=torch.float64, device=device)
            self._m2 = self._mean.clone()
        self._mean, self._m2 = grown(self._mean, n_groups), grown(self._m2, n_groups)
        self._n = np.pad(self._n, (0, n_groups - len(self._n)))

    def _take(self, group: int, n_b: int, mean: torch.Tensor, m2: torch.Tensor) -> None:
        n_a = int(self._n[group])
        if n_b:
            delta = mean.to(self._mean.device) - self._mean[group]
            self._mean[group] += delta * (n_b / (n_a + n_b))
            self._m2[group] += m2.to(delta.device) + delta**2 * (n_a * n_b / (n_a + n_b))
            self._n[group] += n_b

    def merge(self, other: Self) -> None:
        if other._mean is None:
            return
        numbers = self._groups.union(other._groups)
        self._fit(other._mean.shape[1], other._mean.device)
        for theirs, mine in enumerate(numbers):
            self._take(int(mine), int(other._n[theirs]), other._mean[theirs], other._m2[theirs])

    def result(self) -> xr.Dataset:
        """`mean(unit, group)`, `variance(unit, group)` (NaN for a single presentation) and `n(group)`."""
        order = self._groups.order
        empty = np.empty((0, len(order)))
        mean = empty if self._mean is None else self._mean.T.cpu().numpy()[:, order]
        m2 = empty if self._mean is None else self._m2.T.cpu().numpy()[:, order]
        n = self._n[order]
        variance = np.divide(m2, n - 1, out=np.full(m2.shape, np.nan), where=np.broadcast_to(n > 1, m2.shape))
        return xr.Dataset(
            {"mean": (("unit", "group"), mean), "variance": (("unit", "group"), variance), "n": ("group", n)},
            coords={"group": np.array(self._groups.labels, dtype=object)[order]},
        )

    def state_dict(self) -> dict[str, np.ndarray]:
        if self._mean is None:
            return {}
        sums = {"mean": self._mean.cpu().numpy(), "m2": self._m2.cpu().numpy()}
        return {"group": np.array(self._groups.labels, dtype=str), "n": self._n} | sums

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        self._groups = Groups(state.get("group"))
        self._n = np.array(state["n"]) if state else np.zeros(0, dtype=np.int64)
        self._mean = torch.tensor(state["mean"]) if state else None
        self._m2 = torch.tensor(state["m2"]) if state else None
