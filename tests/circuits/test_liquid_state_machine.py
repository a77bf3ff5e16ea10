"""The liquid against its equations, dense and step by step."""

import numpy as np
import pytest

from multiunit.circuits.liquid_state_machine import LiquidStateMachine
from multiunit.core import InputError


def by_hand(liquid, images, n_steps, *, fade, keep):
    """Counts of inputs and liquid, and the last weights; every pixel is 0 or 1, so that nothing is drawn."""
    n_in, kind = liquid.n_inputs, liquid.kind
    start = liquid.weights_.toarray()
    wired = np.zeros(start.shape, dtype=bool)
    wired[liquid.weights_.nonzero()] = True
    low, high = np.array([-3.0, 0, -3])[kind][:, None], np.array([3.0, 3, 0])[kind][:, None]
    inhibitory = (kind == 2)[:, None]
    w, x = start.copy(), np.zeros(len(kind))
    counts = np.zeros((len(images), len(kind)), dtype=int)
    for row, image in enumerate(images):
        if not keep:
            w, x = start.copy(), np.zeros(len(kind))
        v, rest, since = np.zeros(len(kind)), np.zeros(len(kind)), np.full(len(kind), np.inf)
        a, depression, bias, gain = liquid.learning_rate, liquid.learning_rate, liquid.learning_rate, liquid.astrocyte
        for _ in range(n_steps):
            s = (v >= 20) & (rest <= 0)
            counts[row] += s
            v[s], since[s] = 0, 0
            v = v - v / 64
            v[n_in:] += np.exp(-since) @ w
            v[:n_in] += 100 * image
            since, rest = since + 1, np.where(s, 2, rest - 1)
            after = np.outer(x, s[n_in:])  # the receiver spikes
            before = np.outer(s, x[n_in:])
            change = np.where(inhibitory, a * before - depression * after, a * after - depression * before)
            w = np.where(wired, np.clip(w + change, low, high), 0)
            x = np.exp(-0.1) * (x + 0.1 * s)
            depression += (gain * (s[n_in:].sum() - s[:n_in].sum()) + bias - depression) / 100
            a, depression, bias, gain = a * fade, depression * fade, bias * fade, gain * fade
    return counts, w


def small(**more):
    return LiquidStateMachine(12, grid=(3, 4, 4), weight=3.0, random_state=1, **more)


IMAGES = np.random.default_rng(0).random((3, 12)) < 0.6


@pytest.mark.parametrize("more", [{}, {"astrocyte": 0.5}, {"astrocyte": -0.5}, {"astrocyte": 0.0}])
def test_states_and_weights_are_the_equations(more):
    liquid = small(**more)
    counts, last = by_hand(liquid, IMAGES, 60, fade=1.0, keep=True)
    assert counts[:, 12:].sum() > 50
    liquid.fit(IMAGES, duration=0.06)
    np.testing.assert_allclose(liquid.weights_.toarray(), last, atol=1e-10)
    counts, _ = by_hand(liquid, IMAGES, 80, fade=0.99, keep=False)
    learned = liquid.weights_.toarray()
    np.testing.assert_array_equal(liquid.transform(IMAGES, duration=0.08), counts[:, 12:])
    np.testing.assert_array_equal(liquid.weights_.toarray(), learned)
    spikes = liquid.spikes(IMAGES, duration=0.08)
    np.testing.assert_array_equal(np.concatenate(spikes, axis=1).sum(axis=2), counts)
    low = np.array([-3.0, 0, -3])[liquid.kind][:, None]
    assert (learned >= low).all()
    assert (learned <= low + np.array([6.0, 3, 3])[liquid.kind][:, None]).all()


def test_without_a_rate_nothing_is_learned():
    liquid = small(learning_rate=0.0, astrocyte=0.0)
    before = liquid.weights_.toarray()
    liquid.fit(IMAGES)
    np.testing.assert_array_equal(liquid.weights_.toarray(), before)
    counts, _ = by_hand(liquid, IMAGES, 80, fade=0.99, keep=False)
    np.testing.assert_array_equal(liquid.transform(IMAGES, duration=0.08), counts[:, 12:])


def test_pixels_are_probabilities():
    liquid = LiquidStateMachine(2, grid=(2, 2, 2))
    inputs = liquid.spikes(np.array([[0.05, 0.0]]), duration=20.0).inputs[0].sum(axis=1)
    # A pulse in one of the two resting steps waits for their end: 0.05 a step, less the chance that two fall together.
    assert inputs[1] == 0
    assert abs(inputs[0] - 20000 / (20 + 0.15)) < 4 * np.sqrt(1000)
    a, b = (liquid.spikes(np.full((1, 2), 0.3), random_state=seed).inputs for seed in (0, 1))
    assert (a != b).any()


def test_near_neurons_are_wired_as_the_peaks_say():
    liquid = LiquidStateMachine(50, grid=(8, 8, 8), random_state=3)
    square = ((liquid.place[:, None] - liquid.place[None]) ** 2).sum(axis=2)
    chance = np.exp(-square / 9)
    np.fill_diagonal(chance, 0)
    wired, kind = liquid.adjacency_.toarray(), liquid.kind[50:]
    assert (kind == 1).sum() == round(0.8 * 512)
    for a, b, peak in ((1, 1, 0.2), (1, 2, 0.1), (2, 1, 0.3), (2, 2, 0.05)):
        block = np.ix_(kind == a, kind == b)
        expected = peak * chance[block].sum()
        assert abs(wired[block].sum() - expected) < 5 * np.sqrt(expected)
    weights = liquid.weights_.toarray()
    assert abs((weights[:50] != 0).mean() - 0.15) < 0.02
    assert abs(weights[:50].sum()) < 5 * np.sqrt((weights[:50] != 0).sum())
    assert np.array_equal(np.sign(weights[50:]), wired * np.where(kind == 1, 1, -1)[:, None])


def test_what_does_not_fit_is_refused():
    for wrong in ({"grid": (1, 1, 1)}, {"weight": 4.0}, {"learning_rate": 0.0}, {"astrocyte": np.nan}):
        with pytest.raises(InputError):
            LiquidStateMachine(4, **wrong)
    liquid = LiquidStateMachine(4, grid=(2, 2, 2))
    with pytest.raises(InputError, match="images"):
        liquid.transform(np.zeros((2, 3)))
    with pytest.raises(InputError, match="images"):
        liquid.fit(np.full((2, 4), np.nan))
    with pytest.raises(InputError, match="images"):
        liquid.fit(np.full((2, 4), 1.5))
    with pytest.raises(InputError, match="duration"):
        liquid.fit(np.zeros((2, 4)), duration=1e-4)
