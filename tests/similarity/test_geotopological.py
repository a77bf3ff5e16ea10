import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform
from scipy.stats import rankdata

from multiunit.core import InputError
from multiunit.similarity.geotopological import geodesic, geotopological


@pytest.fixture
def distances():
    return pdist(np.random.default_rng(0).normal(size=(12, 3)))


def by_entry(d, low, high):
    a, b = np.quantile(d, low), np.quantile(d, high)
    return [0.0 if v < a else 1.0 if v > b else (v - a) / (b - a) if b > a else 0.0 for v in d]


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.2, 0.8), (0.3, 0.3), (0.5, 0.5), (0.0, 0.02), (1.0, 1.0)])
def test_each_entry_is_bent_as_the_equation_says(distances, low, high):
    np.testing.assert_allclose(geotopological(distances, low=low, high=high), by_entry(distances, low, high))


def test_equal_quantiles_leave_a_graph_and_the_full_range_the_geometry(distances):
    graph = geotopological(distances, low=0.3, high=0.3)
    assert set(graph) == {0.0, 1.0}
    assert abs(graph.mean() - 0.7) < 1 / len(distances)
    assert abs(np.corrcoef(geotopological(distances, low=0.0, high=1.0), distances)[0, 1] - 1) < 1e-12


def test_each_rdm_has_quantiles_of_its_own_so_offset_and_scale_drop_out(distances):
    both = np.stack([distances, 5 * distances + 3])
    found = geotopological(both, low=0.1, high=0.6)
    np.testing.assert_allclose(found[0], found[1], atol=1e-12)
    np.testing.assert_allclose(found[0], geotopological(distances, low=0.1, high=0.6))
    pooled_low, pooled_high = np.quantile(both, [0.1, 0.6])
    pooled = np.clip((both - pooled_low) / (pooled_high - pooled_low), 0, 1)
    assert np.abs(found - pooled).max() > 0.3


def test_ranks_first_is_the_transform_of_the_authors_code(distances):
    ranks = (rankdata(distances) - 1) / (len(distances) - 1)
    expected = np.clip((ranks - 0.2) / 0.6, 0, 1)
    np.testing.assert_allclose(geotopological(rankdata(distances)), expected, atol=1e-12)


def floyd_warshall(matrix):
    d = matrix.copy()
    for k in range(len(d)):
        d = np.minimum(d, d[:, [k]] + d[[k], :])
    return d


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.2, 0.8), (0.1, 0.25), (0.15, 0.15), (0.02, 0.04)])
def test_geodesics_are_those_of_floyd_and_warshall_and_the_rest_is_capped_and_counted(distances, low, high):
    bent = geotopological(distances, low=low, high=high)
    full = squareform(np.where(bent < 1, bent, np.inf))
    expected = floyd_warshall(full)[np.triu_indices(12, 1)]
    apart = np.isinf(expected)
    expected[apart] = expected[~apart].max() + 1
    found = geodesic(bent)
    np.testing.assert_allclose(found.distance, expected, atol=1e-12)
    assert found.n_unreachable == apart.sum()


def test_the_way_round_a_ring_and_two_islands():
    angle = 2 * np.pi * np.arange(12) / 12
    ring = pdist(np.c_[np.cos(angle), np.sin(angle)])
    step = ring.min()
    around = geodesic(ring, cut=1.2 * step)
    assert around.n_unreachable == 0
    np.testing.assert_allclose(squareform(around.distance)[0, [1, 3, 6, 9]], step * np.array([1, 3, 6, 3]))
    islands = geodesic(pdist([[0.0], [1.0], [2.0], [90.0], [91.0]]), cut=1.5)
    assert islands.n_unreachable == 6
    assert islands.distance[0] == 1
    assert islands.distance.max() == 3.5


def test_presentations_held_the_same_are_neighbours():
    twice = pdist([[0.0], [0.0], [1.0], [2.0]])
    found = squareform(geodesic(twice, cut=1.5).distance)
    np.testing.assert_allclose(found[0], [0, 0, 1, 2])


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: geotopological([]), "one pair or more"),
        (lambda: geotopological([0.0, np.nan]), "NaN"),
        (lambda: geotopological([0.0, 1.0], low=0.8, high=0.2), "low <= high"),
        (lambda: geodesic([0.0, 1.0]), "number of pairs"),
        (lambda: geodesic([0.0, -1.0, 1.0]), "0 or more"),
        (lambda: geodesic([2.0, 3.0, 4.0]), "leaves no neighbours"),
    ],
)
def test_errors_name_the_argument(call, named):
    with pytest.raises(InputError, match=named):
        call()
