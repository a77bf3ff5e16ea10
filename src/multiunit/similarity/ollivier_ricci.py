"""Ollivier-Ricci curvature: whether the neighbourhoods of two neighbours are one, or joined by a bridge."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from scipy.sparse import csr_array
from scipy.sparse.csgraph import shortest_path
from scipy.spatial.distance import squareform

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.maths.transport_cost import least_cost
from multiunit.similarity.compare_rdms import n_conditions


class Curvature(NamedTuple):
    """Of each edge: its two nodes `pairs (edge, 2)` and curvature `edge (edge,)`; of each node: `node (node,)`."""

    pairs: np.ndarray
    edge: np.ndarray
    node: np.ndarray


@method(kind="population", source="ollivier2009", example=lambda rng: _example(rng))
def ollivier_ricci(lengths: Any, *, alpha: float = 0.5) -> Curvature:
    """Curvature of every edge and node of a graph.

    kappa_xy = 1 - W1(m_x, m_y) / d(x, y), d the length of the shortest path, m_x a share `alpha` at x and 1 - alpha in
    equal parts at its neighbours, W1 the exact cost of moving m_x into m_y. Above 0 where neighbourhoods overlap, as
    inside a cluster; 0 on a grid; below 0 on bridges and trees. The curvature of a node is the mean over its edges.

    With lengths other than 1, short edges tend to be curved down for being short, as W1 / d grows.

    Args:
        lengths: `(pair,)`, condensed, 0 where there is no edge, as `neighbour_graph` gives it; `squareform` makes it
            of a symmetric matrix.
        alpha: share that stays, from 0 to below 1.

    Returns:
        `pairs`, the smaller node first and in order, `edge` and `node`.

    Raises:
        InputError: for numbers that are no such graph, a node without edges, or another alpha.

    Source: Ollivier 2009, Journal of Functional Analysis 256; for graphs with alpha: Lin, Lu & Yau 2011.

    >>> ollivier_ricci([1.0, 1.0, 1.0]).edge.tolist()    # a triangle: 1/4 of the mass has to move by 1
    [0.75, 0.75, 0.75]
    >>> path = squareform(np.eye(5, k=1) + np.eye(5, k=-1))
    >>> ollivier_ricci(path).edge.tolist()
    [0.5, 0.0, 0.0, 0.5]
    """
    graph = checked_graph(lengths)
    if not 0 <= alpha < 1:
        raise InputError("alpha", alpha, "lies between 0 and below 1")
    pairs = np.argwhere(np.triu(graph) > 0)
    edge = edge_curvature(graph, pairs, shortest_path(csr_array(graph), directed=False), alpha)
    total = np.zeros(len(graph))
    for end in pairs.T:
        np.add.at(total, end, edge)
    return Curvature(pairs, edge, total / (graph > 0).sum(axis=1))


def edge_curvature(graph: np.ndarray, pairs: np.ndarray, distance: np.ndarray, alpha: float) -> np.ndarray:
    """`(edge,)`, without checks; `distance` holds the shortest paths."""
    first, neighbours = np.nonzero(graph)
    starts = np.searchsorted(first, np.arange(len(graph) + 1))
    return _curvature(pairs, starts, neighbours, distance, float(alpha))


def checked_graph(lengths: Any) -> np.ndarray:
    """`(node, node)` lengths of a graph in which every node has an edge, from condensed ones."""
    given = np.asarray(lengths, dtype=np.float64)
    if given.ndim != 1 or not given.size:
        raise InputError("lengths", given.shape, "needs all pairs of nodes, (pair,); squareform makes it of a matrix")
    n_conditions(given.size)
    if not np.isfinite(given).all() or (given < 0).any():
        raise InputError("lengths", "NaN, infinity or below 0", "needs finite lengths, and 0 where there is no edge")
    graph = squareform(given)
    alone = ~(graph > 0).any(axis=1)
    if alone.any():
        raise InputError("lengths", f"node {int(np.argmax(alone))}", "has no edge; join it or leave it out")
    return graph


@njit(cache=True)
def _curvature(
    pairs: np.ndarray, starts: np.ndarray, neighbours: np.ndarray, distance: np.ndarray, alpha: float
) -> np.ndarray:
    n = len(distance)
    surplus = np.zeros(n)
    out = np.empty(len(pairs))
    for e in range(len(pairs)):
        x, y = pairs[e]
        surplus[:] = 0.0
        for node, sign in ((x, 1.0), (y, -1.0)):
            surplus[node] += sign * alpha
            share = (1.0 - alpha) / (starts[node + 1] - starts[node])
            for at in range(starts[node], starts[node + 1]):
                surplus[neighbours[at]] += sign * share
        # With a metric as cost, what both measures hold at a node stays there.
        from_nodes, to_nodes = np.flatnonzero(surplus > 1e-14), np.flatnonzero(surplus < -1e-14)
        cost = np.empty((len(from_nodes), len(to_nodes)))
        for i in range(len(from_nodes)):
            for j in range(len(to_nodes)):
                cost[i, j] = distance[from_nodes[i], to_nodes[j]]
        moved = least_cost(surplus[from_nodes], -surplus[to_nodes], cost) if cost.size else 0.0
        out[e] = 1.0 - moved / distance[x, y]
    return out


def _example(rng: np.random.Generator) -> tuple[tuple[np.ndarray], dict[str, float]]:
    edges = np.triu(rng.random((9, 9)) * (rng.random((9, 9)) < 0.4), k=2) + np.eye(9, k=1)
    return (squareform(edges + edges.T),), {}
