import networkx
import numpy as np
from scipy.spatial.distance import squareform

from multiunit.papers.hyperbolic_geometry_toolkit import _grid, _paths, _tree, _worm


def test_smoke_scale_runs_and_only_the_tree_gains(smoke_claim):
    result = smoke_claim("hyperbolic-geometry-toolkit")
    assert result.measured["tree_ratio"] < result.control["grid_ratio"] - 0.2
    assert result.measured["tree_delta"] == 0
    assert result.measured["worm_delta"] > 0


def test_graphs_are_what_they_are_called():
    for found, graph in (
        (_tree(3, 2), networkx.balanced_tree(3, 2)),
        (_grid(5), networkx.convert_node_labels_to_integers(networkx.grid_2d_graph(5, 5))),
    ):
        np.testing.assert_array_equal(squareform(_paths(found)), networkx.floyd_warshall_numpy(graph))
    islands = np.zeros((5, 5))
    islands[0, 1] = islands[2, 3] = islands[3, 4] = 1.0
    assert _paths(islands).tolist() == [1, 2, 1]


def test_the_worm_has_its_neurons(shared_data, monkeypatch):
    monkeypatch.setenv("MULTIUNIT_DATA", str(shared_data("worm_connectome").parent))
    graph = _worm()
    assert graph.shape == (302, 302)
    assert (graph == graph.T).all()
    assert not np.diag(graph).any()
    assert 1500 < graph.sum() / 2 < 4000
