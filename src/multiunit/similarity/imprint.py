"""Imprinting: what any features would predict of one common task, without training a head."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from scipy.special import softmax
from sklearn.preprocessing import normalize

from multiunit.core.errors import InputError
from multiunit.core.method import method


@method(kind="population", source="arXiv:2210.17011", example=lambda rng: _example(rng))
def imprinted_predictions(
    features: Any,
    evaluated: Any,
    *,
    labels: Any,
    similarity: Literal["euclidean", "cosine"] = "euclidean",
    scale: float = 1.0,
) -> np.ndarray:
    """Put class means in the place of a head, so that networks trained on other labels predict the same ones.

    p(c | z) = softmax_c(-scale |z - m_c|^2), or softmax_c(scale cos(z, m_c)), with m_c the mean feature of class c.

    Args:
        features: `(presentation, unit)`, of labelled presentations.
        evaluated: `(sample, unit)`, the same units, to predict from; may be `features` themselves.
        labels: `(presentation,)`.
        similarity: `"euclidean"` or `"cosine"`.
        scale: inverse temperature. With 1 and distances, small features mean ignorance; cosines want about 10.

    Returns:
        Probabilities `(sample, class)`, classes sorted. Features of length 0 have cosine 0 with everything.

    Raises:
        InputError: for shapes that do not fit, numbers that are not finite, a single label or an unknown similarity.

    Source: Ramesh et al. 2023, arXiv:2210.17011, whose code takes squared distances and scale 1; cosines as in
    Qi et al. 2018, arXiv:1712.07136.

    >>> features = [[0.0, 1.0], [0.0, 3.0], [2.0, 0.0]]
    >>> imprinted_predictions(features, [[0.0, 2.0], [1.0, 1.0]], labels=["a", "a", "b"]).round(4).tolist()
    [[0.9997, 0.0003], [0.5, 0.5]]
    """
    z, new = (np.asarray(side, dtype=np.float64) for side in (features, evaluated))
    if z.ndim != 2 or new.ndim != 2 or z.shape[1] != new.shape[1] or not z.size or not new.size:
        raise InputError(
            "evaluated", (z.shape, new.shape), "needs (presentation, unit) and (sample, unit), the same units"
        )
    if not np.isfinite(z).all() or not np.isfinite(new).all():
        raise InputError("features", "NaN or infinity", "drop or fill what is missing first")
    names, code = np.unique(np.asarray(labels), return_inverse=True)
    if code.shape != z.shape[:1] or len(names) < 2:
        raise InputError("labels", np.shape(labels), f"needs one for each of {len(z)} presentations, two that differ")
    if not scale > 0 or similarity not in ("euclidean", "cosine"):
        raise InputError("similarity", (similarity, scale), "euclidean or cosine, at a scale above 0")
    member = np.eye(len(names))[code]
    means = member.T @ z / member.sum(axis=0)[:, None]
    if similarity == "euclidean":
        # |z|^2 is the same for all classes, and falls out of the softmax.
        logits = 2 * new @ means.T - (means**2).sum(axis=1)
    else:
        logits = normalize(new) @ normalize(means).T
    return np.asarray(softmax(scale * logits, axis=1))


def _example(rng: np.random.Generator) -> tuple[tuple[np.ndarray, np.ndarray], dict[str, Any]]:
    drawn = rng.normal(size=(24, 6))
    return (drawn[:16], drawn[16:]), {"labels": np.arange(16) % 3}
