"""Linear predictability: how well each unit of one system follows from all units of another together."""

from __future__ import annotations

from typing import Any

import numpy as np

from multiunit.core.method import method
from multiunit.similarity.paired import paired


@method(
    kind="similarity",
    source="arXiv:2406.16099",
    invariant=("permutation", "isotropic_scaling"),
    not_invariant=("rotation", "linear"),
    symmetric=False,
    example=lambda rng: ((rng.normal(size=(40, 6)), rng.normal(size=(40, 8))), {}),
)
def linear_predictability(x: Any, y: Any) -> float:
    """Compare two systems half way between units and wholes: is a unit of x some direction of y?

    mean_i |U_y' x_i| / |x_i|, the multiple correlation of unit i with all of y, with U_y an orthonormal basis of the
    centred y. Its square is R^2 on the presentations at hand, which is not corrected for the number of units of y. Any
    invertible linear map of y leaves it; the mean over units depends on the basis of x.

    Args:
        x, y: `(presentation, unit)`, the same presentations, many more than units of y.

    Returns:
        0 to 1; a constant unit of x counts as 0.

    Raises:
        InputError: for shapes that do not fit, numbers that are not finite, or a constant system.

    Source: `LinReg` of Wu et al. 2020, arXiv:2005.01172, and El Kheir et al. 2024, arXiv:2406.16099, from their code,
    which reports the correlation and not its square.

    >>> x = np.random.default_rng(0).normal(size=(200, 3))
    >>> round(linear_predictability(x[:, :2], x @ [[1.0, 1.0, 0.0], [0.0, 1.0, 2.0], [0.0, 0.0, 1.0]]), 9)
    1.0
    """
    x, y = paired(x, y)
    basis, size, _ = np.linalg.svd(y, full_matrices=False)
    basis = basis[:, size > 1e-10 * size[0]]
    norm = np.linalg.norm(x, axis=0)
    r = np.divide(np.linalg.norm(basis.T @ x, axis=0), norm, out=np.zeros_like(norm), where=norm > 0)
    return float(np.minimum(r, 1.0).mean())
