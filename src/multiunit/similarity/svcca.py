"""SVCCA: mean canonical correlation of the principal directions of two systems."""

from __future__ import annotations

from typing import Any

from multiunit.core.method import method
from multiunit.similarity.canonical_correlation import canonical_correlation


@method(
    kind="similarity",
    source="arXiv:1706.05806",
    invariant=("rotation", "isotropic_scaling"),
    not_invariant=("linear",),
    symmetric=True,
    example=lambda rng: ((rng.normal(size=(40, 6)), rng.normal(size=(40, 8))), {}),
)
def svcca(x: Any, y: Any, *, keep: float = 0.99) -> float:
    """Compare the subspaces in which two systems vary most, whatever the size of the variance within them.

    SVCCA = mean_i rho_i, the canonical correlations of the principal directions that hold `keep` of the variance, over
    as many as the smaller of the two has. With `keep=1` this is mean canonical correlation, invariant to every
    invertible linear map.

    Args:
        x, y: `(presentation, unit)`, the same presentations; many more of them than units, or chance alone is high.
        keep: share of each system's variance.

    Returns:
        0 to 1.

    Raises:
        InputError: for shapes that do not fit, numbers that are not finite, a constant system, or a `keep` outside
            (0, 1].

    Source: Raghu et al. 2017, arXiv:1706.05806. Units are not scaled to equal variance first, as some users do.

    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(500, 3))
    >>> round(svcca(x, np.hstack([x[:, :2], x[::-1, 2:]])), 2)                   # two of three directions are shared
    0.67
    """
    return float(canonical_correlation(x, y, keep=keep).correlations.mean())
