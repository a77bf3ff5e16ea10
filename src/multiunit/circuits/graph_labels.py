"""Labels spread over a graph by spikes: a neuron for each node, one for each label, and the most active label wins."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from multiunit.circuits.fixed_point import FixedPointSNN, FixedPointSTDP
from multiunit.core.errors import InputError

# A single spike brings a neighbour more than half of the way; a labelled node's makes its label spike at once.
_THRESHOLD, _EDGE, _LABEL, _UNKNOWN = 128, 80, 127, 16


def graph_snn(adjacency: np.ndarray, labels: np.ndarray, *, stdp: FixedPointSTDP | None = None) -> FixedPointSNN:
    """Neurons of the nodes, then of the labels; edges are synapses both ways, and a known node excites its label.

    A node without a label has a weak synapse to each label neuron; with `stdp` these change, and they alone.

    Args:
        adjacency: `(node, node)`, symmetric, true where there is an edge.
        labels: `(node,)` whole numbers from 0; -1 where it is not known.
        stdp: its `plastic` is set here.

    Returns:
        The network: 8-bit weights, thresholds 128, a leak of a quarter a step, a pause of 3 steps after a node's spike.

    Raises:
        InputError: for an adjacency that is not square and symmetric, or labels that do not fit or are all unknown.

    Source: reconstructed after NeuroCoreX, arXiv:2506.14138 (a neuron a node and a label, plastic synapses from nodes
    without labels); its numbers could not be read.

    >>> chain = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]])
    >>> graph_snn(chain, np.array([0, -1, 1])).weights[:, 3:].tolist()
    [[127, 0], [16, 16], [0, 127], [0, 0], [0, 0]]
    """
    edges, known = np.asarray(adjacency) != 0, np.asarray(labels)
    n = len(edges)
    if edges.shape != (n, n) or (edges != edges.T).any():
        raise InputError("adjacency", edges.shape, "needs (node, node), symmetric")
    if known.shape != (n,) or known.dtype.kind != "i" or known.min() < -1 or known.max() < 0:
        raise InputError("labels", known.shape, f"needs whole numbers from 0, or -1 for unknown, ({n},), some known")
    n_labels = int(known.max()) + 1
    weights = np.zeros((n + n_labels, n + n_labels), np.int64)
    weights[:n, :n] = _EDGE * edges
    weights[:n, n:] = np.where(known[:, None] < 0, _UNKNOWN, _LABEL * (known[:, None] == np.arange(n_labels)))
    plastic = np.zeros(weights.shape, bool)
    plastic[:n, n:] = known[:, None] < 0
    return FixedPointSNN(
        weights,
        threshold=np.repeat([_THRESHOLD, _LABEL], [n, n_labels]),
        leak_shift=2,
        refractory=np.repeat([3, 0], [n, n_labels]),
        v_reset=None,
        stdp=None if stdp is None else replace(stdp, plastic=plastic),
    )


def spread_labels(network: FixedPointSNN, labels: np.ndarray, *, n_steps: int = 20, every: int = 2) -> np.ndarray:
    """Stimulate each unlabelled node in a run of its own, and name the label neuron that spikes most.

    Equal counts go to the label that spiked first; where none spikes, the answer is label 0.

    Args:
        network: of `graph_snn`.
        labels: as given to it.
        n_steps: steps of a run.
        every: steps from one spike of the stimulated node to the next.

    Returns:
        `(node,)`: the labels given, and those found.

    Raises:
        InputError: if the labels do not fit the network, or there are no steps.

    >>> cliques = np.kron(np.eye(2, dtype=int), np.ones((4, 4), int)) - np.eye(8, dtype=int)
    >>> labels = np.array([0, -1, -1, -1, 1, -1, -1, -1])
    >>> spread_labels(graph_snn(cliques, labels), labels).tolist()
    [0, 0, 0, 0, 1, 1, 1, 1]
    """
    known = np.asarray(labels)
    n = len(known)
    if n >= network.n_neurons or n_steps < 1 or every < 1:
        raise InputError("labels", known.shape, f"does not fit {network.n_neurons} neurons; or n_steps, every below 1")
    found = known.copy()
    for node in np.flatnonzero(known < 0):
        given = np.zeros((n_steps, network.n_neurons), np.uint8)
        given[::every, node] = 1
        spikes = network.run(given).spikes[:, n:].astype(np.int64)
        first = np.where(spikes.any(0), spikes.argmax(0), n_steps)
        found[node] = np.argmax(spikes.sum(0) * (n_steps + 1) - first)
    return found
