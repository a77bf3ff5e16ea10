"""Likeness of two RDMs beyond what others explain in both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from scipy.stats import rankdata

from multiunit.core.errors import InputError
from multiunit.core.method import method


@method(kind="matching", source="kriegeskorte2008", symmetric=True)
def partial_rsa(a: Any, b: Any, *, nuisance: Any, by: Literal["pearson", "spearman"] = "pearson") -> float:
    """The correlation of what is left of two RDMs after nuisance RDMs are regressed out of both.

    corr(a - Z Z^+ a, b - Z Z^+ b), Z a constant and the nuisance RDMs; `spearman` takes the ranks of all of them first.

    Args:
        a, b: `(pair,)`, as `rdm` gives them.
        nuisance: `(rdm, pair)`, one RDM, or a mapping from names to RDMs, such as those of pixels or of another model.
        by: Pearson or Spearman.

    Returns:
        The partial correlation, in -1 to 1.

    Raises:
        InputError: for RDMs that do not fit or are not finite, or an RDM of which the nuisance leaves nothing.

    >>> rng = np.random.default_rng(0)
    >>> shared, own = rng.normal(size=300), rng.normal(size=(3, 300))
    >>> a, b = shared + own[0], shared + own[1]
    >>> bool(np.corrcoef(a, b)[0, 1] > 0.4), abs(partial_rsa(a, b, nuisance=shared)) < 0.1
    (True, True)
    """
    if by not in ("pearson", "spearman"):
        raise InputError("by", by, "is neither 'pearson' nor 'spearman'")
    others = np.atleast_2d(
        np.array(list(nuisance.values()) if isinstance(nuisance, Mapping) else nuisance, dtype=np.float64)
    )
    first, second = _vector("a", a), _vector("b", b)
    if len(first) != len(second):
        raise InputError("b", second.shape, f"has not as many distances as a ({len(first)})")
    vectors = np.stack([first, second])
    if others.ndim != 2 or others.shape[1] != vectors.shape[1]:
        raise InputError("nuisance", others.shape, f"needs RDMs of {vectors.shape[1]} pairs")
    if not np.isfinite(others).all():
        raise InputError("nuisance", "NaN or infinity", "drop the presentations without distances first")
    if by == "spearman":
        vectors, others = rankdata(vectors, axis=1), rankdata(others, axis=1)
    left = residuals(vectors, others)
    length = np.linalg.norm(left, axis=1)
    centred = np.linalg.norm(vectors - vectors.mean(axis=1, keepdims=True), axis=1)
    for name, rest, whole in zip("ab", length, centred, strict=True):
        if rest <= 1e-8 * whole or whole == 0:
            raise InputError(name, float(rest), "the nuisance RDMs explain all of it")
    return float(left[0] @ left[1] / (length[0] * length[1]))


def residuals(rdms: np.ndarray, others: np.ndarray) -> np.ndarray:
    """What a constant and the other RDMs leave of each RDM, by least squares.

    >>> residuals(np.array([[1.0, 2.0, 5.0, 9.0]]), np.array([[0.0, 0.0, 1.0, 1.0]])).round(6).tolist()
    [[-0.5, 0.5, -2.0, 2.0]]
    """
    centred = rdms - rdms.mean(axis=1, keepdims=True)
    design = (others - others.mean(axis=1, keepdims=True)).T
    scale = np.linalg.norm(design, axis=0)
    design = design[:, scale > 0] / scale[scale > 0]
    return centred - (design @ np.linalg.lstsq(design, centred.T, rcond=None)[0]).T


def _vector(name: str, rdm: Any) -> np.ndarray:
    values = np.asarray(rdm, dtype=np.float64)
    if values.ndim != 1 or len(values) < 3:
        raise InputError(name, values.shape, "needs one RDM as a vector, three distances or more")
    if not np.isfinite(values).all():
        raise InputError(name, "NaN or infinity", "drop the presentations without distances first")
    return values
