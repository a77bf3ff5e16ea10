"""Mean, variance, skewness, kurtosis and range of every unit."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
import torch
import xarray as xr

from multiunit.core.method import method
from multiunit.core.statistic import Statistic
from multiunit.statistics.batch import as_matrix, row_blocks

_SUMS = ("mean", "m2", "m3", "m4", "minimum", "maximum")


@method(kind="statistic", source="pebay2008")
class Moments(Statistic):
    """Mean, population variance, skewness, excess kurtosis, minimum and maximum.

    Pieces are merged by their central sums `M_p = sum (x - mean)^p`, so a large mean costs no precision:
    with `d = mean_B - mean_A`, `M2 = M2_A + M2_B + d^2 n_A n_B / n`, and likewise for the third and fourth.

    Source: Pebay 2008, SAND2008-6212, equations 2.1 and 3.1.

    >>> moments = Moments()
    >>> moments.update(np.array([[1.0], [3.0]]), pd.DataFrame(index=range(2)))
    >>> float(moments.result()["mean"][0]), float(moments.result()["variance"][0])
    (2.0, 1.0)
    """

    def __init__(self) -> None:
        self._n = 0
        self._sums: dict[str, torch.Tensor] = {}

    def update(self, activity: Any, presentations: pd.DataFrame) -> None:
        for x in row_blocks(as_matrix(activity, presentations)):
            if not len(x):
                continue
            mean = x.mean(0)
            centred = x - mean
            # The rounded mean leaves a small first moment; without it the higher ones would be off.
            rest = centred.mean(0)
            centred -= rest
            square = centred * centred
            low, high = torch.aminmax(x, dim=0)
            parts = (mean.double() + rest.double(), square.sum(0), (square * centred).sum(0), (square * square).sum(0))
            sums = dict(zip(_SUMS, (*(part.double() for part in parts), low.double(), high.double()), strict=True))
            self._take(len(x), sums)

    def merge(self, other: Self) -> None:
        if other._n:
            self._take(other._n, other._sums)

    def _take(self, n_b: int, b: dict[str, torch.Tensor]) -> None:
        if not self._n:
            self._n, self._sums = n_b, {name: value.clone() for name, value in b.items()}
            return
        a, n_a = self._sums, self._n
        n = n_a + n_b
        d = b["mean"].to(a["mean"].device) - a["mean"]
        b = {name: value.to(d.device) for name, value in b.items()}
        a["m4"] += (
            b["m4"]
            + d**4 * (n_a * n_b * (n_a**2 - n_a * n_b + n_b**2) / n**3)
            + 6 * d**2 * (n_a**2 * b["m2"] + n_b**2 * a["m2"]) / n**2
            + 4 * d * (n_a * b["m3"] - n_b * a["m3"]) / n
        )
        a["m3"] += b["m3"] + d**3 * (n_a * n_b * (n_a - n_b) / n**2) + 3 * d * (n_a * b["m2"] - n_b * a["m2"]) / n
        a["m2"] += b["m2"] + d**2 * (n_a * n_b / n)
        a["mean"] += d * (n_b / n)
        torch.minimum(a["minimum"], b["minimum"], out=a["minimum"])
        torch.maximum(a["maximum"], b["maximum"], out=a["maximum"])
        self._n = n

    def result(self) -> xr.Dataset:
        """`mean`, `variance`, `skewness`, `kurtosis`, `minimum`, `maximum` over `unit`, and `n`.

        Skewness and kurtosis of a constant unit are 0.
        """
        sums = {name: value.cpu().numpy() for name, value in self._sums.items()}
        if not sums:
            sums = dict.fromkeys(_SUMS, np.empty(0))
        variance = sums["m2"] / max(1, self._n)
        # What rounding leaves of a constant unit is no spread.
        varies = variance > (1e-12 * np.maximum(np.abs(sums["minimum"]), np.abs(sums["maximum"]))) ** 2
        safe = np.where(varies, variance, 1.0)
        found = {
            "mean": sums["mean"],
            "variance": variance,
            "skewness": np.where(varies, sums["m3"] / max(1, self._n) / safe**1.5, 0.0),
            "kurtosis": np.where(varies, sums["m4"] / max(1, self._n) / safe**2 - 3, 0.0),
            "minimum": sums["minimum"],
            "maximum": sums["maximum"],
        }
        return xr.Dataset({name: ("unit", value) for name, value in found.items()} | {"n": ((), self._n)})

    def state_dict(self) -> dict[str, np.ndarray]:
        if not self._n:
            return {}
        return {"n": np.array(self._n)} | {name: value.cpu().numpy() for name, value in self._sums.items()}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        self._n = int(state["n"]) if state else 0
        self._sums = {name: torch.tensor(state[name]) for name in _SUMS} if state else {}
