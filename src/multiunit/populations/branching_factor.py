"""Branching factor: how many spikes of its targets follow a spike, for each spike of its sources before it."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csr_array

from multiunit.core.errors import InputError


def branching_factor(spikes: np.ndarray, adjacency: Any, *, window: int = 4, edge: int = 25) -> float:
    """Mean number of spikes behind a spike, along the connections, over the number before it.

    For every spike of unit i at t: b = (spikes of its targets in t+1 .. t+window) / max(1, spikes of its sources in
    t-window .. t-1). The mean is over the spikes of a unit, then over units that spiked, then over presentations with
    such units. Near 1, activity goes on without growing. Counted are the spikes from `edge` to the last but `edge`
    samples, at those times whose windows lie within.

    Args:
        spikes: bool `(presentation, unit, time)`.
        adjacency: `(unit, unit)`, dense or sparse, not 0 where row sends to column.
        window: samples.
        edge: samples left out at either end.

    Raises:
        InputError: for shapes that do not fit, no time between the edges, or no spike at all there.

    Source: Ivanov & Michmizos 2021, arXiv:2111.01760, as in the authors' program.

    >>> chain = np.eye(5, k=1)                   # 0 -> 1 -> 2 -> 3 -> 4, each passes its spike on
    >>> spikes = np.eye(5, dtype=bool)[None]
    >>> branching_factor(spikes, chain, window=1, edge=0)
    1.0
    """
    spikes = np.asarray(spikes, dtype=bool)
    wired = csr_array(adjacency != 0).astype(np.float64)
    if spikes.ndim != 3 or wired.shape != (spikes.shape[1],) * 2:
        raise InputError(
            "adjacency", wired.shape, f"needs (unit, unit) for spikes (presentation, unit, time), {spikes.shape}"
        )
    n_samples = spikes.shape[2] - 2 * edge
    if window < 1 or edge < 0 or n_samples < 2 * window + 1:
        raise InputError("window", (window, edge), f"the windows do not fit within {spikes.shape[2]} samples")
    counted = np.arange(window, n_samples - window)
    means = []
    for shown in spikes[:, :, edge : edge + n_samples]:
        total = np.concatenate([np.zeros((len(shown), 1)), np.cumsum(shown, axis=1)], axis=1)
        before = wired.T @ (total[:, counted] - total[:, counted - window])
        after = wired @ (total[:, counted + 1 + window] - total[:, counted + 1])
        at = shown[:, counted]
        number = at.sum(axis=1)
        ratios = np.where(at, after / np.maximum(before, 1.0), 0.0).sum(axis=1)
        if number.any():
            means.append(float((ratios[number > 0] / number[number > 0]).mean()))
    if not means:
        raise InputError("spikes", spikes.shape, "has no spike whose windows lie between the edges")
    return float(np.mean(means))
