"""Shape distance: how far apart two systems are once one is turned onto the other."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from scipy.linalg import lapack
from scipy.optimize import linear_sum_assignment

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.similarity.paired import paired

Group = Literal["orthogonal", "permutation"]
Metric = Literal["angular", "euclidean"]


@method(
    kind="similarity",
    source="arXiv:2110.14739",
    invariant=("rotation", "isotropic_scaling"),
    not_invariant=("linear",),
    symmetric=True,
    distance=True,
    example=lambda rng: ((rng.normal(size=(40, 6)), rng.normal(size=(40, 8))), {}),
)
def shape_distance(
    x: Any, y: Any, *, regularisation: float = 1.0, metric: Metric = "angular", group: Group = "orthogonal"
) -> float:
    """Measure how far apart two systems are when the best turn of one onto the other is made: a true distance.

    d = min_T |phi(X) - phi(Y) T|, or the angle arccos max_T <phi(X), phi(Y) T> / (|phi(X)| |phi(Y)|), over orthogonal
    or permutation matrices T; phi_a(X) = C X (a I + (1-a) (X'CX)^(-1/2)), C X centred. For orthogonal T the best
    overlap is ||phi(X)' phi(Y)||_*, the sum of singular values.

    Args:
        x, y: `(presentation, unit)`, the same presentations. The smaller system gets silent units until it has as many
            as the other; they change no overlap, and whitening leaves them silent, as it does all directions of no
            variance.
        regularisation: a; 1 is Procrustes distance, 0 allows every invertible linear map (canonical correlations).
        metric: `"angular"`, in radians, blind to the scale of each system at a = 1 and a = 0; or `"euclidean"`, which
            sees it unless a = 0.
        group: `"orthogonal"`: rotations and reflections; `"permutation"`: only the order of units is free.

    Returns:
        0 for equal shapes; angles reach pi/2 for unrelated systems (above it under permutations). The triangle
        inequality holds.

    Raises:
        InputError: for shapes that do not fit, numbers that are not finite, a constant system, or an unknown option.

    Source: Williams, Kunz, Kornblith and Linderman 2021, arXiv:2110.14739. Their code rescales phi to the variance of
    X, which angles cannot see; the equation does not.

    >>> x = np.random.default_rng(0).normal(size=(50, 3))
    >>> round(shape_distance(x, 2 * x[:, ::-1] + 1), 9)                            # the same shape
    0.0
    >>> round(shape_distance(x, 3 * x, metric="euclidean") / float(np.linalg.norm(x - x.mean(axis=0))), 9)
    2.0
    """
    one, other = (preshape(side, regularisation=regularisation, group=group) for side in paired(x, y))
    sizes = float(np.linalg.norm(one)), float(np.linalg.norm(other))
    return aligned_distance(one, other, cross=one.T @ other, sizes=sizes, metric=metric, group=group)


def preshape(centred: np.ndarray, *, regularisation: float, group: Group) -> np.ndarray:
    """phi of a centred system, `(presentation, direction)`; for orthogonal groups up to a rotation, in fewest columns.

    Args:
        centred: `(presentation, unit)`, each unit of mean 0.

    Raises:
        InputError: for a regularisation outside [0, 1] or an unknown group.

    >>> preshape(np.array([[3.0], [-3.0]]), regularisation=0.0, group="orthogonal").round(3).tolist()
    [[0.707], [-0.707]]
    """
    if not 0 <= regularisation <= 1:
        raise InputError("regularisation", regularisation, "from 0 (any linear map) to 1 (rotations only)")
    if group not in ("orthogonal", "permutation"):
        raise InputError("group", group, "must be 'orthogonal' or 'permutation'")
    if regularisation == 1:
        # More units than presentations: rotated, all that counts is in as many columns as there are presentations.
        wide = group == "orthogonal" and centred.shape[1] > len(centred)
        return np.asarray(np.linalg.qr(centred.T, mode="r")).T if wide else centred
    u, s, vt = np.linalg.svd(centred, full_matrices=False)
    kept = s > 1e-10 * s[0]
    whitened = u[:, kept] * (regularisation * s[kept] + 1 - regularisation)
    return np.asarray(whitened if group == "orthogonal" else whitened @ vt[kept])


def aligned_distance(
    x: np.ndarray, y: np.ndarray, *, cross: np.ndarray, sizes: tuple[float, float], metric: Metric, group: Group
) -> float:
    """The distance of two `preshape`s after the best alignment.

    Args:
        x, y: `(presentation, direction)`; missing directions count as 0.
        cross: X'Y, and
        sizes: |X| and |Y|, which who compares many has at hand.

    Raises:
        InputError: for an unknown metric.

    >>> x, y = np.eye(2), np.eye(2)[:, :1]
    >>> sizes = (2**0.5, 1.0)
    >>> round(aligned_distance(x, y, cross=x.T @ y, sizes=sizes, metric="euclidean", group="orthogonal"), 9)
    1.0
    """
    if metric not in ("angular", "euclidean"):
        raise InputError("metric", metric, "must be 'angular' or 'euclidean'")
    overlap = _overlap(cross, group)
    cosine = overlap / (sizes[0] * sizes[1])
    square = sizes[0] ** 2 + sizes[1] ** 2 - 2 * overlap
    # Of near neighbours these differences are mostly rounding; what is left after the turn is not.
    if metric == "angular":
        if cosine < 0.99:
            return float(np.arccos(max(cosine, -1.0)))
        left = _residual(x / sizes[0], y / sizes[1], cross, group)
        return float(2 * np.arcsin(min(left / 2, 1.0)))
    return float(np.sqrt(square)) if square > 0.02 * sizes[0] * sizes[1] else _residual(x, y, cross, group)


def nuclear_norm(matrix: np.ndarray) -> float:
    """The sum of singular values, to about 1e-10 of itself.

    Taken from the eigenvalues of M'M, in half the time, unless some are so small that rounding would be seen.

    >>> round(nuclear_norm(np.diag([3.0, -4.0])), 9)
    7.0
    """
    narrow = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
    square = _eigenvalues(narrow.T @ narrow)
    # Each eigenvalue is wrong by a rounding of the largest that falls on one of many directions; its root by that over
    # twice the root; and these errors cancel like random signs.
    rounding = np.finfo(float).eps * square[-1] / np.sqrt(len(square))
    roots = np.sqrt(np.maximum(square, rounding))
    if rounding > 0 and rounding / 2 * np.linalg.norm(1 / roots) <= 1e-10 * roots.sum():
        return float(roots.sum())
    return float(np.linalg.svd(narrow, compute_uv=False).sum())


def _eigenvalues(symmetric: np.ndarray) -> np.ndarray:
    """As `eigvalsh`, ascending, with the work space at which the reduction to three diagonals is fastest."""
    n = len(symmetric)
    if n == 1:
        return symmetric[0]
    _, diagonal, beside, _, failed = lapack.dsytrd(symmetric, lower=1, lwork=16 * n)
    values, failed_too = lapack.dsterf(diagonal, beside)
    if failed or failed_too:
        raise InputError("matrix", symmetric.shape, "its eigenvalues were not found; are all numbers finite?")
    return np.asarray(values)


def _overlap(cross: np.ndarray, group: Group) -> float:
    """The largest inner product <x, y T>."""
    if group == "permutation":
        return float(cross[linear_sum_assignment(cross, maximize=True)].sum())
    return nuclear_norm(cross)


def _residual(x: np.ndarray, y: np.ndarray, cross: np.ndarray, group: Group) -> float:
    """|x - y T| for the best T, by making the turn."""
    width = max(cross.shape)
    x, y = (np.pad(side, ((0, 0), (0, width - side.shape[1]))) for side in (x, y))
    cross = np.pad(cross, [(0, width - n) for n in cross.shape])
    if group == "permutation":
        return float(np.linalg.norm(x - y[:, linear_sum_assignment(cross, maximize=True)[1]]))
    u, _, vt = np.linalg.svd(cross)
    return float(np.linalg.norm(x - y @ (u @ vt).T))
