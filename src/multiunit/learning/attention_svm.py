"""The support vector machine of an attention layer: the least weights that separate selected tokens from others."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import nnls

from multiunit.core.errors import InputError
from multiunit.core.method import method


class SeparationError(InputError):
    """No weights let attention prefer every selected token to all others of its sequence."""


class AttentionSVM(NamedTuple):
    """Args:
    weights: W, float64 `(feature of tokens, feature of queries)`.
    margins: by how much the score of the selected token exceeds each other's, `(sequence, token)`; 0 at the selected.
    multipliers: of the constraints, not negative, `(sequence, token)`; above 0 for support tokens only.
    """

    weights: np.ndarray
    margins: np.ndarray
    multipliers: np.ndarray


@method(kind="learning", source="arXiv:2308.16898")
def attention_svm(
    tokens: ArrayLike,
    queries: ArrayLike,
    *,
    selected: ArrayLike,
    norm: Literal["frobenius", "nuclear"] = "frobenius",
    tolerance: float = 1e-4,
) -> AttentionSVM:
    """Minimise ||W|| subject to (x_selected - x_t)' W z >= 1 for every other token t of every sequence.

    Frobenius: W = sum_k alpha_k C_k with C_k = (x_selected - x_t) z', and alpha >= 0 from the dual, which is a
    non-negative least squares problem, solved exactly. Nuclear (the sum of singular values): alternating directions
    between that projection and soft thresholding of singular values, until the primal, ||W||_*, and the dual,
    max sum_k alpha_k subject to ||sum_k alpha_k C_k||_op <= 1, agree.

    Args:
        tokens: x, `(sequence, token, feature)`.
        queries: z, `(sequence, feature)`; its features may be others than those of tokens.
        selected: which token of each sequence attention is to choose, `(sequence,)`.
        norm: of W.
        tolerance: relative gap between primal and dual at which the nuclear norm's search ends.

    Returns:
        AttentionSVM: the weights, exactly feasible for either norm, their margins and multipliers.

    Raises:
        SeparationError: where no W separates.
        InputError: for shapes that do not fit, tokens that do not exist, or a search that does not end.

    Source: Ataee Tarzanagh, Li, Thrampoulidis & Oymak, arXiv:2308.16898 (Att-SVM); least distance programming: Lawson &
    Hanson 1974, chapter 23.

    >>> found = attention_svm([[[1.0, 0.0], [0.0, 1.0]]], [[2.0, 0.0]], selected=[0])
    >>> found.weights.round(9).tolist(), found.margins.round(9).tolist()
    ([[0.25, 0.0], [-0.25, 0.0]], [[0.0, 1.0]])
    """
    x, z, chosen = np.asarray(tokens, float), np.asarray(queries, float), np.asarray(selected)
    if x.ndim != 3 or x.shape[1] < 2 or z.ndim != 2 or len(z) != len(x) or not len(x):
        raise InputError("queries", (x.shape, z.shape), "needs one for each sequence of two or more tokens")
    if not np.isfinite(x).all() or not np.isfinite(z).all():
        raise InputError("tokens", "not finite", "give finite tokens and queries")
    if chosen.shape != (len(x),) or chosen.dtype.kind not in "iu" or chosen.min() < 0 or chosen.max() >= x.shape[1]:
        raise InputError("selected", chosen.tolist(), f"needs a token, 0 to {x.shape[1] - 1}, for each sequence")
    if norm not in ("frobenius", "nuclear"):
        raise InputError("norm", norm, "must be frobenius or nuclear")
    sequence = np.arange(len(x))
    better = x[sequence, chosen][:, None] - x
    others = np.ones(x.shape[:2], dtype=bool)
    others[sequence, chosen] = False
    rows = (better[..., None] * z[:, None, None]).reshape(*others.shape, -1)[others]
    size = np.linalg.norm(rows, axis=1).max()
    if size == 0:
        raise SeparationError("selected", chosen.tolist(), "all tokens or queries are alike, so nothing separates them")
    # In units of the largest constraint, so that "inseparable" means the same for any scale of the features.
    rows, shape = rows / size, (x.shape[2], z.shape[1])
    _, reduced = np.linalg.qr(rows.T)
    flat, alpha = _nearest(rows, reduced, np.zeros(rows.shape[1]), chosen)
    if norm == "nuclear":
        flat, alpha = _nuclear(rows, reduced, flat, shape, chosen, tolerance)
    weights = flat.reshape(shape) / size
    multipliers = np.zeros(others.shape)
    multipliers[others] = alpha / (size**2 if norm == "frobenius" else size)
    return AttentionSVM(weights, np.einsum("nta,ab,nb->nt", better, weights, z), multipliers)


def _nearest(
    rows: np.ndarray, reduced: np.ndarray, point: np.ndarray, chosen: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The point next to `point` where rows w >= 1, and how much each row pushes: w = point + rows' alpha."""
    short = 1 - rows @ point
    scale = max(float(np.abs(short).max()), 1e-300)
    stacked = np.vstack([reduced, short / scale])
    target = np.zeros(len(stacked))
    target[-1] = 1
    u, residual = nnls(stacked, target, maxiter=100 * len(rows))
    if residual < 1e-6:
        raise SeparationError("selected", chosen.tolist(), "no weights separate these tokens from the others")
    alpha = scale * u / (1 - short @ u / scale)
    return point + rows.T @ alpha, alpha


def _nuclear(
    rows: np.ndarray,
    reduced: np.ndarray,
    start: np.ndarray,
    shape: tuple[int, int],
    chosen: np.ndarray,
    tolerance: float,
) -> tuple[np.ndarray, np.ndarray]:
    most = 5000
    values = np.linalg.svd(start.reshape(shape), compute_uv=False)
    step = values.mean()  # singular values are thresholded by this: the scale at which they differ
    feasible, force = start, np.zeros_like(start)
    for _ in range(most):
        u, s, v = np.linalg.svd((feasible - force).reshape(shape), full_matrices=False)
        low = ((u * np.maximum(s - step, 0)) @ v).ravel()
        feasible, push = _nearest(rows, reduced, low + force, chosen)
        force = force + low - feasible
        alpha = push / step
        alpha = alpha / max(1.0, np.linalg.norm((rows.T @ alpha).reshape(shape), 2))
        primal = np.linalg.svd(feasible.reshape(shape), compute_uv=False).sum()
        if primal - alpha.sum() <= tolerance * primal:
            return feasible, alpha
    raise InputError("tolerance", tolerance, f"is not reached in {most} steps; allow more")
