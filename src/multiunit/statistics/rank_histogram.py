"""How well every unit ranks the presentations of each group above the rest, from histograms."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
import torch
import xarray as xr

from multiunit.core.method import method
from multiunit.core.statistic import Statistic
from multiunit.statistics.batch import Groups, as_matrix, grown
from multiunit.statistics.histogram import bin_numbers


@method(kind="statistic", source="here")
class RankHistogram(Statistic):
    """`RankCurve` in bounded memory: values that share a bin count as equal, so scores are exact up to the bins.

    Args:
        by: presentation column that tells the groups apart; presentations without a label are left out.
        n_bins: bins of `Histogram`; more are more exact.

    >>> curve = RankHistogram("concept")
    >>> curve.update(np.array([[2.0], [1.0], [0.0]]), pd.DataFrame({"concept": ["cat", "cat", "dog"]}))
    >>> curve.result()["auroc"].values.tolist()
    [[1.0, 0.0]]
    """

    _count: Any
    _groups: Groups

    def __init__(self, by: str, *, n_bins: int = 256) -> None:
        self.by, self.n_bins = by, n_bins
        self.load_state_dict({})

    def update(self, activity: Any, presentations: pd.DataFrame) -> None:
        x = as_matrix(activity, presentations)
        numbers = self._groups.numbers(presentations, self.by)
        size = x.shape[1] * self.n_bins
        self._fit(size, x.device)
        offset = torch.arange(x.shape[1], device=x.device) * self.n_bins
        for group in np.unique(numbers[numbers >= 0]):
            for rows in torch.as_tensor(np.flatnonzero(numbers == group), device=x.device).split(256):
                part = x[rows] if x.dtype == torch.float64 else x[rows].float()
                self._count[group] += torch.bincount(
                    (bin_numbers(part, self.n_bins) + offset).flatten(), minlength=size
                )

    def _fit(self, size: int, device: torch.device) -> None:
        if self._count is None:
            self._count = torch.zeros((0, size), dtype=torch.int64, device=device)
        self._count = grown(self._count, len(self._groups.labels))

    def merge(self, other: Self) -> None:
        if other._count is None:
            return
        numbers = self._groups.union(other._groups)
        self._fit(other._count.shape[1], other._count.device)
        self._count[torch.as_tensor(numbers)] += other._count

    def result(self) -> xr.Dataset:
        """`average_precision(unit, group)` and `auroc(unit, group)`; NaN for a group that is all there is."""
        order = self._groups.order
        count = np.zeros((len(order), 0, self.n_bins))
        if self._count is not None:
            count = (
                self._count.cpu()
                .numpy()
                .reshape(len(order), self._count.shape[1] // self.n_bins, self.n_bins)[order][..., ::-1]
                .astype(float)
            )
        total = count.sum(0)
        with np.errstate(invalid="ignore"):
            # Bins from high to low; a bin is passed as a whole, as ties are.
            precision = np.cumsum(count, -1) / np.maximum(np.cumsum(total, -1), 1)
            n = count.sum(-1)
            average_precision = (count * precision).sum(-1) / n
            rest = total - count
            below = rest.sum(-1, keepdims=True) - np.cumsum(rest, -1)
            auroc = (count * (below + rest / 2)).sum(-1) / (n * rest.sum(-1))
        alone = (n == 0) | (rest.sum(-1) == 0)
        dims = ("unit", "group")
        return xr.Dataset(
            {
                "average_precision": (dims, np.where(alone, np.nan, average_precision).T),
                "auroc": (dims, np.where(alone, np.nan, auroc).T),
            },
            coords={"group": np.array(self._groups.labels, dtype=object)[order]},
        )

    def state_dict(self) -> dict[str, np.ndarray]:
        if self._count is None:
            return {}
        return {"group": np.array(self._groups.labels, dtype=str), "count": self._count.cpu().numpy()}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        self._groups = Groups(state.get("group"))
        self._count = torch.tensor(state["count"]) if state else None
