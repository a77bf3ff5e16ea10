"""Training as a journey from ignorance to truth: how far along, how long the way, and where two ways part."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from scipy.optimize import brentq

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.similarity.intensive_pca import bhattacharyya, roots


@method(kind="learning", source="arXiv:2210.17011")
def training_progress(predictions: Any, labels: Any) -> np.ndarray:
    """How far each model has come on the shortest way from ignorance to truth.

    The square roots of probabilities lie on a sphere, on which the way of sample i from P0 = 1/C to the true class is
    g_i(t) = [sin((1-t) a) sqrt(P0) + sin(t a) e_label] / sin a, cos a = 1 / sqrt(C). Progress is
    argmin_(0<=t<=1) -sum_i log <g_i(t), sqrt(p_i)>, one t for all samples. The sum is convex in t, so that the minimum
    is where its slope is 0, or at an end.

    Args:
        predictions: `(model, sample, class)`, probabilities; read one model at a time.
        labels: `(sample,)`, the true classes, from 0.

    Returns:
        `(model,)`, 0 at ignorance (or a model further from the truth than that) to 1 at the truth.

    Raises:
        InputError: for shapes that do not fit, rows that are not probabilities, or labels without a class.

    Source: Ramesh et al. 2023, arXiv:2210.17011; equations from the authors' code.

    >>> p = np.array([[[0.5, 0.5]], [[0.75, 0.25]], [[1.0, 0.0]]])    # angles of 45, 30 and 0 degrees to the truth
    >>> training_progress(p, [0]).round(6).tolist()
    [0.0, 0.333333, 1.0]
    """
    p, truth = _trajectory(predictions), np.asarray(labels)
    n_classes = p.shape[2]
    if truth.shape != (p.shape[1],) or truth.dtype.kind not in "iu" or truth.min() < 0 or truth.max() >= n_classes:
        raise InputError("labels", truth.shape, f"needs whole numbers from 0 to {n_classes - 1}, one a sample")
    angle = np.arccos(n_classes**-0.5)
    found = np.empty(len(p))
    for model in range(len(p)):
        root = roots(p[model])
        ignorant, true = root.sum(axis=1) / np.sqrt(n_classes), root[np.arange(len(truth)), truth]

        def slope(t: float, ignorant: np.ndarray = ignorant, true: np.ndarray = true) -> float:
            overlap = np.sin((1 - t) * angle) * ignorant + np.sin(t * angle) * true
            return float(np.mean((np.cos((1 - t) * angle) * ignorant - np.cos(t * angle) * true) / overlap))

        if slope(0.0) >= 0:
            found[model] = 0.0
        # A sample whose true class is excluded has no overlap with the truth, and the slope there is infinite.
        elif (true > 0).all() and slope(1.0) <= 0:
            found[model] = 1.0
        else:
            found[model] = brentq(slope, 0.0, 1.0 if (true > 0).all() else 1.0 - 1e-12)
    return found


def reindexed(predictions: Any, progress: Any, *, at: Any) -> np.ndarray:
    """The models a trajectory passes at given progress, between checkpoints along the arc from one to the next.

    At progress s, with k the first checkpoint that has come to s and w = (s - s_(k-1)) / (s_k - s_(k-1)),
    p = [(sin((1-w) b) sqrt(p_(k-1)) + sin(w b) sqrt(p_k)) / sin b]^2, b the angle between the two, sample by sample.

    Args:
        predictions: `(checkpoint, sample, class)`, probabilities in the order of training.
        progress: `(checkpoint,)`, as `training_progress` gives it; where it falls back, the first passage counts.
        at: `(point,)`, progress to look at, between the first checkpoint's and the largest.

    Returns:
        `(point, sample, class)`, probabilities.

    Raises:
        InputError: for shapes that do not fit, rows that are not probabilities, or progress out of range.

    Source: Ramesh et al. 2023, arXiv:2210.17011; from the authors' code, which outside the range repeats the ends.

    >>> p = [[[0.5, 0.5]], [[1.0, 0.0]]]
    >>> reindexed(p, [0.0, 1.0], at=[1 / 3]).round(4).tolist()
    [[[0.75, 0.25]]]
    """
    p, s = _trajectory(predictions), np.asarray(progress, dtype=np.float64)
    points = np.atleast_1d(np.asarray(at, dtype=np.float64))
    if s.shape != (len(p),) or not np.isfinite(s).all():
        raise InputError("progress", s.shape, f"needs one number for each of {len(p)} checkpoints")
    if points.ndim != 1 or not ((points >= s[0]) & (points <= s.max())).all():
        raise InputError("at", at, f"needs progress from {s[0]:.4g}, the first checkpoint's, to {s.max():.4g}")
    found = np.empty((len(points), *p.shape[1:]))
    for row, point in enumerate(points):
        k = int(np.argmax(s >= point))
        after = roots(p[k])
        if k:
            before = roots(p[k - 1])
            after = _arc(before, after, (point - s[k - 1]) / (s[k] - s[k - 1]))
        found[row] = after**2
    return found


@method(kind="learning", source="arXiv:2210.17011")
def trajectory_distance(x: Any, y: Any, *, labels: Any, n_points: int = 10) -> xr.DataArray:
    """How far apart two trainings are where both have come equally far.

    d(s) = `bhattacharyya`(x(s), y(s)), with x(s) and y(s) the `reindexed` models at `training_progress` s.

    Args:
        x, y: `(checkpoint, sample, class)`, probabilities of the same samples and classes in the order of training.
        labels: `(sample,)`, the true classes, from 0.
        n_points: values of progress, evenly over the range that both pass.

    Returns:
        `(progress,)`; its mean is the distance of two tasks.

    Raises:
        InputError: for trainings that never come equally far, and as `training_progress`.

    Source: Ramesh et al. 2023, arXiv:2210.17011.

    >>> p = np.array([[[0.5, 0.5]], [[1.0, 0.0]]])
    >>> trajectory_distance(p, p[[0, 0, 1]], labels=[0], n_points=3).values.round(9).tolist()
    [0.0, 0.0, 0.0]
    """
    progress = [training_progress(side, labels) for side in (x, y)]
    low, high = max(s[0] for s in progress), min(s.max() for s in progress)
    if n_points < 1 or not low < high:
        raise InputError("n_points", (n_points, low, high), "needs a point or more, and a range that both pass")
    at = np.linspace(low, high, n_points)
    u, v = (reindexed(side, s, at=at) for side, s in zip((x, y), progress, strict=True))
    return xr.DataArray(_in_pairs(u, v), dims="progress", coords={"progress": at})


@method(kind="learning", source="arXiv:2210.17011")
def riemann_length(predictions: Any) -> float:
    """How long the way of a training was, in the space of predictions.

    2 sum_t sqrt(d(P_t, P_(t+1))), d the `bhattacharyya` distance. Of a single sample and small steps it is sqrt(2)
    times the angle travelled on the sphere.

    Args:
        predictions: `(checkpoint, sample, class)`, probabilities in the order of training.

    Raises:
        InputError: for another shape, fewer than two checkpoints, or rows that are not probabilities.

    Source: Ramesh et al. 2023, arXiv:2210.17011. Their code leaves out the square roots of the probabilities here,
    unless these were stored as such.

    >>> round(riemann_length([[[1.0, 0.0]], [[0.5, 0.5]], [[1.0, 0.0]]]), 4)    # 2 * 2 * sqrt(log(2) / 2)
    2.3548
    """
    p = _trajectory(predictions)
    if len(p) < 2:
        raise InputError("predictions", p.shape, "needs two checkpoints or more")
    return float(2 * np.sqrt(_in_pairs(p[:-1], p[1:])).sum())


def _trajectory(predictions: Any) -> Any:
    p = predictions if hasattr(predictions, "shape") else np.asarray(predictions)
    if len(p.shape) != 3 or 0 in p.shape or p.shape[2] < 2:
        raise InputError("predictions", p.shape, "needs (model, sample, class), two classes or more")
    return p


def _in_pairs(x: Any, y: Any) -> np.ndarray:
    return np.array([bhattacharyya(u[None], v[None])[0, 0] for u, v in zip(x, y, strict=True)])


def _arc(start: np.ndarray, end: np.ndarray, share: float) -> np.ndarray:
    """Points on the arcs between unit vectors `(..., class)`."""
    # By the chord, which does not lose small angles as the cosine does.
    angle = 2 * np.arcsin(np.minimum(np.linalg.norm(end - start, axis=-1, keepdims=True) / 2, 1.0))
    far = angle > 1e-9
    size = np.where(far, np.sin(angle), 1.0)
    weights = [np.where(far, np.sin(part * angle) / size, part) for part in (1 - share, share)]
    return np.asarray(weights[0] * start + weights[1] * end)
