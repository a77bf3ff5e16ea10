"""Basins of attraction: which starts lead where."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.dynamics.as_map import Map


def basins(
    step: Map, *, starts: Any, n_transient: int = 5000, n_samples: int = 2000, tolerance: float = 0.02
) -> xr.Dataset:
    """Run many starts at once and sort them by what they settle to.

    Two starts share an attractor if the lowest, highest and mean value and the spread of every state are the same, up
    to `tolerance` of the range that the state takes over all starts (or of its size, if that is larger).

    Args:
        step: (point, state) -> (point, state).
        starts: (start, state).
        n_transient, n_samples: steps dropped, and steps looked at.
        tolerance: see above; chaotic attractors need one that is larger than the error of their means.

    Returns:
        xr.Dataset: `attractor` (start), numbered from the most frequent; -1 for starts that leave the finite numbers;
        `share` (attractor_id) of the starts; `lowest`, `highest`, `mean`, `spread` (attractor_id, axis).

    Raises:
        InputError: if starts are no table.

    >>> found = basins(lambda x: np.tanh(2.0 * x), starts=[[-1.0], [-0.1], [0.2], [0.5], [1.5]], n_transient=100)
    >>> found["attractor"].values.tolist(), found["mean"].values.round(3).ravel().tolist()
    ([1, 1, 0, 0, 0], [0.958, -0.958])
    """
    points = np.asarray(starts, float)
    if points.ndim != 2 or not len(points):
        raise InputError("starts", points.shape, "needs shape (start, state)")
    lowest, highest = np.full(points.shape, np.inf), np.full(points.shape, -np.inf)
    total, squares = np.zeros(points.shape), np.zeros(points.shape)
    # Starts that run away are an answer here, not an error.
    with np.errstate(all="ignore"):
        for _ in range(n_transient):
            points = step(points)
        centre = points.copy()  # sums of what is left after it cancel less
        for _ in range(n_samples):
            points = step(points)
            lowest, highest = np.minimum(lowest, points), np.maximum(highest, points)
            total += points - centre
            squares += (points - centre) ** 2
        shift = total / n_samples
        spread = np.sqrt(np.maximum(squares / n_samples - shift**2, 0.0))
    features = np.stack([lowest, highest, centre + shift, spread], axis=1)
    finite = np.isfinite(features).all(axis=(1, 2))
    label = np.full(len(points), -1)
    groups: list[np.ndarray] = []
    if finite.any():
        reach = features[finite, 1].max(axis=0) - features[finite, 0].min(axis=0)
        size = tolerance * np.maximum(reach, 1e-3 * np.abs(features[finite, :2]).max(axis=(0, 1)) + 1e-12)
        for i in np.flatnonzero(finite):
            same = [k for k, group in enumerate(groups) if (np.abs(features[i] - group) <= size).all()]
            label[i] = same[0] if same else len(groups)
            if not same:
                groups.append(features[i])
    counts = np.bincount(label[finite], minlength=len(groups))
    order = np.argsort(-counts, kind="stable")
    rank = np.empty(len(groups), int)
    rank[order] = np.arange(len(groups))
    label[finite] = rank[label[finite]]
    kept = np.array(groups)[order] if groups else np.empty((0, 4, points.shape[1]))
    names = ("lowest", "highest", "mean", "spread")
    return xr.Dataset(
        {
            "attractor": ("start", label),
            "share": ("attractor_id", counts[order] / len(points)),
            **{name: (("attractor_id", "axis"), kept[:, k]) for k, name in enumerate(names)},
        }
    )
