"""Structural plasticity: weak synapses go, and others come in their place."""

from __future__ import annotations

import numpy as np

from multiunit.circuits.circuit import Circuit
from multiunit.core.errors import InputError


def rewire(
    circuit: Circuit,
    projection: str,
    *,
    below: float,
    weight: float,
    random_state: int | np.random.Generator = 0,
) -> int:
    """Give weak edges new targets; to be called between runs.

    Every edge with |weight| < `below` is taken away; its presynaptic unit gets one to a unit chosen at random among
    those that it does not reach yet, not itself, with the delay of the old one. So the number of edges a unit sends
    stays, and the number that it gets drifts.

    Args:
        circuit: changed in place.
        projection: made with `structural=True`.
        below: size under which an edge is weak.
        weight: of new edges.
        random_state: seed or generator.

    Returns:
        How many edges moved. Those of units that reach all others stay.

    Raises:
        InputError: for a projection that was not made for it, or numbers that do not fit.

    Source: the rule of DEEP R (Bellec et al. 2018, arXiv:1711.05136) without its noise; reconstructed.

    >>> from multiunit.circuits import EdgeList, Population, Projection
    >>> from multiunit.dynamics.izhikevich import izhikevich
    >>> edges = EdgeList([0, 0], [1, 2], weight=[0.1, 5.0])
    >>> circuit = Circuit([Population(4, izhikevich, name="cells")],
    ...                   [Projection("cells", "cells", connectivity=edges, into="current", structural=True)])
    >>> rewire(circuit, "cells->cells", below=1.0, weight=2.0), circuit.edges["cells->cells"].post.tolist()
    (1, [3, 2])
    >>> circuit.weights("cells->cells").tolist()
    [2.0, 5.0]
    """
    edges = circuit.changing_edges(projection)
    if not edges.projection.structural:
        raise InputError("projection", projection, "make it with structural=True, so that its edges may move")
    if not (below >= 0 and np.isfinite([below, weight]).all()):
        raise InputError("below", (below, weight), "needs a size that is not negative, and a finite weight")
    rng = np.random.default_rng(random_state)
    n_post = circuit.populations[edges.projection.post].n
    recurrent = edges.projection.pre == edges.projection.post
    moved = [np.empty(0, np.int64)]
    for unit in np.unique(edges.pre[np.abs(edges.weight) < below]):
        first, stop = edges.rows[unit, 0], edges.rows[unit, -1]
        weak = first + np.flatnonzero(np.abs(edges.weight[first:stop]) < below)
        free = np.setdiff1d(np.arange(n_post), edges.post[first:stop])
        free = free[free != unit] if recurrent else free
        weak = weak[: len(free)]
        edges.post[weak] = rng.choice(free, len(weak), replace=False)
        edges.weight[weak] = weight
        moved.append(weak)
    changed = np.concatenate(moved)
    circuit.rewired(projection, changed)
    return len(changed)
