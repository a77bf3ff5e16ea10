"""Any statistic of whole sequences instead of their tokens."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
import pandas as pd
import torch
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.core.statistic import Statistic
from multiunit.statistics.batch import as_matrix, column


@method(kind="statistic", source="arXiv:2110.02802")
class Pooled(Statistic):
    """Feed `inner` one presentation a sequence: the maximum, the mean or the last of its tokens.

    Args:
        inner: the statistic of the pooled activity; it is copied.
        how: `max`, `mean` or `last`.
        over: presentation column whose runs of equal values are pooled; a run is never split over batches.

    >>> from multiunit.statistics import Moments
    >>> pooled = Pooled(Moments(), how="max")
    >>> pooled.update(np.array([[1.0], [5.0], [3.0]]), pd.DataFrame({"sequence_id": [0, 0, 1]}))
    >>> float(pooled.result()["mean"][0])
    4.0
    """

    def __init__(
        self, inner: Statistic, *, how: Literal["max", "mean", "last"] = "max", over: str = "sequence_id"
    ) -> None:
        if how not in ("max", "mean", "last"):
            raise InputError("how", how, "must be 'max', 'mean' or 'last'")
        self.inner, self.how, self.over = inner.fresh(), how, over

    def update(self, activity: Any, presentations: pd.DataFrame) -> None:
        x = as_matrix(activity, presentations)
        values = column(presentations, self.over, "over")
        if not len(values):
            return
        first = np.flatnonzero(np.r_[True, values[1:] != values[:-1]])
        sizes = torch.as_tensor(np.diff(np.r_[first, len(values)]), device=x.device)
        if self.how == "last":
            pooled = x[torch.as_tensor(np.r_[first[1:], len(values)] - 1, device=x.device)]
        else:
            x = x if x.dtype == torch.float64 else x.float()
            pooled = torch.segment_reduce(x, self.how, lengths=sizes)
        self.inner.update(pooled, presentations.iloc[first].reset_index(drop=True))

    def merge(self, other: Self) -> None:
        self.inner.merge(other.inner)

    def result(self) -> xr.Dataset:
        """What `inner` gives."""
        return self.inner.result()

    def state_dict(self) -> dict[str, np.ndarray]:
        return self.inner.state_dict()

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        self.inner.load_state_dict(state)
