"""Tuning curves: the mean activity of every unit at each value of one or several variables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.core.recording import Recording
from multiunit.units.observed import Measured, numbers, over_observed


def binned_mean(activity: np.ndarray, cells: np.ndarray, *, n_cells: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, standard error and number of presentations in each cell.

    Args:
        activity: `(presentation, unit)`.
        cells: the cell of each presentation, -1 for none.
        n_cells: how many there are.

    Returns:
        mean and standard error `(unit, cell)`, NaN where a cell was never visited (the error also where only once);
        count `(cell,)`.

    >>> mean, error, count = binned_mean(np.array([[1.0], [3.0], [5.0]]), np.array([0, 0, 1]), n_cells=3)
    >>> mean.tolist(), count.tolist()
    ([[2.0, 5.0, nan]], [2, 1, 0])
    """
    inside = cells >= 0
    count = np.bincount(cells[inside], minlength=n_cells)
    member = np.zeros((n_cells, len(activity)))
    member[cells[inside], np.flatnonzero(inside)] = 1
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (member @ activity / count[:, None]).T
        centred = np.where(inside[:, None], activity - mean.T[np.maximum(cells, 0)], 0.0)
        variance = (member @ centred**2 / (count[:, None] - 1)).T
        error = np.sqrt(np.where(count > 1, variance, np.nan) / count)
    return mean, error, count


def bin_edges(values: np.ndarray, *, n_bins: int) -> np.ndarray:
    """Equal bins over the range of the values; the last one is closed.

    Raises:
        InputError: for a constant variable.
    """
    low, high = float(values.min()), float(values.max())
    if not high > low:
        raise InputError("variable", low, "is constant; there is nothing to be tuned to")
    return np.linspace(low, high, n_bins + 1)


def cells_of(values: np.ndarray, edges: Sequence[np.ndarray]) -> np.ndarray:
    """The cell of the grid in which each row of `(presentation, variable)` lies; -1 outside."""
    index = np.zeros(len(values), dtype=np.int64)
    inside = np.ones(len(values), dtype=bool)
    for column, edge in zip(values.T, edges, strict=True):
        place = np.where(column == edge[-1], len(edge) - 2, np.searchsorted(edge, column, side="right") - 1)
        inside &= (place >= 0) & (place < len(edge) - 1)
        index = index * (len(edge) - 1) + np.clip(place, 0, len(edge) - 2)
    return np.where(inside, index, -1)


@method(kind="measure", source="hubel1959", of="place")
def tuning_curve(
    recording: Recording,
    variable: str | Sequence[str],
    *,
    n_bins: int = 20,
    edges: Sequence[Any] | None = None,
    smoothing: float = 0.0,
) -> xr.Dataset:
    """The mean activity of every unit in each bin of one or several continuous variables.

    Args:
        recording: activity `(presentation, unit)`; for spikes, bin them first.
        variable: a presentation column, or several for a map.
        n_bins: bins of each variable over its range.
        edges: the bin edges instead, one array a variable.
        smoothing: standard deviation of a Gaussian in bins, applied to sums and counts alike, so that unvisited bins
            add nothing.

    Returns:
        `mean` and `error` (its standard error; of the unsmoothed data) over `unit` and a dimension for each variable,
        whose coordinate is the bins' centres; NaN where nothing was presented. `count`: presentations in each bin.

    Raises:
        InputError: for a variable that is missing, not finite or constant.

    >>> place = np.tile(np.arange(4.0), 5)
    >>> r = Recording.from_activity(np.c_[place == 2, place], presentations={"place": place})
    >>> tuning_curve(r, "place", n_bins=4)["mean"].values.tolist()
    [[0.0, 0.0, 1.0, 0.0], [0.0, 1.0, 2.0, 3.0]]
    """
    names = [variable] if isinstance(variable, str) else list(variable)
    values = np.stack([numbers(recording, name) for name in names], axis=1)
    grid = [bin_edges(v, n_bins=n_bins) for v in values.T] if edges is None else [np.asarray(e, float) for e in edges]
    if len(grid) != len(names) or any(e.ndim != 1 or len(e) < 2 or (np.diff(e) <= 0).any() for e in grid):
        raise InputError("edges", edges, f"needs rising bin edges for each of {', '.join(names)}")
    shape = tuple(len(e) - 1 for e in grid)
    cells = cells_of(values, grid)

    def measure(activity: np.ndarray, rows: np.ndarray) -> Measured:
        mean, error, count = binned_mean(activity, cells[rows], n_cells=int(np.prod(shape)))
        whole = [array.reshape(-1, *shape) for array in (mean, error)]
        if smoothing > 0:
            whole[0] = _smoothed(whole[0], count.reshape(shape), smoothing)
        counts = np.broadcast_to(count.reshape(1, *shape), whole[0].shape)
        dims = ("unit", *names)
        return {"mean": (dims, whole[0]), "error": (dims, whole[1]), "count": (dims, counts)}

    centres = {name: (edge[1:] + edge[:-1]) / 2 for name, edge in zip(names, grid, strict=True)}
    return over_observed(recording, measure).assign_coords(centres)


def _smoothed(mean: np.ndarray, count: np.ndarray, width: float) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    widths = (0, *[width] * count.ndim)
    total = gaussian_filter(np.nan_to_num(mean) * count, widths, mode="nearest")
    weight = gaussian_filter(count.astype(float), width, mode="nearest")
    return np.where(count > 0, np.divide(total, weight, out=np.full_like(total, np.nan), where=weight > 0), np.nan)
