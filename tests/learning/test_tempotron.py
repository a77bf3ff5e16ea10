import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.learning.tempotron import Tempotron


def _kernel(t, tau, synapse):
    grid = np.linspace(0, 10 * tau, 100_001)
    return (np.exp(-t / tau) - np.exp(-t / synapse)) / (np.exp(-grid / tau) - np.exp(-grid / synapse)).max() * (t >= 0)


def test_peaks_are_those_of_a_sum_over_spikes():
    rng = np.random.default_rng(0)
    x = rng.random((5, 80, 4)) < 0.1
    neuron = Tempotron(n_epochs=1, tau=0.02, tau_synapse=0.005).fit(x, np.array([False, True, False, True, True]))
    t = np.arange(80) * 1e-3
    k = _kernel(t[:, None] - t, 0.02, 0.005)
    v = np.einsum("ts,nsj,j->nt", k, x, neuron.weight_)
    np.testing.assert_allclose(neuron.peaks(x), v.max(1), rtol=1e-5, atol=1e-8)
    assert (neuron.predict(x) == (v.max(1) >= 1)).all()


def test_one_error_moves_weights_by_what_was_felt_at_the_peak():
    x = np.random.default_rng(1).random((1, 50, 6)) < 0.08
    found = Tempotron(n_epochs=1, learning_rate=0.1, random_state=3).fit(x, np.array([True]))
    first = 0.01 * np.random.default_rng(3).normal(size=6)
    t = np.arange(50) * 1e-3
    psp = np.einsum("ts,sj->tj", _kernel(t[:, None] - t, 0.015, 0.00375), x[0])
    at = (psp @ first).argmax()
    np.testing.assert_allclose(found.weight_, first + 0.1 * psp[at], rtol=1e-5)
    assert found.tau_ == pytest.approx(0.015)


def test_parameters_climb_the_slope_of_the_peak():
    x = np.random.default_rng(1).random((1, 50, 6)) < 0.08
    same = {"n_epochs": 1, "random_state": 3, "parameter_rate": 0.5}
    found = Tempotron(learn_parameters=True, **same).fit(x, np.array([True]))
    first = 0.01 * np.random.default_rng(3).normal(size=6)
    t = np.arange(50) * 1e-3

    def peak(tau, synapse):
        return (np.einsum("ts,sj->tj", _kernel(t[:, None] - t, tau, synapse), x[0]) @ first).max()

    for learnt, start, grow in (
        (found.tau_, 0.015, lambda h: (0.015 * np.exp(h), 0.00375)),
        (found.tau_synapse_, 0.00375, lambda h: (0.015, 0.00375 * np.exp(h))),
    ):
        slope = (peak(*grow(1e-3)) - peak(*grow(-1e-3))) / 2e-3
        assert np.log(learnt / start) == pytest.approx(0.5 * slope, rel=0.02, abs=1e-5)
        assert abs(slope) > 1e-4


def test_order_of_spikes_is_learnt():
    rng = np.random.default_rng(0)
    y = rng.random(200) < 0.5
    x = np.zeros((200, 60, 4), bool)
    at = rng.integers(5, 40, size=200)
    n = np.arange(200)
    x[n, at, 0] = x[n, at + np.where(y, 2, 15), 1] = True
    x[n, rng.integers(60, size=200), 2] = True
    found = Tempotron(n_epochs=200, learning_rate=0.005).fit(x[:100], y[:100])
    assert (found.predict(x[100:]) == y[100:]).mean() > 0.9


def test_bad_input_is_named():
    with pytest.raises(InputError, match="tau_synapse"):
        Tempotron(tau=0.01, tau_synapse=0.02)
    with pytest.raises(InputError, match="spikes"):
        Tempotron().fit(np.zeros((3, 4, 2)), np.zeros(3, bool))
    with pytest.raises(InputError, match="wanted"):
        Tempotron().fit(np.zeros((3, 4, 2), bool), np.zeros(3, int))
