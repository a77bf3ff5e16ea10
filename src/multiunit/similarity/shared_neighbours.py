"""Shared neighbours: how far two systems agree on which presentations are alike, near by."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from sklearn.neighbors import NearestNeighbors

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.similarity.paired import paired


@method(
    kind="similarity",
    source="arXiv:2405.07987",
    invariant=("rotation", "isotropic_scaling", "translation"),
    not_invariant=("linear",),
    symmetric=True,
    example=lambda rng: ((rng.normal(size=(40, 6)), rng.normal(size=(40, 8))), {}),
)
def shared_neighbours(x: Any, y: Any, *, k: int = 10, metric: Literal["euclidean", "cosine"] = "euclidean") -> float:
    """Compare the nearest neighbours that each presentation has in two systems: mutual k-nearest neighbours.

    mean_i |N_k(x_i) and N_k(y_i)| / k, N_k(x_i) the k presentations nearest to i in x, without i. Only the order of
    small distances counts.

    Args:
        x, y: `(presentation, unit)`, the same presentations.
        k: neighbours, fewer than presentations less one.
        metric: of centred activity. The source takes cosines of activity that is not centred.

    Returns:
        0 to 1; k / (n - 1) by chance for n presentations.

    Raises:
        InputError: for shapes that do not fit, numbers that are not finite, a constant system, or `k` out of range.

    Source: Huh, Cheung, Wang and Isola 2024, arXiv:2405.07987.

    >>> x = np.array([[0.0], [1.0], [10.0], [12.0]])
    >>> shared_neighbours(x, -x**3, k=1), shared_neighbours(x, [[0.0], [10.0], [1.0], [12.0]], k=1)
    (1.0, 0.0)
    """
    if metric not in ("euclidean", "cosine"):
        raise InputError("metric", metric, "must be 'euclidean' or 'cosine'")
    sides = paired(x, y)
    n = len(sides.x)
    if not 1 <= k < n - 1:
        raise InputError("k", k, f"needs 1 or more, and fewer than the {n - 1} other presentations")
    near = [
        NearestNeighbors(n_neighbors=k, metric=metric).fit(side).kneighbors(return_distance=False) for side in sides
    ]
    rows = np.arange(n)[:, None]
    member = np.zeros((n, n), dtype=bool)
    member[rows, near[0]] = True
    return float(member[rows, near[1]].mean())
