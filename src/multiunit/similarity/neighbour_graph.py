"""The graph that joins every presentation to its nearest ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree
from scipy.spatial.distance import squareform

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.similarity.compare_rdms import n_conditions

# Length of an edge between presentations that are held the same, as a share of the mean: 0 is no edge.
FLOOR = 1e-6


@method(kind="population", source="arXiv:2501.00919", example=lambda rng: ((rng.random(28),), {"k": 2}))
def neighbour_graph(dissimilarity: Any, *, k: int = 8) -> np.ndarray:
    """Join two presentations if either is among the k nearest of the other, and parts by their shortest links.

    Parts that are left without a path are joined by those edges of the minimum spanning tree that lie between parts.
    Of equally near presentations the first come first.

    Args:
        dissimilarity: `(pair,)`, condensed as `rdm` gives it, none below 0.
        k: neighbours, from 1 to presentations - 1.

    Returns:
        `(pair,)`, condensed as well: the length of an edge is the dissimilarity, 0 is no edge, and pairs at
        dissimilarity 0 that are joined get a millionth of the mean. `np.sign` of it is the graph with edges of 1.

    Raises:
        InputError: for numbers that are no dissimilarities of all pairs, all of them 0, or a k out of range.

    Source: the graph of Torbati et al. 2025, arXiv:2501.00919, reconstructed; neighbours in either direction and the
    links between parts are our choice.

    >>> from multiunit.similarity.rdm import rdm
    >>> neighbour_graph(rdm([[0.0], [1.0], [5.0], [6.0]]), k=1).tolist()    # 1 and 5 are linked, to make it one
    [1.0, 0.0, 0.0, 4.0, 0.0, 1.0]
    """
    d = np.asarray(dissimilarity, dtype=np.float64)
    if d.ndim != 1 or not d.size:
        raise InputError("dissimilarity", d.shape, "needs the pairs of one RDM")
    n = n_conditions(d.size)
    if not np.isfinite(d).all() or (d < 0).any() or not d.any():
        raise InputError("dissimilarity", "NaN, infinity, below 0 or all 0", "needs distances, some above 0")
    if not 1 <= k < n:
        raise InputError("k", k, f"lies between 1 and {n - 1}, the other presentations")
    full = squareform(np.maximum(d, FLOOR * d.mean()))
    order = np.argsort(full + np.diag(np.full(n, np.inf)), axis=1, kind="stable")[:, :k]
    joined = np.zeros((n, n), dtype=bool)
    np.put_along_axis(joined, order, True, axis=1)
    joined |= joined.T
    part = connected_components(csr_array(joined), directed=False)[1]
    tree = minimum_spanning_tree(csr_array(full)).toarray() > 0
    links = tree & (part[:, None] != part)
    return np.where((joined | links | links.T)[np.triu_indices(n, 1)], squareform(full, checks=False), 0.0)
