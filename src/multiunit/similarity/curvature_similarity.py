"""Curvature similarity: are the same presentations inside clusters, and the same between them, in two systems?"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import rankdata

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.similarity.neighbour_graph import neighbour_graph
from multiunit.similarity.ollivier_ricci import ollivier_ricci
from multiunit.similarity.paired import paired
from multiunit.similarity.rdm import Distance, rdm


@method(
    kind="similarity",
    source="arXiv:2501.00919",
    invariant=("permutation", "rotation", "reflection", "isotropic_scaling", "translation"),
    not_invariant=("linear",),
    symmetric=True,
    example=lambda rng: ((rng.normal(size=(40, 6)), rng.normal(size=(40, 8))), {}),
)
def curvature_similarity(x: Any, y: Any, *, distance: Distance = "euclidean", k: int = 8, alpha: float = 0.5) -> float:
    """The rank correlation, over presentations, of their curvature in the neighbour graphs of two systems.

    Curvature as in `ollivier_ricci`, of the graph that joins each presentation to its k nearest, every edge 1 long.
    Scales of clusters and distances between them drop out, which `rsa` is governed by.

    Args:
        x, y: `(presentation, unit)`, the same presentations.
        distance: of `rdm`.
        k: neighbours.
        alpha: of `ollivier_ricci`.

    Returns:
        1 for the same neighbours, around 0 for unrelated systems.

    Raises:
        InputError: for shapes that do not fit, numbers that are not finite, a constant system, too large a k, or a
            system in which all presentations have one curvature.

    Source: after Torbati et al. 2025, arXiv:2501.00919; reconstructed.

    >>> x = np.random.default_rng(0).normal(size=(60, 3))
    >>> round(curvature_similarity(x, 5 * x[:, ::-1] + 1), 9), abs(curvature_similarity(x, x[::-1])) < 0.4
    (1.0, True)
    """
    x, y = paired(x, y, least=3)
    return node_correlation(*(rdm(side, distance=distance) for side in (x, y)), k=k, alpha=alpha)


def node_correlation(a: np.ndarray, b: np.ndarray, *, k: int = 8, alpha: float = 0.5) -> float:
    """`curvature_similarity` of two RDMs, such as of judgements: `(pair,)` each."""
    ranks = []
    for name, one in (("x", a), ("y", b)):
        node = ollivier_ricci(np.sign(neighbour_graph(one, k=k)), alpha=alpha).node
        if np.ptp(node) < 1e-9:
            raise InputError(name, f"curvature {node[0]:.4g}", "all presentations have one curvature; lower k")
        # Nodes of equal neighbourhoods must not be told apart by rounding.
        ranks.append(rankdata(np.round(node, 9)))
    return float(np.corrcoef(*ranks)[0, 1])
