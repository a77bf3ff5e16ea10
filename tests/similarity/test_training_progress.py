"""The way from ignorance to truth."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from multiunit.core.errors import InputError
from multiunit.similarity.intensive_pca import bhattacharyya
from multiunit.similarity.training_progress import (
    reindexed,
    riemann_length,
    training_progress,
    trajectory_distance,
)

LABELS = np.array([0, 1, 2, 1, 0])


def geodesic(share, n_classes=4, labels=LABELS):
    """Predictions part of the way, by the tangent at ignorance and not by the formula of the code."""
    start, end = np.full(n_classes, n_classes**-0.5), np.eye(n_classes)[labels]
    angle = np.arccos(end @ start)[:, None]
    tangent = end - np.cos(angle) * start
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    return (np.cos(share * angle) * start + np.sin(share * angle) * tangent) ** 2


def test_progress_of_the_geodesic_is_the_way_covered():
    shares = np.linspace(0, 1, 9)
    assert training_progress([geodesic(s) for s in shares], LABELS) == pytest.approx(shares, abs=1e-7)


def test_progress_equals_a_search_over_the_distances_to_the_geodesic():
    p = np.random.default_rng(0).dirichlet(np.ones(4), size=(6, 5))
    p[:, np.arange(5), LABELS] += 0.4
    p /= p.sum(axis=2, keepdims=True)
    found = training_progress(p, LABELS)
    for model, progress in zip(p, found, strict=True):
        search = minimize_scalar(
            lambda t, model=model: bhattacharyya(model[None], geodesic(t)[None])[0, 0],
            bounds=(0, 1),
            method="bounded",
            options={"xatol": 1e-9},
        )
        assert progress == pytest.approx(search.x, abs=1e-5)
    assert 0.05 < found.min() < found.max() < 0.95


def test_models_beyond_the_ends_are_put_there():
    wrong = np.eye(4)[(LABELS + 1) % 4][None] * 0.9 + 0.025
    assert training_progress(wrong, LABELS).tolist() == [0.0]
    assert training_progress(np.eye(4)[LABELS][None], LABELS).tolist() == [1.0]
    # One sample whose truth is excluded keeps a model from the end.
    almost = np.eye(4)[np.where(np.arange(5) == 4, 1, LABELS)][None]
    assert 0.5 < training_progress(almost, LABELS)[0] < 0.99


def test_reindexing_gives_models_of_that_progress():
    shares = [0.1, 0.3, 0.25, 0.7]
    p = np.array([geodesic(s) for s in shares])
    progress = training_progress(p, LABELS)
    at = [0.1, 0.2, 0.28, 0.5, 0.7]
    found = reindexed(p, progress, at=at)
    # Between the second and third checkpoint progress falls back: 0.28 was passed before.
    assert np.allclose(found, [geodesic(s) for s in at], atol=1e-6)
    assert training_progress(found, LABELS) == pytest.approx(at, abs=1e-6)


def test_equal_checkpoints_are_interpolated_to_themselves():
    p = np.array([geodesic(0.3)] * 2)
    assert np.allclose(reindexed(p, [0.1, 0.9], at=0.5), p[:1])


def test_distance_of_trainings_does_not_see_how_fast_they_went():
    slow = np.array([geodesic(s) for s in np.linspace(0, 0.9, 40)])
    fast = np.array([geodesic(s) for s in (0.0, 0.2, 0.95)])
    same = trajectory_distance(slow, fast, labels=LABELS)
    assert same["progress"].values[[0, -1]] == pytest.approx([0.0, 0.9], abs=1e-6)
    assert same.max() < 1e-9
    other = fast.copy()
    other[:, :2] = fast[:, :2, ::-1]
    assert trajectory_distance(slow, other, labels=LABELS)[-1] > 0.02


def test_length_of_a_fine_geodesic_is_its_angle_and_detours_add():
    shares = np.linspace(0, 1, 400)
    p = np.array([geodesic(s) for s in shares])
    assert riemann_length(p) == pytest.approx(np.sqrt(2) * np.pi / 3, rel=1e-5)  # arccos(1/2)
    assert riemann_length(np.concatenate([p, p[::-1]])) == pytest.approx(2 * riemann_length(p))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda p: training_progress(p, LABELS[:4]), "one a sample"),
        (lambda p: training_progress(p, LABELS + 3), "0 to 3"),
        (lambda p: training_progress(p[0], LABELS), "model, sample, class"),
        (lambda p: training_progress(p * np.nan, LABELS), "probabilities"),
        (lambda p: reindexed(p, [0.2, 0.6], at=0.1), "0.2"),
        (lambda p: reindexed(p, [0.2, 0.6], at=0.61), "0.6"),
        (lambda p: reindexed(p, [0.2], at=0.2), "2 checkpoints"),
        (lambda p: riemann_length(p[:1]), "two checkpoints"),
        (lambda p: trajectory_distance(p[:1], p[1:], labels=LABELS), "both pass"),
    ],
)
def test_errors(call, words):
    with pytest.raises(InputError, match=words):
        call(np.array([geodesic(0.2), geodesic(0.6)]))
