"""Intensive PCA: a map of models by what they predict, in which axes may count against distance."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from multiunit.core.errors import InputError
from multiunit.core.method import method

# Overlaps below this count as this, as in the authors' code: one sample on which two models exclude each other would
# otherwise put them infinitely far apart.
_LEAST_OVERLAP = 1e-9
# Of the overlaps held at a time.
_MAX_BYTES = 2**26


@method(kind="population", source="arXiv:2210.17011", example=lambda rng: _example(rng))
def bhattacharyya(x: Any, y: Any) -> np.ndarray:
    """How far apart models are by what they predict of the same samples.

    d(u, v) = -(1/N) sum_i log sum_c sqrt(u_ic v_ic). It is 0 for equal predictions, has no upper bound and is not a
    metric; an overlap (the inner sum) below 1e-9 counts as 1e-9, so that d is at most 20.7.

    Args:
        x, y: `(model, sample, class)`, probabilities of the same samples and classes. They are read a few samples at
            a time: memory maps and lazy arrays, of any float type, need not fit into memory. Sums over classes within
            0.01 of 1, as half precision leaves them, are brought to 1.

    Returns:
        `(model of x, model of y)`, 0 or above.

    Raises:
        InputError: for shapes that do not fit, or rows that are not probabilities.

    Source: Ramesh et al. 2023, arXiv:2210.17011; equation and floor from the authors' code.

    >>> found = bhattacharyya([[[0.5, 0.5]], [[1.0, 0.0]]], [[[0.5, 0.5]]])    # second: -log sqrt(1/2)
    >>> found.round(4).tolist()
    [[0.0], [0.3466]]
    """
    x, y = (side if hasattr(side, "shape") else np.asarray(side) for side in (x, y))
    if len(x.shape) != 3 or len(y.shape) != 3 or x.shape[1:] != y.shape[1:] or 0 in (*x.shape, *y.shape):
        raise InputError("y", (x.shape, y.shape), "x and y need (model, sample, class), the same samples and classes")
    n = x.shape[1]
    width = max(1, _MAX_BYTES // (8 * (len(x) * len(y) + (len(x) + len(y)) * x.shape[2])))
    total = np.zeros((len(x), len(y)))
    for start in range(0, n, width):
        first, second = (roots(side[:, start : start + width]).transpose(1, 0, 2) for side in (x, y))
        overlap = first @ second.transpose(0, 2, 1)
        total -= np.log(np.clip(overlap, _LEAST_OVERLAP, 1.0)).sum(axis=0)
    return total / n


def roots(predictions: Any) -> np.ndarray:
    """The square roots of probabilities `(..., class)`, checked and brought to length 1: points of a sphere.

    Raises:
        InputError: for numbers that are not finite, below 0, or that do not add to 1 within 0.01.

    >>> roots([[0.25, 0.75, 0.0]]).round(3).tolist()
    [[0.5, 0.866, 0.0]]
    """
    p = np.asarray(predictions, dtype=np.float64)
    total = p.sum(axis=-1, keepdims=True)
    if not np.isfinite(total).all() or (p < 0).any() or (np.abs(total - 1) > 0.01).any():
        raise InputError("predictions", p.shape, "needs probabilities, 0 or above, that add to 1 over the last axis")
    return np.sqrt(p / total)


@method(kind="population", source="arXiv:2210.17011", example=lambda rng: ((), {"n_components": 2}))
class IntensivePCA(BaseEstimator):
    """Embed models by their distances, and keep the axes along which distances come out negative.

    W = -1/2 L D L, L = I - 11'/T; of its eigenvalues, sorted by size whatever their sign, and eigenvectors, the
    coordinates are v_k sqrt(|lambda_k|), so that D_ij = sum_k sign(lambda_k) (x_ik - x_jk)^2 over all axes. A new model
    with distances d to the T old ones gets w_j = -1/2 (d_j - mean d - mean_i D_ij + mean D) and the coordinates
    sign(lambda_k) w.v_k / sqrt(|lambda_k|), which of an old model are those it has.

    Args:
        n_components: axes to keep.

    After `fit`: `embedding_ (model, component)`; `eigenvalues_ (model,)`, all of them; `explained_stress_ (model,)`,
    1 - sqrt(1 - sum_(j<=k) lambda_j^2 / sum_j lambda_j^2) of the first k axes, for every k.

    Raises:
        InputError: for distances that are not square, symmetric and finite, or all 0; for more axes than models.

    Source: Quinn et al. 2019, PNAS 116:13762; explained stress from the code of Ramesh et al. 2023, arXiv:2210.17011.
    Out-of-sample projection: Gower 1968.

    >>> x = np.array([0.0, 1.0, 3.0])
    >>> found = IntensivePCA(n_components=1).fit(np.subtract.outer(x, x) ** 2)    # squared distances of a line
    >>> abs(found.embedding_[:, 0]).round(3).tolist(), float(found.explained_stress_[0].round(3))
    ([1.333, 0.333, 1.667], 1.0)
    """

    def __init__(self, *, n_components: int = 3) -> None:
        self.n_components = n_components

    def fit(self, distances: Any, y: None = None) -> IntensivePCA:
        """Find the axes; `distances` is `(model, model)`, such as `bhattacharyya(x, x)`."""
        d = np.asarray(distances, dtype=np.float64)
        if d.ndim != 2 or d.shape[0] != d.shape[1] or not np.isfinite(d).all() or not np.allclose(d, d.T):
            raise InputError("distances", d.shape, "needs finite distances (model, model), the same both ways")
        if not d.any():
            raise InputError("distances", "all 0", "needs models that differ")
        if not 1 <= self.n_components <= len(d):
            raise InputError("n_components", self.n_components, f"from 1 to the {len(d)} models")
        self.column_mean_ = d.mean(axis=0)
        values, vectors = np.linalg.eigh(-0.5 * _centred(d, self.column_mean_))
        order = np.argsort(-np.abs(values), kind="stable")
        self.eigenvalues_, self.eigenvectors_ = values[order], vectors[:, order[: self.n_components]]
        share = np.cumsum(self.eigenvalues_**2) / np.sum(self.eigenvalues_**2)
        self.explained_stress_ = 1 - np.sqrt(np.clip(1 - share, 0.0, 1.0))
        self.embedding_ = self.eigenvectors_ * np.sqrt(np.abs(self.eigenvalues_[: self.n_components]))
        return self

    def transform(self, distances: Any) -> np.ndarray:
        """Place new models, `(new model, component)`, by their distances `(new model, model)` to those of `fit`."""
        d = np.asarray(distances, dtype=np.float64)
        if d.ndim != 2 or d.shape[1] != len(self.column_mean_) or not np.isfinite(d).all():
            raise InputError("distances", d.shape, f"needs finite distances to each of {len(self.column_mean_)} models")
        values = self.eigenvalues_[: self.n_components]
        if (np.abs(values) <= 1e-12 * np.abs(self.eigenvalues_[0])).any():
            raise InputError("n_components", self.n_components, "some axes are empty; keep fewer to place new models")
        w = -0.5 * _centred(d, self.column_mean_)
        return np.asarray(w @ self.eigenvectors_ * np.sign(values) / np.sqrt(np.abs(values)))


def _centred(d: np.ndarray, column_mean: np.ndarray) -> np.ndarray:
    return d - d.mean(axis=1, keepdims=True) - column_mean + column_mean.mean()


def _example(rng: np.random.Generator) -> tuple[tuple[np.ndarray, np.ndarray], dict[str, Any]]:
    drawn = rng.dirichlet(np.ones(4), size=(5, 30))
    return (drawn[:2], drawn[2:]), {}
