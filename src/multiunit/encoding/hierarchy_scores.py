"""Do the layers of a model follow the order of areas, and of moments, in what they predict?"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from multiunit.core.errors import InputError


class SpatialScore(NamedTuple):
    """`correlation` of best layer and position, and the number of the `best_layer (target,)`."""

    correlation: float
    best_layer: np.ndarray


class TemporalScore(NamedTuple):
    """`correlation` of depth and peak time, and `peak_time (layer,)`."""

    correlation: float
    peak_time: np.ndarray


def spatial_score(scores: Any, position: Any) -> SpatialScore:
    """Are targets further up predicted best by deeper layers?

    corr_j(argmax_k score_kj, position_j) over targets j.

    Args:
        scores: `(layer, target)`, encoding scores, layers from input to output.
        position: `(target,)`, the place in the hierarchy: rank of the area, or distance from the first.

    Returns:
        Pearson correlation, 0 if one layer is best for all targets; of equally good layers the first counts.

    Raises:
        InputError: for shapes that do not fit, numbers that are not finite, or positions that are all the same.

    Source: Raugel et al. 2025, arXiv:2508.18226; reconstructed: which distance the paper takes is unsure.

    >>> found = spatial_score([[0.9, 0.5, 0.1], [0.3, 0.6, 0.2]], [1.0, 2.0, 3.0])
    >>> round(found.correlation, 3), found.best_layer.tolist()
    (0.866, [0, 1, 1])
    """
    values, place = np.asarray(scores, dtype=np.float64), np.asarray(position, dtype=np.float64)
    if values.ndim != 2 or not values.size or not np.isfinite(values).all():
        raise InputError("scores", values.shape, "needs finite scores (layer, target)")
    if place.shape != values.shape[1:] or not np.isfinite(place).all() or np.ptp(place) == 0:
        raise InputError("position", place.shape, f"needs {values.shape[1]} finite numbers that differ")
    best = values.argmax(axis=0)
    return SpatialScore(_correlation(best, place), best)


def temporal_score(scores: Any, time: Any) -> TemporalScore:
    """Do deeper layers predict best what comes later?

    corr_k(k, argmax_t mean_j score_kjt) over layers k, j the targets.

    Args:
        scores: `(layer, target, time)`, encoding scores, layers from input to output.
        time: `(time,)`, in seconds.

    Returns:
        Pearson correlation, 0 if all layers peak together; of equally good moments the first counts. `peak_time` in
        seconds.

    Raises:
        InputError: for shapes that do not fit, numbers that are not finite, or fewer than two layers.

    Source: Raugel et al. 2025, arXiv:2508.18226; reconstructed: the paper may take windows in place of peaks.

    >>> found = temporal_score([[[0.2, 0.9, 0.1]], [[0.1, 0.3, 0.5]]], [0.1, 0.2, 0.3])
    >>> round(found.correlation, 9), found.peak_time.tolist()
    (1.0, [0.2, 0.3])
    """
    values, moments = np.asarray(scores, dtype=np.float64), np.asarray(time, dtype=np.float64)
    if values.ndim != 3 or len(values) < 2 or not values.size or not np.isfinite(values).all():
        raise InputError("scores", values.shape, "needs finite scores (layer, target, time), two layers or more")
    if moments.shape != values.shape[2:] or not np.isfinite(moments).all():
        raise InputError("time", moments.shape, f"needs {values.shape[2]} moments in seconds")
    peak = moments[values.mean(axis=1).argmax(axis=1)]
    return TemporalScore(_correlation(np.arange(len(values)), peak), peak)


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a, b)[0, 1]) if np.ptp(a) > 0 and np.ptp(b) > 0 else 0.0
