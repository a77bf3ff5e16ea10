import itertools

import networkx
import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

from multiunit.core import InputError
from multiunit.similarity.hyperbolicity import _quadruples, hyperbolicity


def shortest(graph):
    return squareform(networkx.floyd_warshall_numpy(graph))


def by_hand(full):
    found = []
    for a, b, c, d in itertools.combinations(range(len(full)), 4):
        sums = sorted([full[a, b] + full[c, d], full[a, c] + full[b, d], full[a, d] + full[b, c]])
        found.append((sums[2] - sums[1]) / 2)
    return np.mean(found), np.max(found), len(found)


@pytest.mark.parametrize("seed", range(3))
def test_all_quadruples_are_those_of_a_plain_loop(seed):
    rng = np.random.default_rng(seed)
    d = pdist(rng.normal(size=(14, 3))) if seed else rng.integers(1, 4, size=91).astype(float)
    found = hyperbolicity(d)
    mean, largest, n = by_hand(squareform(d))
    assert abs(found.mean - mean) < 1e-12
    assert abs(found.largest - largest) < 1e-12
    assert found.n == n
    assert abs(found.relative - 2 * largest / d.max()) < 1e-12


def test_a_tree_has_none_whatever_its_lengths_and_a_ring_a_quarter_of_its_length():
    tree = networkx.random_labeled_tree(25, seed=0)
    rng = np.random.default_rng(0)
    for edge in tree.edges:
        tree.edges[edge]["weight"] = rng.uniform(0.1, 3)
    assert hyperbolicity(shortest(tree)).largest < 1e-12
    assert hyperbolicity(shortest(networkx.cycle_graph(16))).largest == 4
    assert hyperbolicity(shortest(networkx.cycle_graph(16))).relative == 1
    # The corners of a grid.
    assert hyperbolicity(shortest(networkx.grid_2d_graph(5, 5))).largest == 4


def test_a_sample_estimates_the_mean_and_bounds_the_largest():
    d = pdist(np.random.default_rng(1).normal(size=(30, 2)))
    whole, some = hyperbolicity(d), hyperbolicity(d, n_samples=20_000)
    assert abs(some.mean / whole.mean - 1) < 0.05
    assert 0.7 * whole.largest < some.largest <= whole.largest
    assert some.n == 20_000
    assert some == hyperbolicity(d, n_samples=20_000)
    assert some != hyperbolicity(d, n_samples=20_000, random_state=1)


def test_quadruples_hold_four_different_points_each_as_often_as_any_other():
    drawn = _quadruples(6, 30_000, 0)
    ordered = np.sort(drawn, axis=1)
    assert (np.diff(ordered, axis=1) > 0).all()
    assert drawn.min() == 0
    assert drawn.max() == 5
    count = np.unique(ordered, axis=0, return_counts=True)[1]
    assert len(count) == 15
    assert np.abs(count / 2000 - 1).max() < 0.1


@pytest.mark.parametrize(
    ("values", "n_samples", "named"),
    [
        (np.ones(3), None, "four points"),
        (np.ones((4, 4)), None, "four points"),
        (np.ones(7), None, "number of pairs"),
        (-np.ones(6), None, "below 0"),
        (np.zeros(6), None, "all 0"),
        (np.full(6, np.nan), None, "NaN"),
        (np.ones(6), 0, "n_samples"),
    ],
)
def test_errors_name_the_argument(values, n_samples, named):
    with pytest.raises(InputError, match=named):
        hyperbolicity(values, n_samples=n_samples)
