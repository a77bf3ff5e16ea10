"""Initial weights of low rank that are as large as those they come from."""

from __future__ import annotations

import numpy as np

from multiunit.core.errors import InputError


def low_rank_init(weights: np.ndarray, rank: int, *, keep_norm: bool = True) -> np.ndarray:
    """Keep the strongest `rank` terms of the singular value decomposition.

    W = sum_k s_k u_k v_k'; the first `rank` terms, times ||W||_F / ||those||_F, so that rank is not confounded with
    strength.

    Args:
        weights: `(to, from)` or the other way round; left alone.
        rank: terms to keep.
        keep_norm: whether to bring the Frobenius norm back to that of `weights`.

    Returns:
        Of the same shape.

    Raises:
        InputError: for a rank out of range, or weights that are not a finite matrix other than 0.

    Source: Liu, Baratin, Cornford, Mihalas, Shea-Brown & Lajoie, arXiv:2310.08513 (reconstructed, text not read).

    >>> found = low_rank_init(np.diag([4.0, 3.0]), 1)
    >>> found.round(9).tolist()
    [[5.0, 0.0], [0.0, 0.0]]
    """
    w = np.asarray(weights, dtype=float)
    if w.ndim != 2 or not np.isfinite(w).all() or not w.any():
        raise InputError("weights", w.shape, "needs a finite matrix that is not 0 throughout")
    if not 1 <= rank <= min(w.shape):
        raise InputError("rank", rank, f"must be 1 to {min(w.shape)}")
    u, s, v = np.linalg.svd(w, full_matrices=False)
    kept = (u[:, :rank] * s[:rank]) @ v[:rank]
    return kept * (np.linalg.norm(s) / np.linalg.norm(s[:rank])) if keep_norm else kept


def effective_rank(weights: np.ndarray) -> float:
    """How many singular values carry a matrix: (sum s)^2 / sum s^2, from 1 to the smaller side.

    Raises:
        InputError: for weights that are not a finite matrix other than 0.

    >>> effective_rank(np.diag([2.0, 2.0, 0.0]))
    2.0
    """
    w = np.asarray(weights, dtype=float)
    if w.ndim != 2 or not np.isfinite(w).all() or not w.any():
        raise InputError("weights", w.shape, "needs a finite matrix that is not 0 throughout")
    s = np.linalg.svd(w, compute_uv=False)
    return float(s.sum() ** 2 / (s**2).sum())
