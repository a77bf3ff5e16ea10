import networkx
import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.spatial.distance import squareform

from multiunit.core import InputError
from multiunit.similarity.ollivier_ricci import ollivier_ricci
from multiunit.similarity.ricci_flow import cut_communities, ricci_flow


def condensed(graph):
    return squareform(networkx.to_numpy_array(graph))


@pytest.fixture
def weighted():
    rng = np.random.default_rng(0)
    graph = networkx.connected_watts_strogatz_graph(14, 4, 0.4, seed=1)
    for a, b in graph.edges:
        graph[a][b]["weight"] = rng.uniform(0.5, 2)
    return graph


def curvature_by_linear_program(graph, alpha):
    distance = networkx.floyd_warshall_numpy(graph)
    n = len(graph)
    out = {}
    for x, y in graph.edges:
        measures = np.zeros((2, n))
        for one, node in zip(measures, (x, y), strict=True):
            one[node] = alpha
            one[list(graph[node])] = (1 - alpha) / graph.degree[node]
        margins = np.r_[np.kron(np.eye(n), np.ones(n)), np.kron(np.ones(n), np.eye(n))]
        cost = linprog(distance.ravel(), A_eq=margins, b_eq=measures.ravel(), method="highs").fun
        out[min(x, y), max(x, y)] = 1 - cost / distance[x, y]
    return out


@pytest.mark.parametrize("alpha", [0.0, 0.5, 0.8])
def test_curvature_is_that_of_linear_programs_and_a_node_has_the_mean(weighted, alpha):
    expected = curvature_by_linear_program(weighted, alpha)
    found = ollivier_ricci(condensed(weighted), alpha=alpha)
    assert found.pairs.tolist() == sorted(map(list, expected))
    np.testing.assert_allclose(found.edge, [expected[tuple(pair)] for pair in found.pairs], atol=1e-9)
    for node in weighted:
        mine = [value for pair, value in expected.items() if node in pair]
        assert abs(found.node[node] - np.mean(mine)) < 1e-9


@pytest.mark.parametrize("alpha", [0.0, 0.5])
def test_known_graphs(alpha):
    def edges(graph):
        return ollivier_ricci(condensed(graph), alpha=alpha).edge

    n = 7
    complete = 1 - abs(alpha - (1 - alpha) / (n - 1))
    np.testing.assert_allclose(edges(networkx.complete_graph(n)), complete)
    np.testing.assert_allclose(edges(networkx.cycle_graph(8)), 0, atol=1e-12)
    torus = networkx.grid_2d_graph(7, 7, periodic=True)
    np.testing.assert_allclose(edges(torus), 0, atol=1e-12)
    # Jost & Liu 2014: between inner nodes of a tree of degree d, (1 - alpha) (4 / d - 2).
    tree = networkx.balanced_tree(2, 4)
    found = {tuple(p): v for p, v in zip(*ollivier_ricci(condensed(tree), alpha=alpha)[:2], strict=True)}
    assert abs(found[1, 3] - (1 - alpha) * (4 / 3 - 2)) < 1e-12
    # From a leaf: a third of what moves is there already, and the rest goes two steps or, at alpha = 0, all goes one.
    assert abs(found[7, 15] - (1 / 3 if alpha else 0.0)) < 1e-12


def test_the_karate_club_has_the_curvatures_of_the_software_graphriccicurvature():
    found = ollivier_ricci(squareform(networkx.to_numpy_array(networkx.karate_club_graph(), weight=None)))
    published = {(0, 1): 0.111111, (0, 2): -0.143750, (0, 3): 0.041667, (0, 4): -0.114583, (32, 33): 0.267157}
    for pair, value in zip(found.pairs.tolist(), found.edge, strict=True):
        assert abs(published.get(tuple(pair), value) - value) < 1e-6
    assert set(published) <= set(map(tuple, found.pairs.tolist()))


def test_scale_drops_out_and_a_bridge_is_the_most_negative():
    graph = networkx.barbell_graph(5, 0)
    found = ollivier_ricci(condensed(graph))
    assert found.pairs[np.argmin(found.edge)].tolist() == [4, 5]
    assert found.edge.min() < 0 < np.sort(found.edge)[1]
    np.testing.assert_allclose(ollivier_ricci(3 * condensed(graph)).edge, found.edge, atol=1e-12)


@pytest.mark.parametrize("step", [1.0, 0.5])
def test_the_flow_is_its_equation_again_and_again(weighted, step):
    graph = weighted.copy()
    total = sum(d["weight"] for *_, d in graph.edges(data=True))
    for _ in range(2):
        curvature = curvature_by_linear_program(graph, 0.5)
        distance = networkx.floyd_warshall_numpy(graph)
        new = {pair: (1 - step * value) * distance[pair] for pair, value in curvature.items()}
        scale = total / sum(new.values())
        for (a, b), value in new.items():
            graph[a][b]["weight"] = value * scale
    found = ricci_flow(condensed(weighted), n_iterations=2, step=step)
    np.testing.assert_allclose(found, condensed(graph), atol=1e-8)


def test_planted_communities_are_found_and_a_rewired_graph_has_none():
    sizes = [9, 9, 9]
    graph = networkx.stochastic_block_model(sizes, np.full((3, 3), 0.04) + 0.76 * np.eye(3), seed=0)
    found = cut_communities(ricci_flow(condensed(graph)))
    truth = np.repeat(np.arange(3), sizes)
    assert len(np.unique(found.label)) == 3
    assert len(np.unique(found.label * 3 + truth)) == 3
    best = networkx.community.modularity(graph, [set(np.flatnonzero(found.label == c)) for c in range(3)])
    assert abs(found.modularity.max() - best) < 1e-12
    # Nothing is cut at the largest length, and the last cut leaves the shortest edge.
    assert abs(found.modularity[0]) < 1e-12
    assert (np.diff(found.cutoff) < 0).all()
    random = networkx.gnm_random_graph(27, graph.number_of_edges(), seed=0)
    assert cut_communities(ricci_flow(condensed(random))).modularity.max() < found.modularity.max() - 0.2


def test_an_edge_that_would_vanish_stays():
    flowed = ricci_flow([1.0], n_iterations=3)
    assert flowed.tolist() == [1.0]
    twins = ricci_flow(condensed(networkx.complete_graph(3)), alpha=1 / 3)
    np.testing.assert_allclose(twins, 1)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda g: ollivier_ricci(g, alpha=1.0), "alpha"),
        (lambda g: ollivier_ricci(squareform(g)), "squareform"),
        (lambda g: ollivier_ricci(-g), "below 0"),
        (lambda g: ollivier_ricci([1.0, 0.0, 0.0]), "node 2"),
        (lambda g: ricci_flow(g, step=0.0), "step"),
        (lambda g: ricci_flow(g, n_iterations=0), "step"),
        (lambda g: ricci_flow(g, alpha=-0.1), "alpha"),
        (lambda g: cut_communities([0.0, 0.0, 0.0]), "node 0"),
    ],
)
def test_errors_name_the_argument(weighted, call, named):
    with pytest.raises(InputError, match=named):
        call(condensed(weighted))
