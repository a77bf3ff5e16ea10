"""How alike RDMs are in every draw of conditions at once: draws as weights of pairs, second moments by one product."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.spatial.distance import squareform

from multiunit.core.errors import InputError
from multiunit.similarity.compare_rdms import By, n_conditions

# Products of pairs that are held at once, and draws that are worked on together.
_PRODUCTS, _DRAWS = 2**22, 64
WEIGHTED = ("pearson", "cosine", "whitened_cosine", "whitened_correlation")


class Likeness(NamedTuple):
    """By draw: of subjects to models `(draw, subject, model)`, and among subjects `(draw, subject, subject)`."""

    to_models: np.ndarray
    among: np.ndarray


def resampled_likeness(
    data_rdms: np.ndarray, model_rdms: np.ndarray, *, counts: np.ndarray, by: By = "pearson"
) -> Likeness:
    """`similarities` of subjects with models, and among subjects, in every draw of conditions.

    A condition drawn w_i times makes w_i w_j copies of the distance to condition j; the distance of a condition to its
    own copies is left out. So every sum over the pairs of a draw is one over the pairs there are, weighted by w_i w_j:
    <a, b> = sum_(i<j) w_i w_j a_ij b_ij, and those of all draws are one matrix product of weights and products.
    Pearson takes the weighted means off. Whitened forms take the covariance V = 2 I + N N' of all pairs of the draw:
    V^-1 = (I - N (2 I + N'N)^-1 N') / 2, where N'N is diagonal plus rank one if copies are taken together, so that
    2 a'V^-1 b = <a, b> - sum_i w_i f_i g_i / d_i + (sum_i w_i f_i / d_i)(sum_i w_i g_i / d_i) / (1 + sum_i w_i / d_i)
    with f_i = sum_(j != i) w_j a_ij, g_i the same of b, and d_i = 2 + sum_j w_j - 2 w_i.

    Args:
        data_rdms: `(subject, pair)`.
        model_rdms: `(model, pair)`.
        counts: `(draw, condition)`, how often each was drawn.
        by: `pearson`, `cosine`, `whitened_cosine` or `whitened_correlation`.

    Returns:
        NaN where a likeness is undefined, such as when a model says the same of all pairs of a draw.

    Source: the copies that are left out: Nili et al. 2014; the form with weights is ours.

    >>> a, b = np.array([[1.0, 2.0, 4.0]]), np.array([[1.0, 2.0, 5.0]])
    >>> once = resampled_likeness(a, b, counts=np.ones((1, 3)), by="cosine").to_models[0, 0, 0]
    >>> round(float(once), 6) == round(float((a @ b.T)[0, 0] / np.sqrt(21 * 30)), 6)
    True
    """
    if by not in WEIGHTED:
        raise InputError("by", by, f"has no form with weights; those that have: {', '.join(WEIGHTED)}")
    n_subjects, n_pairs = data_rdms.shape
    vectors = np.concatenate([data_rdms, model_rdms])
    centred = by in ("pearson", "whitened_correlation")
    # Likeness feels neither scale nor, where means go off, shift; numbers around 1 lose least to rounding.
    if centred:
        vectors = vectors - vectors.mean(axis=1, keepdims=True)
    vectors = vectors / np.maximum(np.sqrt((vectors**2).mean(axis=1, keepdims=True)), np.finfo(float).tiny)
    n = len(vectors)
    rows, columns = np.triu_indices(n)
    # Models are compared with themselves only.
    needed = (rows < n_subjects) | (rows == columns)
    rows, columns = rows[needed], columns[needed]
    weights = counts.astype(np.float64)
    i, j = np.triu_indices(n_conditions(n_pairs), 1)
    moments = np.zeros((len(weights), len(rows)))
    sums, total = np.zeros((len(weights), n)), np.zeros(len(weights))
    step = max(1, _PRODUCTS // max(len(rows), len(weights)))
    for start in range(0, n_pairs, step):
        part = slice(start, start + step)
        pairs = weights[:, i[part]] * weights[:, j[part]]
        some = vectors[:, part]
        moments += pairs @ (some[rows] * some[columns]).T
        sums += pairs @ some.T
        total += pairs.sum(axis=1)
    gram = np.zeros((len(weights), n, n))
    gram[:, rows, columns] = gram[:, columns, rows] = moments
    means = sums / np.maximum(total, 1.0)[:, None]
    if by == "pearson":
        gram -= means[:, :, None] * means[:, None, :] * total[:, None, None]
    elif by in ("whitened_cosine", "whitened_correlation"):
        shift = means if centred else np.zeros_like(means)
        if centred:
            gram -= means[:, :, None] * means[:, None, :] * total[:, None, None]
        squares = np.stack([squareform(vector) for vector in vectors])
        for start in range(0, len(weights), _DRAWS):
            draws = slice(start, start + _DRAWS)
            gram[draws] -= _shared(squares, weights[draws], shift[draws])
    own = np.einsum("bii->bi", gram)
    own = np.where(own > 1e-12 * np.maximum(total, 1.0)[:, None], own, np.nan)
    length = np.sqrt(own)
    return Likeness(
        gram[:, :n_subjects, n_subjects:] / (length[:, :n_subjects, None] * length[:, None, n_subjects:]),
        gram[:, :n_subjects, :n_subjects] / (length[:, :n_subjects, None] * length[:, None, :n_subjects]),
    )


def _shared(squares: np.ndarray, weights: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """What V^-1 takes off for the conditions that pairs share: `(draw, rdm, rdm)`, of RDMs less `shift`."""
    n_rdms, n, _ = squares.shape
    drawn = weights.sum(axis=1, keepdims=True)
    sums = (weights @ squares.transpose(1, 0, 2).reshape(n, -1)).reshape(len(weights), n_rdms, n)
    sums -= shift[:, :, None] * (drawn - weights)[:, None, :]
    d = 2 + drawn - 2 * weights
    share = weights / np.where(d > 0, d, np.nan)
    scaled = sums * share[:, None, :]
    along = scaled.sum(axis=2)
    rank_one = along[:, :, None] * along[:, None, :] / (1 + share.sum(axis=1))[:, None, None]
    return scaled @ sums.transpose(0, 2, 1) - rank_one
