import numpy as np
import pytest

from multiunit.circuits.fixed_point import FixedPointSTDP
from multiunit.circuits.graph_labels import graph_snn, spread_labels
from multiunit.core.errors import InputError


def cliques(n_cliques, size):
    """Cliques in a ring, each joined to the next by one edge."""
    n = n_cliques * size
    edges = np.kron(np.eye(n_cliques, dtype=int), np.ones((size, size), int)) - np.eye(n, dtype=int)
    for k in range(n_cliques):
        a, b = k * size, ((k + 1) % n_cliques) * size + 1
        edges[a, b] = edges[b, a] = 1
    return edges, np.repeat(np.arange(n_cliques), size)


@pytest.mark.parametrize("stdp", [None, FixedPointSTDP()])
def test_each_clique_gets_the_label_of_its_one_known_node(stdp):
    edges, truth = cliques(3, 6)
    labels = np.full(18, -1)
    labels[[2, 8, 14]] = truth[[2, 8, 14]]
    assert spread_labels(graph_snn(edges, labels, stdp=stdp), labels).tolist() == truth.tolist()
    swapped = np.where(labels >= 0, (labels + 1) % 3, -1)
    assert spread_labels(graph_snn(edges, swapped, stdp=stdp), swapped).tolist() == ((truth + 1) % 3).tolist()


def test_plasticity_strengthens_the_synapse_to_the_right_label_alone():
    edges, truth = cliques(3, 6)
    labels = np.full(18, -1)
    labels[[2, 8, 14]] = truth[[2, 8, 14]]
    network = graph_snn(edges, labels, stdp=FixedPointSTDP())
    given = np.zeros((20, network.n_neurons), int)
    given[::2, 9] = 1
    change = network.run(given).weights - network.weights
    assert change[9, 18:].argmax() == 1
    assert change[9, 19] > 0
    outside = np.ones_like(change, bool)
    outside[np.flatnonzero(labels < 0), 18:] = False
    assert not change[outside].any()


def test_bad_input_is_named():
    edges, truth = cliques(2, 4)
    with pytest.raises(InputError, match="adjacency"):
        graph_snn(np.triu(edges), truth)
    for labels in (truth[:3], np.full(8, -1), truth.astype(float)):
        with pytest.raises(InputError, match="labels"):
            graph_snn(edges, labels)
    with pytest.raises(InputError, match="n_steps"):
        spread_labels(graph_snn(edges, truth), truth, n_steps=0)
