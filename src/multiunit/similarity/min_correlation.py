"""Minimum correlation: how well each unit of one system is matched in ALL of several others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.similarity.max_correlation import best_correlation


@method(
    kind="similarity",
    source="arXiv:2005.01172",
    invariant=("permutation", "isotropic_scaling"),
    not_invariant=("rotation", "linear"),
    symmetric=False,
    example=lambda rng: ((rng.normal(size=(40, 6)), [rng.normal(size=(40, 8)), rng.normal(size=(40, 5))]), {}),
)
def min_correlation(x: Any, others: Sequence[Any]) -> float:
    """Compare a system with several others unit by unit: is what a unit says said by a unit of every one of them?

    mean_i min_m max_j |corr(x_i, y_j of system m)|.

    Args:
        x: `(presentation, unit)`.
        others: one `(presentation, unit)` a system, the same presentations.

    Returns:
        0 to 1, at most the smallest `max_correlation` with one of the others.

    Raises:
        InputError: for no others, shapes that do not fit, numbers that are not finite, or a constant system.

    Source: `MinCorr` of Wu et al. 2020, arXiv:2005.01172, from their code, there used to rank units.

    >>> x = np.random.default_rng(0).normal(size=(400, 2))
    >>> others = [np.c_[x[:, 0], x[::-1, 1]], x]                 # the first unit recurs in both, the second in one
    >>> round(min_correlation(x, others), 1)
    0.5
    """
    if not len(others):
        raise InputError("others", "(none)", "give at least one other system")
    return float(np.min([best_correlation(x, y) for y in others], axis=0).mean())
