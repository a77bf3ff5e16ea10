"""Points of a hyperbolic or a flat space whose distances are those given."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numba import njit
from scipy.spatial.distance import squareform
from sklearn.base import BaseEstimator

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.similarity.compare_rdms import n_conditions

Geometry = Literal["hyperbolic", "euclidean"]

# Mean distance of the points to start with, in radii of curvature: wide enough for a tree to branch, and learned later.
_EXTENT = 4.0
# The slope of the root at 0 is infinite, and points may meet.
_TINY = 1e-16


@method(
    kind="population",
    source="arXiv:1804.03329",
    example=lambda rng: ((), {"n_components": 2, "n_steps": 5}),
)
class DistanceEmbedding(BaseEstimator):
    """Embed distances in a space of curvature -1, or its flat twin, by gradient descent.

    Minimises mean_(i<j) (s d(x_i, x_j) / D_ij - 1)^2 over points x and the scale s, by Adam at a learning rate that
    falls to 0 in a straight line. Hyperbolic points are x = (cosh r, sinh r v / r) of the hyperboloid, r = |v| with v
    free, so that d = arcosh(x_i0 x_j0 - sum_k x_ik x_jk); flat ones are v itself. Both start from the same v: the
    principal coordinates of D, with noise of a tenth of their deviation. The scale makes up for any other curvature.

    Args:
        n_components: dimensions.
        geometry: `"hyperbolic"` or `"euclidean"`.
        n_steps: of Adam.
        learning_rate: at first, of v in radii of curvature (mean distances / 4 where flat) and of log s.
        random_state: seed or generator of the noise.

    After `fit`: `embedding_ (point, component)`, in the Poincare ball or flat, float64; `scale_`, unit of D a radius of
    curvature; `loss_ (n_steps,)`; `distortion_`, mean |s d / D - 1| at the scale that is best for it; and
    `average_precision_`: mean over points of the precision, at each of its nearest points in D, of how the embedding
    ranks them (1 if they all come first; of an unweighted graph these are its neighbours).

    Raises:
        InputError: for unknown geometry, numbers out of range, or distances that are not finite and above 0.

    Source: losses and measures of Sala et al. 2018, arXiv:1804.03329; start and parametrisation are ours.

    >>> from multiunit.similarity.distance_embedding import DistanceEmbedding
    >>> line = squareform(abs(np.subtract.outer(np.arange(6.0), np.arange(6.0))))
    >>> found = DistanceEmbedding(n_components=1, geometry="euclidean", n_steps=300).fit(line)
    >>> found.embedding_.shape, found.distortion_ < 0.01, found.average_precision_
    ((6, 1), True, 1.0)
    """

    def __init__(
        self,
        *,
        n_components: int = 2,
        geometry: Geometry = "hyperbolic",
        n_steps: int = 1500,
        learning_rate: float = 0.02,
        random_state: int | np.random.Generator = 0,
    ) -> None:
        self.n_components = n_components
        self.geometry = geometry
        self.n_steps = n_steps
        self.learning_rate = learning_rate
        self.random_state = random_state

    def fit(self, distances: Any, y: None = None) -> DistanceEmbedding:
        """Find the points; `distances` is `(pair,)`, condensed, all above 0."""
        d = np.asarray(distances, dtype=np.float64)
        if d.ndim != 1 or d.size < 3:
            raise InputError("distances", d.shape, "needs all pairs, (pair,), of three points or more")
        n = n_conditions(d.size)
        if not np.isfinite(d).all() or not (d > 0).all():
            raise InputError("distances", "NaN, infinity, 0 or below", "needs finite distances, all above 0")
        if self.geometry not in ("hyperbolic", "euclidean"):
            raise InputError("geometry", self.geometry, "is neither hyperbolic nor euclidean")
        if self.n_components < 1 or self.n_steps < 1 or not self.learning_rate > 0:
            given = (self.n_components, self.n_steps, self.learning_rate)
            raise InputError("n_components", given, "needs components, steps and a learning rate above 0")
        unit = d.mean() / _EXTENT
        rng = np.random.default_rng(self.random_state)
        v = _start(squareform(d / unit), self.n_components, rng)
        hyperbolic = self.geometry == "hyperbolic"
        inverse = unit / d
        # Adam over the points and, last, the logarithm of the scale.
        free = np.append(v.ravel(), 0.0)
        mean, square = np.zeros_like(free), np.zeros_like(free)
        loss = np.empty(self.n_steps)
        for step in range(self.n_steps):
            loss[step], slope = _loss(free, inverse, n, hyperbolic)
            mean, square = 0.9 * mean + 0.1 * slope, 0.999 * square + 0.001 * slope**2
            rate = self.learning_rate * (1 - step / self.n_steps)
            first, second = mean / (1 - 0.9 ** (step + 1)), square / (1 - 0.999 ** (step + 1))
            free = free - rate * first / (np.sqrt(second) + 1e-8)
        v = free[:-1].reshape(n, -1)
        r = _radius(v)
        found = _distances(_hyperboloid(v) if hyperbolic else v, hyperbolic)
        self.embedding_ = np.tanh(r / 2) * v / r if hyperbolic else v
        self.scale_ = float(np.exp(free[-1])) * unit
        self.loss_ = loss
        self.distortion_ = distortion(found, d)
        self.average_precision_ = average_precision(found, d)
        return self


def distortion(embedded: np.ndarray, distances: np.ndarray) -> float:
    """min_s mean |s embedded / distances - 1| of condensed distances; s is a weighted median.

    >>> round(distortion(np.array([1.0, 1.0, 2.0]), np.array([2.0, 2.0, 5.0])), 4)    # s = 2
    0.0667
    """
    ratio = embedded / distances
    order = np.argsort(1 / np.maximum(ratio, 1e-300))
    weight = np.cumsum(ratio[order])
    middle = order[np.searchsorted(weight, weight[-1] / 2)]
    return float(np.abs(ratio / ratio[middle] - 1).mean())


def average_precision(embedded: np.ndarray, distances: np.ndarray) -> float:
    """How well the embedding ranks each point's nearest ones, all at the least distance, before the others.

    >>> average_precision(np.array([1.0, 2.0, 1.5]), np.array([1.0, 1.0, 2.0]))    # to 2, 1 is nearer than 0
    0.8333333333333334
    """
    near, ranked = squareform(distances), squareform(embedded)
    np.fill_diagonal(near, np.inf)
    np.fill_diagonal(ranked, np.inf)
    precision = []
    for wanted, row in zip(near <= near.min(axis=1, keepdims=True) * (1 + 1e-9), ranked, strict=True):
        # Ties count against it: a point that coincides with another is not told from it.
        before = (row[None, :] <= row[wanted][:, None]).sum(axis=1)
        hits = (row[wanted][None, :] <= row[wanted][:, None]).sum(axis=1)
        precision.append(np.mean(hits / before))
    return float(np.mean(precision))


def _start(full: np.ndarray, n_components: int, rng: np.random.Generator) -> np.ndarray:
    n = len(full)
    centre = np.eye(n) - 1 / n
    values, vectors = np.linalg.eigh(-0.5 * centre @ full**2 @ centre)
    # Fewer positive axes than components leave the rest to the noise.
    axes = vectors[:, ::-1][:, :n_components] * np.sqrt(np.maximum(values[::-1][:n_components], 0.0))
    axes = np.pad(axes, ((0, 0), (0, max(0, n_components - n))))
    return axes + 0.1 * axes.std() * rng.normal(size=axes.shape)


def _radius(v: np.ndarray) -> np.ndarray:
    return np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-12)


def _hyperboloid(v: np.ndarray) -> np.ndarray:
    """`(point, 1 + component)`: the points cosh r, sinh r v / r."""
    r = _radius(v)
    return np.hstack([np.cosh(r), np.sinh(r) / r * v])


def _loss(free: np.ndarray, inverse: np.ndarray, n: int, hyperbolic: bool) -> tuple[float, np.ndarray]:
    """The loss, and its slope by all that is free."""
    v = free[:-1].reshape(n, -1)
    loss, slope, by_scale = _fused(_hyperboloid(v) if hyperbolic else v, inverse, np.exp(free[-1]), hyperbolic)
    if hyperbolic:
        r = _radius(v)
        u = v / r
        along = (u * slope[:, 1:]).sum(axis=1, keepdims=True)
        across = slope[:, 1:] - u * along
        slope = (np.sinh(r) * slope[:, :1] + np.cosh(r) * along) * u + np.sinh(r) / r * across
    return loss, np.append(slope.ravel(), by_scale)


@njit(cache=True)
def _distance(x: np.ndarray, y: np.ndarray, hyperbolic: bool) -> tuple[float, float]:
    """The distance, and for hyperbolic points its slope by q, half of cosh d - 1."""
    if not hyperbolic:
        square = _TINY
        for k in range(len(x)):
            square += (x[k] - y[k]) ** 2
        return np.sqrt(square), 0.0
    q = x[0] * y[0] - 1.0
    for k in range(1, len(x)):
        q -= x[k] * y[k]
    q = max(0.5 * q, 0.0)
    # arcosh near 1 loses what its logarithm, so written, keeps.
    root = np.sqrt(q * (1 + q) + _TINY)
    return np.log1p(2 * (q + root)), 1 / root


@njit(cache=True)
def _distances(points: np.ndarray, hyperbolic: bool) -> np.ndarray:
    n = len(points)
    out = np.empty(n * (n - 1) // 2)
    at = 0
    for i in range(n):
        for j in range(i + 1, n):
            out[at] = _distance(points[i], points[j], hyperbolic)[0]
            at += 1
    return out


@njit(cache=True)
def _fused(points: np.ndarray, inverse: np.ndarray, scale: float, hyperbolic: bool) -> tuple[float, np.ndarray, float]:
    """mean (scale d / D - 1)^2, its slope by the coordinates of the points, and by the logarithm of the scale."""
    n, width = points.shape
    slope = np.zeros((n, width))
    loss, by_scale, at = 0.0, 0.0, 0
    factor = 2.0 * scale / len(inverse)
    for i in range(n):
        for j in range(i + 1, n):
            d, by_q = _distance(points[i], points[j], hyperbolic)
            error = scale * d * inverse[at] - 1
            loss += error * error
            pull = factor * error * inverse[at]
            by_scale += pull * d
            if hyperbolic:
                half = 0.5 * pull * by_q
                slope[i, 0] += half * points[j, 0]
                slope[j, 0] += half * points[i, 0]
                for k in range(1, width):
                    slope[i, k] -= half * points[j, k]
                    slope[j, k] -= half * points[i, k]
            else:
                for k in range(width):
                    part = pull * (points[i, k] - points[j, k]) / d
                    slope[i, k] += part
                    slope[j, k] -= part
            at += 1
    return loss / len(inverse), slope, by_scale
