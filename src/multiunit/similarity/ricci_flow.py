"""Ricci flow on a graph: bridges stretch, clusters shrink, and cutting the long edges leaves communities."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, shortest_path
from scipy.spatial.distance import squareform

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.similarity.neighbour_graph import FLOOR
from multiunit.similarity.ollivier_ricci import checked_graph, edge_curvature


@method(kind="population", source="arXiv:1907.03993", example=lambda rng: ((_ring_of_cliques(),), {"n_iterations": 2}))
def ricci_flow(lengths: Any, *, alpha: float = 0.5, n_iterations: int = 10, step: float = 1.0) -> np.ndarray:
    """Let the lengths of a graph flow by its curvature.

    Again and again: w_xy <- (1 - step kappa_xy) d(x, y), kappa as in `ollivier_ricci` and d the shortest paths, both
    of the lengths so far; then all lengths are scaled to keep their sum.

    Args:
        lengths: `(pair,)`, condensed, 0 where there is no edge.
        alpha: of `ollivier_ricci`.
        n_iterations: how often.
        step: above 0, at most 1.

    Returns:
        `(pair,)`, the new lengths of the same edges; an edge that would vanish keeps a millionth of the mean.

    Raises:
        InputError: for numbers that are no such graph, or numbers out of range.

    Source: Ni, Lin, Luo & Gao 2019, Scientific Reports 9:9984, arXiv:1907.03993, which sets w from d, as here; their
    software sets it from w.

    >>> graph = np.kron(np.eye(2), 1 - np.eye(4))    # two cliques
    >>> graph[3, 4] = graph[4, 3] = 1.0    # and a bridge
    >>> flowed = squareform(ricci_flow(squareform(graph)))
    >>> flowed[3].round(2).tolist()
    [1.32, 1.32, 1.32, 0.0, 5.1, 0.0, 0.0, 0.0]
    """
    graph = checked_graph(lengths)
    if not 0 <= alpha < 1:
        raise InputError("alpha", alpha, "lies between 0 and below 1")
    if not 0 < step <= 1 or n_iterations < 1:
        raise InputError("step", (step, n_iterations), "needs a step above 0, at most 1, and one iteration or more")
    pairs = np.argwhere(np.triu(graph) > 0)
    x, y = pairs.T
    total = graph[x, y].sum()
    out = graph.copy()
    for _ in range(n_iterations):
        distance = shortest_path(csr_array(out), directed=False)
        length = (1.0 - step * edge_curvature(out, pairs, distance, alpha)) * distance[x, y]
        # An edge of length 0 would be no edge.
        length = np.maximum(length, FLOOR * total / len(pairs))
        out[x, y] = out[y, x] = length * (total / length.sum())
    return squareform(out, checks=False)


class Communities(NamedTuple):
    """The community of each node, `label (node,)`; and the scan: `cutoff (cut,)` and its `modularity (cut,)`."""

    label: np.ndarray
    cutoff: np.ndarray
    modularity: np.ndarray


@method(kind="population", source="arXiv:1907.03993", example=lambda rng: ((_ring_of_cliques(),), {}))
def cut_communities(lengths: Any) -> Communities:
    """Cut the longest edges, until what is left in one piece makes the best communities.

    For every length as cutoff: the connected parts of the edges up to it, and their modularity in the whole graph,
    Q = sum_c [L_c / m - (D_c / 2m)^2], all edges counting alike: m edges, L_c of them within c, D_c ends in c. The
    parts of largest Q are the communities; of equal ones those of the largest cutoff.

    Args:
        lengths: `(pair,)`, condensed, 0 where there is no edge; as a rule those of `ricci_flow`.

    Returns:
        `label`, numbered from 0, and the whole scan, from the largest cutoff, which cuts nothing, down.

    Raises:
        InputError: for numbers that are no such graph.

    Source: Ni et al. 2019, arXiv:1907.03993; that the cutoff is the one of best unweighted modularity is our choice.

    >>> graph = np.kron(np.eye(2), 1 - np.eye(4))
    >>> graph[3, 4] = graph[4, 3] = 2.0
    >>> cut_communities(squareform(graph)).label.tolist()
    [0, 0, 0, 0, 1, 1, 1, 1]
    """
    graph = checked_graph(lengths)
    x, y = np.nonzero(np.triu(graph))
    length, degree = graph[x, y], (graph > 0).sum(axis=1)
    cutoffs = np.unique(length)[::-1]
    labels, found = [], []
    for cutoff in cutoffs:
        label = connected_components(csr_array(np.where(graph <= cutoff, graph, 0.0)), directed=False)[1]
        ends = np.bincount(label, weights=degree)
        labels.append(label)
        found.append((label[x] == label[y]).mean() - float(ends @ ends) / (2 * len(x)) ** 2)
    # Rounding must not prefer the smaller of two cutoffs that leave the same parts.
    best = int(np.argmax(np.round(found, 12)))
    return Communities(labels[best].astype(np.int64), cutoffs, np.array(found))


def _ring_of_cliques() -> np.ndarray:
    graph = np.kron(np.eye(3), 1 - np.eye(4))
    for a, b in ((3, 4), (7, 8), (11, 0)):
        graph[a, b] = graph[b, a] = 1.5
    return squareform(graph)
