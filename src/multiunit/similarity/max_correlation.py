"""Maximum correlation: how well each unit of one system is matched by a single unit of another."""

from __future__ import annotations

from typing import Any

import numpy as np

from multiunit.core.method import method
from multiunit.similarity.paired import paired


def best_correlation(x: Any, y: Any) -> np.ndarray:
    """The largest absolute correlation of every unit of x with any unit of y, `(unit,)`; 0 for a constant unit.

    >>> best_correlation([[0.0, 1.0], [1.0, 1.0], [2.0, 1.0]], [[0.0], [-1.0], [-2.0]]).round(9).tolist()
    [1.0, 0.0]
    """
    sides = []
    for centred in paired(x, y):
        norm = np.linalg.norm(centred, axis=0)
        sides.append(np.divide(centred, norm, out=np.zeros_like(centred), where=norm > 0))
    return np.minimum(np.abs(sides[0].T @ sides[1]).max(axis=1), 1.0)


@method(
    kind="similarity",
    source="arXiv:2406.16099",
    invariant=("permutation", "isotropic_scaling"),
    not_invariant=("rotation", "linear"),
    symmetric=False,
    example=lambda rng: ((rng.normal(size=(40, 6)), rng.normal(size=(40, 8))), {}),
)
def max_correlation(x: Any, y: Any) -> float:
    """Compare two systems unit by unit: is what one unit says also said by a single unit of the other?

    mean_i max_j |corr(x_i, y_j)|.

    Args:
        x, y: `(presentation, unit)`, the same presentations.

    Returns:
        0 to 1; 1 if every unit of x has its double in y. Chance grows with the units of y.

    Raises:
        InputError: for shapes that do not fit, numbers that are not finite, or a constant system.

    Source: `MaxCorr` of Wu et al. 2020, arXiv:2005.01172, and El Kheir et al. 2024, arXiv:2406.16099, from their code.

    >>> x = np.random.default_rng(0).normal(size=(200, 5))
    >>> turned = x @ np.linalg.qr(np.random.default_rng(1).normal(size=(5, 5)))[0]
    >>> round(max_correlation(x, -3 * x[:, ::-1]), 9), max_correlation(x, turned) < 0.9
    (1.0, True)
    """
    return float(best_correlation(x, y).mean())
