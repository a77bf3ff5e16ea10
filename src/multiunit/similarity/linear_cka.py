"""Linear centred kernel alignment: whether two systems hold the same presentations alike."""

from __future__ import annotations

from typing import Any

import numpy as np

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.similarity.paired import paired


def unbiased_hsic(x: np.ndarray, y: np.ndarray) -> float:
    """Unbiased estimate of the Hilbert-Schmidt independence criterion of two linear kernels, without an n x n matrix.

    HSIC1 = [tr(K L) + (1'K1)(1'L1) / ((n-1)(n-2)) - 2 (1'KL1) / (n-2)] / (n(n-3)), K = XX' and L = YY' with zero
    diagonals: tr(K L) = ||X'Y||_F^2 - sum_i |x_i|^2 |y_i|^2 and K1 = X(X'1) - (|x_i|^2)_i. O(n p q).

    Args:
        x, y: `(presentation, unit)`, at least four presentations; need not be centred.

    Source: Song et al. 2012, Journal of Machine Learning Research 13; written out in feature space here.

    >>> x = np.random.default_rng(0).normal(size=(100_000, 1))
    >>> round(unbiased_hsic(x, 2 * x), 1)                                       # the squared covariance
    4.0
    """
    n = len(x)
    square_x, square_y = (np.einsum("ij,ij->i", v, v) for v in (x, y))
    rows_x, rows_y = x @ x.sum(axis=0) - square_x, y @ y.sum(axis=0) - square_y
    trace = np.sum((x.T @ y) ** 2) - square_x @ square_y
    both = rows_x.sum() * rows_y.sum() / ((n - 1) * (n - 2))
    return float((trace + both - 2 * (rows_x @ rows_y) / (n - 2)) / (n * (n - 3)))


@method(
    kind="similarity",
    source="kornblith2019",
    invariant=("rotation", "isotropic_scaling"),
    not_invariant=("linear",),
    symmetric=True,
    example=lambda rng: ((rng.normal(size=(40, 6)), rng.normal(size=(40, 8))), {}),
)
def linear_cka(x: Any, y: Any, *, debiased: bool = True) -> float:
    """Compare two systems as wholes: do they hold the same presentations near each other?

    CKA = HSIC(x, y) / sqrt(HSIC(x, x) HSIC(y, y)), with `unbiased_hsic`, or plain: ||X'Y||_F^2 / (||X'X||_F ||Y'Y||_F)
    for centred X, Y. The plain one goes to 1 for any two systems as units outnumber presentations.

    Args:
        x, y: `(presentation, unit)`, the same presentations.
        debiased: take the unbiased estimate; presentations that depend on each other (frames of one sound) still
            bias it.

    Returns:
        1 for systems that differ by rotation, shift and scale; near 0, also below it when debiased, for unrelated ones.

    Raises:
        InputError: for shapes that do not fit, numbers that are not finite, a constant system, or fewer than four
            presentations when debiased.

    Source: Kornblith et al. 2019, arXiv:1905.00414; debiased: Nguyen et al. 2021, arXiv:2010.15327.

    >>> x = np.random.default_rng(0).normal(size=(50, 3))
    >>> round(linear_cka(x, 2 * x[:, ::-1] + 1), 9), abs(linear_cka(x[::2], x[1::2])) < 0.3
    (1.0, True)
    """
    x, y = paired(x, y, least=4 if debiased else 2)
    # CKA does not depend on scale; equal scales keep squares of squares within range.
    x, y = x / np.linalg.norm(x), y / np.linalg.norm(y)
    if not debiased:
        return float(np.sum((x.T @ y) ** 2) / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y)))
    own_x, own_y = unbiased_hsic(x, x), unbiased_hsic(y, y)
    for name, own in (("x", own_x), ("y", own_y)):
        if own <= 1e-12:
            raise InputError(name, own, "its unbiased variance is not above 0; give more presentations")
    return unbiased_hsic(x, y) / float(np.sqrt(own_x * own_y))
