"""Kernel CKA: whether two systems hold the same presentations near each other, by any measure of nearness."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.spatial.distance import pdist, squareform

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.similarity.paired import paired

Kernel = Callable[[np.ndarray], np.ndarray]


def rbf(activity: np.ndarray, *, bandwidth: float = 1.0) -> np.ndarray:
    """The Gaussian kernel exp(-|x_i - x_j|^2 / (2 sigma^2)) of all presentations, `(presentation, presentation)`.

    Args:
        activity: `(presentation, unit)`.
        bandwidth: sigma, as a multiple of the median distance of two presentations.

    Raises:
        InputError: for a bandwidth of 0 or below, or more than half of the presentations alike.

    >>> rbf(np.array([[0.0], [1.0], [2.0]])).round(3)[0].tolist()
    [1.0, 0.607, 0.135]
    """
    if not bandwidth > 0:
        raise InputError("bandwidth", bandwidth, "must be above 0")
    distance = pdist(activity)
    sigma = bandwidth * np.median(distance)
    if not sigma > 0:
        raise InputError("activity", activity.shape, "most presentations are alike; their median distance is 0")
    return squareform(np.exp(-((distance / sigma) ** 2) / 2)) + np.eye(len(activity))


@method(
    kind="similarity",
    source="kornblith2019",
    invariant=("rotation", "isotropic_scaling"),
    not_invariant=("linear",),
    symmetric=True,
    example=lambda rng: ((rng.normal(size=(40, 6)), rng.normal(size=(40, 8))), {}),
)
def kernel_cka(x: Any, y: Any, *, kernel: Kernel = rbf, debiased: bool = True) -> float:
    """Compare two systems by which presentations each holds near each other, far ones alike for a narrow kernel.

    CKA = HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L)), K_ij = k(x_i, x_j): HSIC debiased, or plain tr(K H L H) with H the
    centring matrix. Memory grows with the square of the presentations.

    Args:
        x, y: `(presentation, unit)`, the same presentations.
        kernel: centred activity -> `(presentation, presentation)`, symmetric; by default `rbf` at the median distance,
            another width by `functools.partial(rbf, bandwidth=0.5)`. Invariances are those of the kernel.
        debiased: take the unbiased estimate.

    Returns:
        1 for equal kernels; near 0, also below it when debiased, for unrelated ones.

    Raises:
        InputError: for shapes that do not fit, numbers that are not finite, a constant system, fewer than four
            presentations when debiased, or a kernel of another shape.

    Source: Kornblith et al. 2019, arXiv:1905.00414; debiased: Song et al. 2012, Journal of Machine Learning Research.

    >>> x = np.random.default_rng(0).normal(size=(50, 3))
    >>> round(kernel_cka(x, 2 * x[:, ::-1] + 1), 9), abs(kernel_cka(x[::2], x[1::2])) < 0.3
    (1.0, True)
    """
    matrices = []
    for name, side in zip("xy", paired(x, y, least=4 if debiased else 2), strict=True):
        matrix = np.asarray(kernel(side), dtype=np.float64)
        if matrix.shape != (len(side), len(side)) or not np.isfinite(matrix).all():
            raise InputError("kernel", (name, matrix.shape), f"needs finite numbers ({len(side)}, {len(side)})")
        matrices.append(_standardised(matrix, name, debiased))
    k, h = matrices
    hsic = gram_hsic if debiased else plain_hsic
    own_k, own_h = hsic(k, k), hsic(h, h)
    for name, own in (("x", own_k), ("y", own_h)):
        if own <= 1e-12 / len(k):
            raise InputError(name, own, "the variance of its kernel is not above 0; use another kernel")
    return hsic(k, h) / float(np.sqrt(own_k * own_h))


def _standardised(matrix: np.ndarray, name: str, debiased: bool) -> np.ndarray:
    """The kernel less a constant, and scaled, of neither of which CKA depends; a wide kernel is nearly constant."""
    largest, n = np.abs(matrix).max(), len(matrix)
    matrix = matrix - (matrix.sum() - np.trace(matrix)) / (n * (n - 1))
    if debiased:
        np.fill_diagonal(matrix, 0.0)  # which the estimate leaves out
    left = np.abs(matrix).max()
    if left <= 1e-14 * n * largest:
        raise InputError(name, float(left), "the variance of its kernel is not above 0; use another kernel")
    return np.asarray(matrix / left)


def gram_hsic(k: np.ndarray, h: np.ndarray) -> float:
    """Unbiased HSIC of two kernel matrices; `unbiased_hsic` is the same for linear kernels, in feature space.

    >>> x = np.random.default_rng(0).normal(size=(2000, 1))
    >>> round(gram_hsic(x @ x.T, 4 * x @ x.T), 0)                                # the squared covariance
    4.0
    """
    n = len(k)
    own_k, own_h = np.diag(k), np.diag(h)
    rows_k, rows_h = k.sum(axis=1) - own_k, h.sum(axis=1) - own_h
    trace = np.vdot(k, h) - own_k @ own_h
    both = rows_k.sum() * rows_h.sum() / ((n - 1) * (n - 2))
    return float((trace + both - 2 * (rows_k @ rows_h) / (n - 2)) / (n * (n - 3)))


def plain_hsic(k: np.ndarray, h: np.ndarray) -> float:
    """tr(K H L H) / (n - 1)^2 of two kernel matrices, H the centring matrix.

    >>> plain_hsic(np.eye(2), np.eye(2))
    1.0
    """
    centred = k - k.mean(axis=0) - k.mean(axis=1)[:, None] + k.mean()
    return float(np.vdot(centred, h) / (len(k) - 1) ** 2)
