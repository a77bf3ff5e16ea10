"""Relative representations, shared neighbours and stitching against loops, scikit-learn and planted answers."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import ortho_group
from sklearn.metrics.pairwise import cosine_similarity

from multiunit.core import InputError
from multiunit.similarity.relative_representation import (
    farthest_points,
    relative_representation,
    relative_similarity,
)
from multiunit.similarity.shared_neighbours import shared_neighbours
from multiunit.similarity.stitching import stitching


@pytest.fixture
def pair():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(80, 5)) * rng.uniform(0.2, 3, 5) + 4
    return x, np.tanh(x @ rng.normal(size=(5, 7))) + 0.3 * rng.normal(size=(80, 7))


def test_cosines_are_those_of_scikit_learn_and_of_the_anchors_alone(pair):
    x, _ = pair
    r = relative_representation(x, x[:9])
    np.testing.assert_allclose(r, cosine_similarity(x, x[:9]), atol=1e-12)
    np.testing.assert_allclose(np.diag(r[:9]), 1, atol=1e-12)
    turn = ortho_group.rvs(5, random_state=0)
    np.testing.assert_allclose(relative_representation(3 * x @ turn, 3 * x[:9] @ turn), r, atol=1e-12)
    assert np.abs(relative_representation(x + 1, x[:9] + 1) - r).max() > 0.01
    centred = relative_representation(x, x[:9], centre=True)
    np.testing.assert_allclose(relative_representation(x + 1, x[:9] + 1, centre=True), centred, atol=1e-12)
    np.testing.assert_allclose(centred, cosine_similarity(x - x[:9].mean(0), x[:9] - x[:9].mean(0)), atol=1e-12)
    assert relative_representation([[0.0, 0.0]], [[1.0, 0.0]]).tolist() == [[0.0]]


def test_similarity_is_the_mean_cosine_and_invariances_are_as_declared(pair):
    x, y = pair
    rows = np.random.default_rng(5).permutation(80)[:12]
    r, s = (cosine_similarity(z - z.mean(0), (z - z.mean(0))[rows]) for z in pair)
    expected = np.mean([a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in zip(r, s, strict=True)])
    found = relative_similarity(x, y, n_anchors=12, random_state=5)
    assert abs(found - expected) < 1e-12
    turn = ortho_group.rvs(7, random_state=0)
    assert abs(relative_similarity(x, 5 * y @ turn + 1, n_anchors=12, random_state=5) - found) < 1e-10
    stretched = y * np.geomspace(0.01, 1, 7)
    assert abs(relative_similarity(x, stretched, n_anchors=12, random_state=5) - found) > 0.02
    rng = np.random.default_rng(0)
    chance = [relative_similarity(x, rng.permutation(y), random_state=seed) for seed in range(20)]
    assert abs(np.mean(chance)) < 0.1 < relative_similarity(x, y)


def test_farthest_points_are_farthest_and_cover_better_than_chance(pair):
    x, _ = pair
    chosen = farthest_points(x, n=15, random_state=2)
    assert len(set(chosen)) == 15
    for step in range(1, 15):
        gaps = cdist(x, x[chosen[:step]]).min(axis=1)
        assert gaps[chosen[step]] == gaps.max()
    radius = cdist(x, x[chosen]).min(axis=1).max()
    rng = np.random.default_rng(0)
    at_random = [cdist(x, x[rng.permutation(80)[:15]]).min(axis=1).max() for _ in range(20)]
    assert radius < min(at_random)
    assert sorted(farthest_points(np.zeros((4, 2)), n=4)) == [0, 1, 2, 3]


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("k", [1, 5, 20])
def test_neighbours_are_counted_as_in_a_loop(pair, k, metric):
    near = []
    for side in pair:
        distance = cdist(side - side.mean(axis=0), side - side.mean(axis=0), metric)
        np.fill_diagonal(distance, np.inf)
        near.append(np.argsort(distance, axis=1)[:, :k])
    expected = np.mean([len(set(a) & set(b)) / k for a, b in zip(*near, strict=True)])
    assert abs(shared_neighbours(*pair, k=k, metric=metric) - expected) < 1e-12


def test_neighbours_of_strangers_are_shared_by_chance_and_those_of_copies_fully(pair):
    x, y = pair
    rng = np.random.default_rng(0)
    chance = np.mean([shared_neighbours(x, rng.permutation(y), k=8) for _ in range(60)])
    assert abs(chance - 8 / 79) < 0.01
    turn = ortho_group.rvs(7, random_state=0)
    assert shared_neighbours(y, 3 * y @ turn + 1) == 1
    assert shared_neighbours(x, y) == shared_neighbours(y, x)
    assert shared_neighbours(y, y * np.geomspace(0.01, 1, 7)) < 0.8


def test_a_map_is_fitted_on_one_part_and_judged_on_the_other(pair):
    x, y = pair
    rng = np.random.default_rng(1)
    readout = rng.normal(size=(7, 3))
    labels = (y @ readout).argmax(axis=1)
    found = stitching(x, y, head=lambda z: z @ readout, labels=labels, train_fraction=0.4, random_state=9)
    order = np.random.default_rng(9).permutation(80)
    train, test = order[:32], order[32:]
    with_one = np.c_[np.ones(80), x]
    mapped = with_one[test] @ np.linalg.lstsq(with_one[train], y[train], rcond=None)[0]
    assert abs(found - np.mean((mapped @ readout).argmax(axis=1) == labels[test])) < 1e-12
    bent = x @ rng.normal(size=(5, 5)) - 3
    again = stitching(bent, y, head=lambda z: z @ readout, labels=labels, train_fraction=0.4, random_state=9)
    assert abs(again - found) < 1e-12
    assert stitching(y @ rng.normal(size=(7, 7)), y, head=lambda z: z @ readout, labels=labels) == 1
    strangers = [
        stitching(rng.permutation(x), y, head=lambda z: z @ readout, labels=labels, random_state=n) for n in range(20)
    ]
    assert np.mean(strangers) < found - 0.1


def test_what_the_head_cannot_do_is_not_asked_of_the_other():
    x = np.random.default_rng(0).normal(size=(400, 2))
    labels = np.where(np.arange(400) % 4 < 3, x.argmax(axis=1), 1 - x.argmax(axis=1))  # the head is right in 3 of 4
    assert stitching(-x[:, ::-1], x, head=lambda z: z, labels=labels) == 1


def test_bad_input_is_named(pair):
    x, y = pair
    with pytest.raises(InputError, match="same units"):
        relative_representation(x, y)
    with pytest.raises(InputError, match="NaN"):
        relative_representation(x, np.full((2, 5), np.nan))
    with pytest.raises(InputError, match="n_anchors"):
        relative_similarity(x, y, n_anchors=0)
    with pytest.raises(InputError, match="80 presentations"):
        farthest_points(x, n=81)
    for wrong in ({"k": 79}, {"k": 0}, {"metric": "city"}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            shared_neighbours(x, y, **wrong)
    labels = np.zeros(80, dtype=int)
    with pytest.raises(InputError, match="train_fraction"):
        stitching(x, y, head=lambda z: z, labels=labels, train_fraction=1.0)
    with pytest.raises(InputError, match="never right"):
        stitching(x, y, head=lambda z: z, labels=labels - 1)
    with pytest.raises(InputError, match="head"):
        stitching(x, y, head=lambda z: z[0], labels=labels)
    with pytest.raises(InputError, match="one class number"):
        stitching(x, y, head=lambda z: z, labels=labels[1:])
