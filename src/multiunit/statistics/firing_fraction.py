"""How often every unit is active, group by group."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
import torch
import xarray as xr

from multiunit.core.method import method
from multiunit.core.statistic import Statistic
from multiunit.statistics.batch import Groups, as_matrix, grown, rows_summed


@method(kind="statistic", source="arXiv:2309.04827")
class FiringFraction(Statistic):
    """The share of presentations on which a unit is active: `P(x > threshold | group)`.

    Args:
        by: presentation column that tells the groups apart; one group "all" if None. Presentations without a
            label are left out.
        threshold: above it a unit counts as active; 0 is right for ReLU and spikes, a choice for gated units.

    >>> firing = FiringFraction(by="language")
    >>> firing.update(np.array([[1.0], [0.0], [2.0]]), pd.DataFrame({"language": ["fr", "en", "fr"]}))
    >>> firing.result()["fraction"].values.tolist()
    [[0.0, 1.0]]
    """

    _active: Any
    _groups: Groups
    _n: Any

    def __init__(self, by: str | None = None, *, threshold: float = 0.0) -> None:
        self.by, self.threshold = by, threshold
        self.load_state_dict({})

    def update(self, activity: Any, presentations: pd.DataFrame) -> None:
        x = as_matrix(activity, presentations)
        numbers = self._groups.numbers(presentations, self.by)
        n_groups = len(self._groups.labels)
        self._fit(n_groups, x.shape[1], x.device)
        self._active += rows_summed(x > self.threshold, numbers, n_groups)
        self._n += np.bincount(numbers[numbers >= 0], minlength=n_groups)

    def _fit(self, n_groups: int, n_units: int, device: torch.device) -> None:
        if self._active is None:
            self._active = torch.zeros((0, n_units), dtype=torch.int64, device=device)
        self._active = grown(self._active, n_groups)
        self._n = np.pad(self._n, (0, n_groups - len(self._n)))

    def merge(self, other: Self) -> None:
        if other._active is None:
            return
        numbers = self._groups.union(other._groups)
        self._fit(len(self._groups.labels), other._active.shape[1], other._active.device)
        self._active[torch.as_tensor(numbers)] += other._active.to(self._active.device)
        self._n[numbers] += other._n

    def result(self) -> xr.Dataset:
        """`fraction(unit, group)`, `active(unit, group)` and `n(group)`, groups sorted."""
        order = self._groups.order
        active = np.empty((0, len(order)), int) if self._active is None else self._active.T.cpu().numpy()[:, order]
        n = self._n[order]
        return xr.Dataset(
            {"fraction": (("unit", "group"), active / np.maximum(n, 1)), "active": (("unit", "group"), active)}
            | {"n": ("group", n)},
            coords={"group": np.array(self._groups.labels, dtype=object)[order]},
        )

    def state_dict(self) -> dict[str, np.ndarray]:
        if self._active is None:
            return {}
        return {"group": np.array(self._groups.labels, dtype=str), "n": self._n, "active": self._active.cpu().numpy()}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        self._groups = Groups(state.get("group"))
        self._n = np.array(state["n"]) if state else np.zeros(0, dtype=np.int64)
        self._active = torch.tensor(state["active"]) if state else None
