import builtins
from itertools import combinations

import numpy as np
import pytest
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import pdist, squareform

from multiunit.core import InputError
from multiunit.core.errors import MissingDependencyError
from multiunit.similarity.persistent_homology import (
    betti_area,
    betti_curve,
    compare_topology,
    persistence_diagrams,
    topological_distance,
    total_persistence,
)


@pytest.fixture
def points():
    return np.random.default_rng(0).normal(size=(14, 3))


def lives(diagram):
    """From the longest."""
    return np.sort(diagram[:, 1] - diagram[:, 0])[::-1]


def circle(n, rng, noise=0.05):
    angle = 2 * np.pi * np.arange(n) / n
    return np.c_[np.cos(angle), np.sin(angle)] + noise * rng.normal(size=(n, 2))


def by_reduction(d, max_dimension):
    """The standard algorithm: columns of the boundary matrix over the field of two elements, reduced one by one."""
    square = squareform(d)
    simplices = [
        (max((square[i, j] for i, j in combinations(s, 2)), default=0.0), k, s)
        for k in range(max_dimension + 2)
        for s in combinations(range(len(square)), k + 1)
    ]
    simplices.sort()
    place = {s: i for i, (_, _, s) in enumerate(simplices)}
    reduced, pairs, born = {}, [[] for _ in range(max_dimension + 1)], {}
    for i, (t, k, s) in enumerate(simplices):
        column = {place[face] for face in combinations(s, k)} if k else set()
        while column and max(column) in reduced:
            column ^= reduced[max(column)]
        if column:
            reduced[max(column)] = column
            birth, dimension = born.pop(max(column))
            if t > birth:
                pairs[dimension].append((birth, t))
        elif k <= max_dimension:
            born[i] = (t, k)
    for birth, dimension in born.values():
        pairs[dimension].append((birth, np.inf))
    return [np.array(sorted(one)).reshape(-1, 2) for one in pairs]


def test_diagrams_are_those_of_the_standard_algorithm():
    x = np.random.default_rng(0).normal(size=(22, 3))
    d = pdist(x / np.linalg.norm(x, axis=1, keepdims=True))  # a sphere has a void
    found = persistence_diagrams(d, max_dimension=2)
    expected = by_reduction(d, 2)
    assert min(map(len, found)) >= 1
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other)


def test_dissimilarities_need_not_be_distances_and_clusters_die_as_single_linkage_merges():
    d = np.random.default_rng(1).random(10 * 9 // 2) ** 3
    found, expected = persistence_diagrams(d, max_dimension=1), by_reduction(d, 1)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other)
    np.testing.assert_allclose(found[0][:-1, 1], np.sort(linkage(d, "single")[:, 2]))


def test_a_circle_has_one_loop_and_clusters_are_components():
    rng = np.random.default_rng(0)
    clusters, loops = persistence_diagrams(pdist(circle(40, rng)))
    assert lives(loops)[0] > 1
    assert len(loops) == 1 or lives(loops)[1] < 0.2
    assert lives(clusters)[1] < 0.5
    islands = np.concatenate([centre + 0.3 * rng.normal(size=(12, 2)) for centre in ([0, 0], [9, 0], [0, 9], [9, 9])])
    clusters = persistence_diagrams(pdist(islands))[0]
    assert betti_curve(clusters, radii=[0.0, 2.0, 20.0]).tolist() == [48, 4, 1]


def test_a_torus_has_two_loops_and_a_void():
    rng = np.random.default_rng(0)
    turn = 2 * np.pi * np.stack(np.meshgrid(np.arange(10), np.arange(10)), axis=-1).reshape(-1, 2) / 10
    turn += 0.05 * rng.normal(size=turn.shape)
    torus = np.c_[np.cos(turn), np.sin(turn)]
    _, loops, voids = persistence_diagrams(pdist(torus), max_dimension=2, cut=2.05)
    assert lives(loops)[1] > 1
    assert lives(loops)[2] < 0.5
    assert lives(voids)[0] > 0.7
    assert lives(voids)[1] < 0.2


def test_a_cut_leaves_what_is_below_it_and_open_ends_above():
    d = pdist([[0.0, 0.0], [3.0, 0.0], [3.0, 4.0], [0.0, 4.0]])
    clusters, loops = persistence_diagrams(d, cut=4.5)
    assert clusters[:, 1].tolist() == [3, 3, 4, np.inf]
    assert loops.tolist() == [[4, np.inf]]
    assert persistence_diagrams(d, cut=3.5)[0][:, 1].tolist() == [3, 3, np.inf, np.inf]
    assert persistence_diagrams(d, max_dimension=0)[0][:, 1].tolist() == [3, 3, 4, np.inf]


def test_few_presentations_and_presentations_held_the_same():
    assert [one.tolist() for one in persistence_diagrams([2.0])] == [[[0, 2], [0, np.inf]], []]
    same = persistence_diagrams(pdist([[0.0], [0.0], [1.0]]))
    assert [one.tolist() for one in same] == [[[0, 1], [0, np.inf]], []]


def test_curves_and_totals_are_counts_and_sums(points):
    diagrams = persistence_diagrams(pdist(points))
    t = np.r_[np.linspace(0, 5, 41), diagrams[1].ravel()]
    for bars in diagrams:
        expected = [sum(birth <= r < death for birth, death in bars) for r in t]
        assert betti_curve(bars, radii=t).tolist() == expected
    births, deaths = diagrams[1].T
    np.testing.assert_allclose(total_persistence(diagrams[1], power=1.5), np.sum((deaths - births) ** 1.5))
    assert total_persistence(np.empty((0, 2))) == 0
    assert betti_curve([], radii=[1.0]).tolist() == [0]


def test_the_area_is_that_of_a_fine_grid(points):
    other = np.random.default_rng(1).normal(size=(17, 3))
    t = (np.arange(200_000) + 0.5) / 200_000
    for dimension in (0, 1):
        first, second = (persistence_diagrams(pdist(x) / pdist(x).max())[dimension] for x in (points, other))
        grid = np.abs(betti_curve(first, radii=t) - betti_curve(second, radii=t)).mean()
        assert abs(compare_topology(pdist(points), pdist(other), dimension=dimension) - grid) < 1e-3
        assert betti_area(first, second) == betti_area(second, first) > 0


def test_bottleneck_and_wasserstein_of_one_feature_each():
    # Rectangles: one loop, from the longer side to the diagonal.
    a, b = (pdist([[0, 0], [w, 0], [w, h], [0, h]]) for w, h in ((3.0, 4.0), (5.0, 12.0)))
    bars = np.array([[4 / 5, 1.0], [12 / 13, 1.0]])
    to_diagonal = (bars[:, 1] - bars[:, 0]) / 2
    matched = abs(bars[0, 0] - bars[1, 0])
    assert abs(compare_topology(a, b, by="bottleneck") - min(matched, to_diagonal.max())) < 1e-9
    assert abs(compare_topology(a, b, by="wasserstein") - min(matched, to_diagonal.sum())) < 1e-5
    assert abs(compare_topology(a, b) - matched) < 1e-12
    # Without a loop there is the diagonal alone.
    line = pdist([[0.0], [1.0], [3.0]])
    assert abs(compare_topology(a, line, by="bottleneck") - to_diagonal[0]) < 1e-9


@pytest.mark.parametrize("by", ["betti", "bottleneck", "wasserstein"])
def test_turns_shifts_scale_and_order_change_nothing_and_stretching_does(by):
    rng = np.random.default_rng(0)
    x, y = circle(20, rng), rng.normal(size=(20, 4))
    turned = 7 * np.c_[x, np.zeros((20, 2))] @ np.linalg.qr(rng.normal(size=(4, 4)))[0] + 3
    assert topological_distance(x, rng.permutation(turned), by=by) < 1e-6
    there, back = topological_distance(x, y, by=by), topological_distance(y, x, by=by)
    assert abs(there - back) < 1e-5
    assert topological_distance(x, x * [1, 0.2], by=by) > 0.05
    assert there > 0.05


def test_rings_are_nearer_to_rings_than_to_clouds():
    rng = np.random.default_rng(0)
    rings = [pdist(circle(n, rng)) for n in (20, 24)]
    cloud = pdist(rng.normal(size=(20, 2)))
    for by in ("betti", "bottleneck", "wasserstein"):
        assert compare_topology(*rings, by=by) < compare_topology(rings[0], cloud, by=by) / 2


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: persistence_diagrams([1.0, 2.0]), "number of pairs"),
        (lambda: persistence_diagrams([1.0, np.nan, 2.0]), "NaN"),
        (lambda: persistence_diagrams([1.0, -1.0, 2.0]), "below 0"),
        (lambda: persistence_diagrams(np.ones((3, 3))), "as a vector"),
        (lambda: persistence_diagrams([]), "as a vector"),
        (lambda: persistence_diagrams([1.0], max_dimension=-1), "0 for clusters"),
        (lambda: persistence_diagrams([1.0], cut=0.0), "above 0"),
        (lambda: compare_topology([1.0], [0.0]), "b='all 0'"),
        (lambda: compare_topology([1.0], [1.0], by="landscape"), "none of betti"),
        (lambda: topological_distance([[0.0], [np.nan]], [[0.0], [1.0]]), "no observed unit"),
        (lambda: topological_distance([[0.0], [np.inf]], [[0.0], [1.0]]), "infinity"),
        (lambda: betti_curve([[1.0, 0.0]], radii=[0.5]), "before the birth"),
        (lambda: betti_curve([[0.0, 1.0]], radii=[np.nan]), "without NaN"),
        (lambda: total_persistence([[0.0, np.nan]]), "diagram"),
        (lambda: total_persistence([[0.0, 1.0]], power=0), "above 0"),
    ],
)
def test_errors_name_the_argument(call, named):
    with pytest.raises(InputError, match=named):
        call()


def test_without_gudhi_the_error_names_the_extra(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "gudhi":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingDependencyError, match=r"multiunit\[topology\]"):
        persistence_diagrams([1.0])
