"""The classifier against its equations, cell by cell and step by step."""

import numpy as np
import pytest

from multiunit.core import InputError
from multiunit.learning.symmetric_stdp_classifier import (
    SymmetricSTDPClassifier,
    _answer,
    _hidden,
    _teach,
    assigned_labels,
)

DECAY = 1 - 0.5 / 20


def hidden_by_hand(images, w, theta, n_steps, *, learn):
    """Every active input spikes in every step; traces are kept as they are. Gives a list of (step, cell) an image."""
    w, theta = w.copy(), theta.copy()
    n_in, n = w.shape
    spiked = []
    for image in images:
        if learn:
            w *= 0.1 * n_in / w.sum(axis=0)
        x, y = np.zeros(n_in), np.zeros(n)
        v, u = np.full(n, -65.0), np.full(n, -60.0)
        g, g_inhibited, g_u = np.zeros(n), np.zeros(n), np.zeros(n)
        rest, rest_u = np.zeros(n), np.zeros(n)
        events = []
        for t in range(n_steps):
            if t:
                x, y = x * DECAY, y * DECAY
            awake, awake_u = rest == 0, rest_u == 0
            v += awake * 0.5 / 100 * (-65 - v + g * (0 - v) + g_inhibited * (-100 - v))
            u += awake_u * 0.5 / 10 * (-60 - u + g_u * (0 - u))
            spike, spike_u = awake & (v > theta - 72), awake_u & (u > -40)
            rest, rest_u = np.maximum(rest - 1, 0), np.maximum(rest_u - 1, 0)
            v[spike], u[spike_u], rest[spike], rest_u[spike_u] = -65, -45, 4, 4
            g, g_u = g * np.exp(-0.5 / 1), g_u * np.exp(-0.5 / 1) + 10.4 * spike
            g_inhibited = g_inhibited * np.exp(-0.5 / 2) + 17 * (spike_u.sum() - spike_u)
            g += image @ w
            if learn:
                w = np.minimum(w + 0.005 * np.outer(image, y), 1)
                x += 0.1 * image
                w = np.minimum(w + 0.005 * np.outer(x, spike), 1)
                y += 0.1 * spike
                theta += spike * 0.07 * (20 - 10) / np.abs(theta - 10)
            events += [(t, int(i)) for i in np.flatnonzero(spike)]
        spiked.append(events)
        if learn:
            theta *= 1 - n_steps * 0.5 / 6e6
    return spiked, w, theta


@pytest.mark.parametrize("learn", [True, False])
def test_hidden_spikes_weights_and_thresholds_are_the_equations(learn):
    rng = np.random.default_rng(1)
    images = (rng.random((4, 12)) < 0.6).astype(float)
    w, theta = rng.uniform(0, 0.15, size=(12, 7)), rng.uniform(20, 22, size=7)
    spiked, w_after, theta_after = hidden_by_hand(images, w, theta, 300, learn=learn)
    assert min(map(len, spiked)) >= 5
    steps, cells, ends, counts = _hidden(images, w, theta, 300, learn, True, True, rng)
    pieces = np.split(np.stack([steps, cells], axis=1), ends[:-1])
    assert [list(map(tuple, piece.tolist())) for piece in pieces] == spiked
    assert len({cell for events in spiked for _, cell in events}) > 2
    np.testing.assert_allclose(w, w_after, rtol=1e-9)
    np.testing.assert_allclose(theta, theta_after, rtol=1e-12)
    assert counts.tolist() == [np.bincount([i for _, i in events], minlength=7).tolist() for events in spiked]


@pytest.mark.parametrize("at_presynaptic", [1.0, -1.0])
def test_teaching_is_the_rule_pair_by_pair(at_presynaptic):
    rng = np.random.default_rng(2)
    codes, n_steps = np.array([1, 0, 2]), 40
    events = [sorted({(int(t), int(i)) for t, i in rng.integers((n_steps, 5), size=(9, 2))}) for _ in codes]
    start = rng.uniform(0, 1, size=(5, 3))
    expected = start.copy()
    for label, shown in zip(codes, events, strict=True):
        expected *= 8 / 3 * 5 / expected.sum(axis=0)
        # The teacher spikes in every step; a pair in one step counts once, with the label's cell second.
        for t in range(n_steps):
            now = [i for step, i in shown if step == t]
            for i in now:
                trace = sum(0.1 * DECAY ** (t - s) for s in range(t))
                expected[i, label] = np.clip(expected[i, label] + at_presynaptic * 0.04 * trace, 0, 8)
            for i in range(5):
                trace = sum(0.1 * DECAY ** (t - s) for s, j in shown if j == i and s <= t)
                expected[i, label] = min(expected[i, label] + 0.04 * trace, 8)
    steps, cells = np.array([pair for shown in events for pair in shown], dtype=np.int32).T
    w = start.copy()
    _teach(
        steps.copy(),
        cells.copy(),
        np.cumsum([len(e) for e in events]),
        codes,
        w,
        n_steps,
        1.0,
        at_presynaptic,
        True,
        rng,
    )
    np.testing.assert_allclose(w, expected, rtol=1e-9)


def test_class_cells_answer_by_their_equation():
    rng = np.random.default_rng(3)
    steps = np.sort(rng.integers(200, size=60)).astype(np.int32)
    cells, w = rng.integers(4, size=60).astype(np.int32), rng.uniform(0, 6, size=(4, 3))
    v, g, counts = np.full(3, -60.0), np.zeros(3), np.zeros(3, dtype=int)
    for t in range(200):
        v = v + 0.5 / 10 * (-60 - v + g * (0 - v))
        g = g * np.exp(-0.5)
        counts += v > -40
        v[v > -40] = -45
        g = g + w[cells[steps == t]].sum(axis=0)
    assert counts.min() > 3
    assert _answer(steps, cells, np.array([60]), w, 200)[0].tolist() == counts.tolist()


def planted(rng, n):
    labels = rng.integers(3, size=n)
    return np.clip(0.8 * np.repeat(np.eye(3), 6, axis=1)[labels] + 0.2 * rng.random((n, 18)), 0, 1), labels


def test_planted_classes_are_learned_and_shuffled_ones_are_not():
    rng = np.random.default_rng(4)
    images, labels = planted(rng, 300)
    model = SymmetricSTDPClassifier(n_hidden=15, n_epochs=2, rate=600.0, duration=0.15).fit(images, labels + 5)
    new, truth = planted(rng, 60)
    assert model.classes_.tolist() == [5, 6, 7]
    assert (model.predict(new) == truth + 5).mean() > 0.9
    voted = assigned_labels(model.transform(images), labels, test_counts=model.transform(new))
    assert (voted == truth).mean() > 0.9
    hidden = model.hidden_weights_.copy()
    model.teach(rng.permutation(labels))
    assert (model.predict(new) == truth).mean() < 0.8
    np.testing.assert_array_equal(model.hidden_weights_, hidden)


def test_faint_images_are_shown_stronger_until_five_hidden_spikes():
    images = np.full((3, 18), 0.15)
    model = SymmetricSTDPClassifier(n_hidden=5, rate=600.0, duration=0.15).fit(images, [0, 1, 0])
    weak = _hidden(
        images * 600 * 5e-4 / 4,
        model.hidden_weights_,
        model.threshold_,
        300,
        False,
        True,
        True,
        np.random.default_rng(0),
    )
    assert (weak[3].sum(axis=1) >= 5).all()
    dark = model.transform(np.zeros((2, 18)))
    assert not dark.any()


def test_without_adaptation_and_scaling_both_stay():
    rng = np.random.default_rng(5)
    images, labels = planted(rng, 30)
    model = SymmetricSTDPClassifier(n_hidden=5, rate=600.0, duration=0.1, adaptive=False, scaling=False)
    model.fit(images, labels)
    assert (model.threshold_ == 20).all()
    sums = model.hidden_weights_.sum(axis=0)
    assert (sums >= 1.8 - 1e-9).all()
    assert sums.max() > 2
    assert model.hidden_weights_.max() <= 1
    assert model.class_weights_.max() <= 8


def test_votes_ignore_silent_cells_and_labels_without_cells():
    counts = np.array([[3, 0, 0], [1, 4, 0], [3, 1, 0]])
    found = assigned_labels(counts, np.array([2, 7, 9]), test_counts=np.array([[0, 2, 90], [5, 2, 0]]))
    assert found.tolist() == [7, 2]


def test_what_does_not_fit_is_refused():
    images, labels = planted(np.random.default_rng(0), 10)
    for wrong in ({"n_hidden": 1}, {"n_epochs": 0}, {"rate": 0.0}, {"duration": 1e-4}):
        with pytest.raises(InputError):
            SymmetricSTDPClassifier(**wrong)
    model = SymmetricSTDPClassifier(n_hidden=3, rate=600.0, duration=0.01)
    with pytest.raises(InputError, match="fit"):
        model.predict(images)
    with pytest.raises(InputError, match="fit"):
        model.teach(labels)
    with pytest.raises(InputError, match="labels"):
        model.fit(images, labels[:3])
    with pytest.raises(InputError, match="images"):
        model.fit(images * 2, labels)
    model.fit(images, labels)
    with pytest.raises(InputError, match="labels"):
        model.teach(labels[:3])
    with pytest.raises(InputError, match="images"):
        model.transform(images[:, :4])
    with pytest.raises(InputError, match="counts"):
        assigned_labels(np.zeros((2, 3)), np.array([0, 1]), test_counts=np.ones((1, 3)))


def test_inputs_spike_with_their_own_chances():
    # A weight of 30 makes the cell spike once for each spike of the one input that it takes.
    rng = np.random.default_rng(6)
    chances = np.repeat([[0.002, 0.5, 0.004, 0.0]], 10, axis=0)
    for pixel, chance in ((0, 0.002), (2, 0.004), (3, 0.0)):
        weights = np.zeros((4, 2))
        weights[pixel, 0] = 30.0
        counts = _hidden(chances, weights, np.full(2, 20.0), 20000, False, False, False, rng)[3]
        expected = 200000 * chance
        assert abs(counts[:, 0].sum() - expected * (1 - 6 * chance)) <= 4 * np.sqrt(expected)
