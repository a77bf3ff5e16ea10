"""Correlations of every unit with every other one, within a system and between two."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
import torch
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.core.statistic import Statistic
from multiunit.statistics.batch import as_matrix


@method(
    kind="statistic",
    source="chan1983",
    two_systems=True,
    exceptions={"permuting_units_permutes": "the units of the second system are permuted along"},
)
class CrossCorrelation(Statistic):
    """Pearson correlation of every unit with every unit of another system, on the same presentations.

    Merged by central sums, `C = C_A + C_B + d_x d_y n_A n_B / n`; memory is one matrix `(unit, other_unit)`.

    Source: Chan, Golub and LeVeque 1983.

    >>> cross = CrossCorrelation()
    >>> x = np.array([[1.0], [2.0], [4.0]])
    >>> cross.update(x, pd.DataFrame(index=range(3)), other=np.hstack([-x, x * 0]))
    >>> cross.result()["correlation"].values.round(6).tolist()
    [[-1.0, 0.0]]
    """

    _n: int
    _sums: dict[str, torch.Tensor]

    def __init__(self) -> None:
        self.load_state_dict({})

    def update(self, activity: Any, presentations: pd.DataFrame, *, other: Any = None) -> None:
        x = as_matrix(activity, presentations)
        if other is None:
            raise InputError("other", None, "give the other system's activity for the same presentations")
        y = as_matrix(other, presentations)
        self._update(x, y)

    def _update(self, x: torch.Tensor, y: torch.Tensor) -> None:
        if not len(x):
            return
        x, y = (t if t.dtype in (torch.float32, torch.float64) else t.float() for t in (x, y))
        mean_x, mean_y = x.mean(0), y.mean(0)
        x, y = x - mean_x, y - mean_y
        parts = {
            "mean_x": mean_x.double(), "mean_y": mean_y.double(), "c": x.T @ y,
            "square_x": x.square().sum(0).double(), "square_y": y.square().sum(0).double(),
        }  # fmt: skip
        self._take(len(x), parts)

    def _take(self, n_b: int, b: dict[str, torch.Tensor]) -> None:
        if not self._n:
            self._n = n_b
            self._sums = {name: value.double() if name == "c" else value.clone() for name, value in b.items()}
            return
        a, n_a = self._sums, self._n
        b = {name: value.to(a["c"].device) for name, value in b.items()}
        n = n_a + n_b
        dx, dy = b["mean_x"] - a["mean_x"], b["mean_y"] - a["mean_y"]
        a["c"] += b["c"]
        a["c"].addr_(dx, dy, alpha=n_a * n_b / n)
        a["square_x"] += b["square_x"] + dx**2 * (n_a * n_b / n)
        a["square_y"] += b["square_y"] + dy**2 * (n_a * n_b / n)
        a["mean_x"] += dx * (n_b / n)
        a["mean_y"] += dy * (n_b / n)
        self._n = n

    def merge(self, other: Self) -> None:
        if other._n:
            self._take(other._n, other._sums)

    def result(self) -> xr.Dataset:
        """`correlation(unit, other_unit)`; a constant unit correlates 0 with everything."""
        if not self._n:
            return xr.Dataset({"correlation": (("unit", "other_unit"), np.empty((0, 0)))})
        scale_x, scale_y = (_inverse_norm(self._sums[f"square_{s}"], self._sums[f"mean_{s}"], self._n) for s in "xy")
        correlation = (self._sums["c"] * scale_x[:, None]).mul_(scale_y).clamp_(-1, 1)
        return xr.Dataset({"correlation": (("unit", "other_unit"), correlation.cpu().numpy())})

    def state_dict(self) -> dict[str, np.ndarray]:
        if not self._n:
            return {}
        return {"n": np.array(self._n)} | {name: value.cpu().numpy() for name, value in self._sums.items()}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        self._n = int(state["n"]) if state else 0
        self._sums = {name: torch.tensor(value) for name, value in state.items() if name != "n"}


@method(kind="statistic", source="chan1983")
class Correlation(CrossCorrelation):
    """Pearson correlation of every unit with every unit of the same site; the diagonal is 1.

    >>> correlation = Correlation()
    >>> correlation.update(np.array([[1.0, 2.0], [2.0, 1.0]]), pd.DataFrame(index=range(2)))
    >>> correlation.result()["correlation"].values.round(6).tolist()
    [[1.0, -1.0], [-1.0, 1.0]]
    """

    def update(self, activity: Any, presentations: pd.DataFrame, *, other: Any = None) -> None:
        if other is not None:
            raise InputError("other", "given", "Correlation is of one system; CrossCorrelation takes another")
        x = as_matrix(activity, presentations)
        self._update(x, x)


def _inverse_norm(square: torch.Tensor, mean: torch.Tensor, n: int) -> torch.Tensor:
    # Below this, what is left of a constant unit is rounding of its mean in single precision.
    varies = square > n * (1e-6 * mean).square()
    return torch.where(varies, square, 1.0).rsqrt() * varies
