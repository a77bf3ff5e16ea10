import networkx as nx
import numpy as np
import pytest
from scipy.linalg import solve_continuous_lyapunov

from multiunit.core.errors import InputError
from multiunit.learning.redundancy_bound import laplacian, redundancy_bound


@pytest.mark.parametrize("correlation", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("graph", [nx.cycle_graph(6), nx.star_graph(5), nx.complete_graph(6), nx.empty_graph(6)])
def test_errors_are_those_of_the_stationary_covariance(graph, correlation):
    n, coupling, noise, curvature = 6, 0.7, 1.3, np.array([0.4, 1.0, 2.5])
    adjacency = nx.to_numpy_array(graph)
    centroid = dispersion = 0.0
    for h in curvature:
        drift = -(h * np.eye(n) + coupling * nx.laplacian_matrix(graph).toarray())
        driving = noise**2 * ((1 - correlation) * np.eye(n) + correlation * np.ones((n, n)))
        covariance = solve_continuous_lyapunov(drift, -driving)
        centroid += covariance.mean()
        dispersion += np.trace(covariance) / n - covariance.mean()
    found = redundancy_bound(adjacency, curvature, coupling=coupling, noise=noise, correlation=correlation)
    assert np.allclose(found[:3], [centroid, dispersion, centroid + dispersion])
    assert found.dispersion <= found.bound + 1e-12


def test_the_bound_is_reached_all_to_all_and_not_on_a_ring():
    reached = redundancy_bound(1 - np.eye(8), 1.0, coupling=1.0, noise=1.0)
    assert np.isclose(reached.dispersion, reached.bound)
    ring = redundancy_bound(nx.to_numpy_array(nx.cycle_graph(8)), 1.0, coupling=1.0, noise=1.0)
    assert ring.dispersion < 0.8 * ring.bound


def test_a_single_learner_has_no_dispersion():
    assert redundancy_bound([[0.0]], 2.0, coupling=3.0, noise=1.0) == (0.25, 0.0, 0.25, 0.0)


def test_laplacian_is_that_of_networkx():
    graph = nx.gnp_random_graph(9, 0.4, seed=0)
    assert np.array_equal(laplacian(nx.to_numpy_array(graph)), nx.laplacian_matrix(graph).toarray())


@pytest.mark.parametrize("adjacency", [[[0, 1]], [[0, 1], [0, 0]], [[0, -1], [-1, 0]], [[0, np.nan], [np.nan, 0]]])
def test_a_graph_that_is_none_is_named(adjacency):
    with pytest.raises(InputError, match="adjacency"):
        laplacian(adjacency)


@pytest.mark.parametrize(
    "changes", [{"curvature": 0.0}, {"coupling": -1.0}, {"noise": np.inf}, {"correlation": 1.5}, {"curvature": np.nan}]
)
def test_numbers_out_of_range_are_named(changes):
    given = {"curvature": 1.0, "coupling": 1.0, "noise": 1.0, "correlation": 0.0} | changes
    with pytest.raises(InputError, match=next(iter(changes)) if "noise" not in changes else "coupling"):
        redundancy_bound(np.zeros((2, 2)), given.pop("curvature"), **given)
