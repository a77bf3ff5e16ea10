"""Canonical correlations: how well the best-matching directions of two systems agree."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from multiunit.core.errors import InputError
from multiunit.similarity.paired import paired


class Canonical(NamedTuple):
    """`correlations(direction)`, descending, and the unit-length variates of x and y, `(presentation, direction)`."""

    correlations: np.ndarray
    x_variates: np.ndarray
    y_variates: np.ndarray


def canonical_correlation(x: Any, y: Any, *, keep: float = 1.0) -> Canonical:
    """Find the directions of two systems that correlate most, each uncorrelated with those before.

    With X = U_x S_x V_x' and Y = U_y S_y V_y' centred: U_x' U_y = P diag(rho) Q'; variates U_x P and U_y Q.

    Args:
        x, y: `(presentation, unit)`, the same presentations.
        keep: share of each system's variance to keep: the fewest principal directions that hold it. 1 keeps all
            but those of rounding.

    Raises:
        InputError: for shapes that do not fit, numbers that are not finite, a constant system, or a `keep` outside
            (0, 1].

    Source: Hotelling 1936; by singular values, Bjorck and Golub 1973.

    >>> x = np.random.default_rng(0).normal(size=(50, 2))
    >>> canonical_correlation(x, x @ [[1.0, 5.0], [0.0, 1.0]]).correlations.round(9).tolist()
    [1.0, 1.0]
    """
    if not 0 < keep <= 1:
        raise InputError("keep", keep, "a share of the variance above 0, at most 1")
    left, right = (_principal(side, keep) for side in paired(x, y))
    p, correlations, q = np.linalg.svd(left.T @ right, full_matrices=False)
    return Canonical(np.clip(correlations, 0, 1), left @ p, right @ q.T)


def _principal(centred: np.ndarray, keep: float) -> np.ndarray:
    """Orthonormal directions over presentations that hold the share `keep` of the variance."""
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    u, s = u[:, s > 1e-10 * s[0]], s[s > 1e-10 * s[0]]
    share = np.cumsum(s**2) / np.sum(s**2)
    return u[:, : 1 + np.searchsorted(share, keep - 1e-12)]
