"""Localisation: how much of the likeness of two systems depends on their units, and not on any directions."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import ortho_group

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.similarity.max_correlation import max_correlation
from multiunit.similarity.paired import paired


def rotated(activity: Any, *, random_state: int | np.random.Generator = 0) -> np.ndarray:
    """The same activity in a random orthogonal basis: distances between presentations stay, single units go.

    >>> x = np.eye(3)
    >>> bool(np.allclose(rotated(x) @ rotated(x).T, x @ x.T))
    True
    """
    x = np.asarray(activity, dtype=np.float64)
    rng = np.random.default_rng(random_state)
    if x.shape[1] == 1:
        return x * rng.choice([-1.0, 1.0])
    return x @ ortho_group.rvs(x.shape[1], random_state=rng)


@method(
    kind="similarity",
    source="arXiv:2406.16099",
    invariant=("isotropic_scaling",),
    not_invariant=("rotation", "linear"),
    symmetric=False,
    example=lambda rng: ((rng.normal(size=(40, 6)), rng.normal(size=(40, 8))), {}),
)
def localisation(x: Any, y: Any, *, n_rotations: int = 5, random_state: int | np.random.Generator = 0) -> float:
    """How far units of x are matched by units of y beyond what arbitrary directions of y give.

    (m - m_rot) / (1 - m_rot): m = `max_correlation(x, y)`, m_rot its mean over random rotations of y.

    Args:
        x, y: `(presentation, unit)`, the same presentations.
        n_rotations: random orthogonal rotations of y.
        random_state: seed or generator of the rotations.

    Returns:
        1 if every unit has its double, 0 if units match no better than directions; below 0 if worse.

    Raises:
        InputError: for shapes that do not fit, numbers that are not finite, a constant system, no rotations, or a y of
            which any directions match x in full, as one unit does.

    Source: the index is ours; rotated baseline after Gurnee et al. 2024, arXiv:2401.12181.

    >>> x = np.random.default_rng(0).normal(size=(300, 8))
    >>> round(localisation(x, x[:, ::-1]), 9), abs(localisation(x, rotated(x, random_state=7))) < 0.2
    (1.0, True)
    """
    if n_rotations < 1:
        raise InputError("n_rotations", n_rotations, "must be at least 1")
    x, y = paired(x, y)
    rng = np.random.default_rng(random_state)
    turned = float(np.mean([max_correlation(x, rotated(y, random_state=rng)) for _ in range(n_rotations)]))
    if turned > 1 - 1e-9:
        raise InputError("y", y.shape, "any directions of y match x in full, so that units cannot match better")
    return (max_correlation(x, y) - turned) / (1 - turned)
