"""The distribution of every unit's activity."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
import torch
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.core.statistic import Statistic
from multiunit.statistics.batch import as_matrix, row_blocks

_SCALE, _LARGEST = 100.0, 1000.0


def bin_edges(n_bins: int) -> np.ndarray:
    """`n_bins + 1` edges that are equal steps of asinh(100 x) from -1000 to 1000: about linear within 0.01 of zero,
    logarithmic beyond. The outer bins also take what lies outside.

    >>> bin_edges(4).round(3).tolist()
    [-1000.0, -2.236, 0.0, 2.236, 1000.0]
    """
    reach = np.arcsinh(_SCALE * _LARGEST)
    return np.sinh(np.linspace(-reach, reach, n_bins + 1)) / _SCALE


def bin_numbers(x: torch.Tensor, n_bins: int) -> torch.Tensor:
    """The bin of every value, int64."""
    reach = float(np.arcsinh(_SCALE * _LARGEST))
    return ((torch.asinh(x * _SCALE) + reach) * (n_bins / (2 * reach))).long().clamp_(0, n_bins - 1)


@method(kind="statistic", source="here")
class Histogram(Statistic):
    """Counts of every unit's activity in bins that are the same for all units and all data.

    Args:
        n_bins: an even number, so that zero is an edge.

    >>> histogram = Histogram(4)
    >>> histogram.update(np.array([[-1.0], [1.0], [1.0], [50.0]]), pd.DataFrame(index=range(4)))
    >>> histogram.result()["count"].values.tolist()
    [[0, 1, 2, 1]]
    """

    _count: Any

    def __init__(self, n_bins: int = 64) -> None:
        if n_bins < 2 or n_bins % 2:
            raise InputError("n_bins", n_bins, "must be even, so that zero is an edge")
        self.n_bins = n_bins
        self.load_state_dict({})

    def update(self, activity: Any, presentations: pd.DataFrame) -> None:
        x = as_matrix(activity, presentations)
        n_units = x.shape[1]
        if self._count is None:
            self._count = torch.zeros(n_units * self.n_bins, dtype=torch.int64, device=x.device)
        offset = torch.arange(n_units, device=x.device) * self.n_bins
        for block in row_blocks(x, 256):
            numbers = bin_numbers(block, self.n_bins).add_(offset)
            self._count += torch.bincount(numbers.flatten(), minlength=n_units * self.n_bins)

    def merge(self, other: Self) -> None:
        if other._count is not None:
            self._count = other._count.clone() if self._count is None else self._count + other._count

    def result(self) -> xr.Dataset:
        """`count(unit, bin)` with the edges `edge_low(bin)` and `edge_high(bin)`."""
        count = np.empty((0, self.n_bins), int) if self._count is None else self._count.cpu().numpy()
        edges = bin_edges(self.n_bins)
        return xr.Dataset(
            {"count": (("unit", "bin"), count.reshape(-1, self.n_bins))},
            coords={"edge_low": ("bin", edges[:-1]), "edge_high": ("bin", edges[1:])},
        )

    def state_dict(self) -> dict[str, np.ndarray]:
        return {} if self._count is None else {"count": self._count.cpu().numpy()}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        self._count = torch.tensor(state["count"]) if state else None
