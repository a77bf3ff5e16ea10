"""PWCCA: canonical correlations of two systems, weighted by what they mean to the first."""

from __future__ import annotations

from typing import Any

import numpy as np

from multiunit.core.method import method
from multiunit.similarity.canonical_correlation import canonical_correlation
from multiunit.similarity.paired import paired


@method(
    kind="similarity",
    source="arXiv:1806.05759",
    invariant=("isotropic_scaling",),
    not_invariant=("linear", "rotation"),
    symmetric=False,
    example=lambda rng: ((rng.normal(size=(40, 6)), rng.normal(size=(40, 8))), {}),
)
def pwcca(x: Any, y: Any, *, keep: float = 1.0) -> float:
    """Compare two systems by canonical correlations, weighted by what they carry of the first system's activity.

    PWCCA = sum_i alpha_i rho_i / sum_i alpha_i, alpha_i = sum_j |<h_i, x_j>|: h_i the canonical variates of x, x_j its
    units, centred. Any invertible linear map of y leaves it; the weights depend on the basis of x.

    Args:
        x, y: `(presentation, unit)`, the same presentations; the weights are of x, so that pwcca(y, x) differs.
        keep: share of each system's variance that enters the canonical correlations.

    Returns:
        0 to 1.

    Raises:
        InputError: for shapes that do not fit, numbers that are not finite, a constant system, or a `keep` outside
            (0, 1].

    Source: Morcos et al. 2018, arXiv:1806.05759, which takes the weights from the smaller system.

    >>> x = np.random.default_rng(0).normal(size=(500, 2)) * [10.0, 1.0]
    >>> round(pwcca(x, np.c_[x[:, 0], x[::-1, 1]]), 1)                        # the strong one of two units is shared
    0.9
    """
    found = canonical_correlation(x, y, keep=keep)
    correlations = found.correlations
    weights = np.abs(found.x_variates.T @ paired(x, y).x).sum(axis=1)
    return float(weights @ correlations / weights.sum())
