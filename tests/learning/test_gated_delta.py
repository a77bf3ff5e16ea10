import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.learning.gated_delta import GatedDeltaReadout


def test_a_trial_is_that_of_the_equations_written_out():
    rng = np.random.default_rng(0)
    readout = GatedDeltaReadout(5, 3, when_rate=0.3, what_rate=0.2)
    when, what = np.zeros(5), np.zeros((5, 3))
    for _ in range(4):
        r, outcomes, gate = rng.normal(size=(7, 5)), rng.random((7, 3)), rng.choice([0.0, 1.0, -1.0], 7)
        for x, o, g in zip(r, outcomes, gate, strict=True):
            when = when + 0.3 * g * (o.sum() / 3 - x @ when) * x / (x @ x)
        for x, o, g in zip(r, outcomes, gate, strict=True):
            error = o - x @ (when[:, None] + what)
            what = what + 0.2 * g * np.outer(x, error) / (x @ x)
        readout.learn(r, outcomes, gate=gate)
    np.testing.assert_allclose(readout.when, when, atol=1e-12)
    np.testing.assert_allclose(readout.what, what, atol=1e-12)
    np.testing.assert_allclose(readout.predict(r), r @ (when[:, None] + what))


def test_planted_times_and_probabilities_are_found_and_found_again_after_a_change():
    rng = np.random.default_rng(0)
    # One unit for each of ten moments, and noise.
    readout = GatedDeltaReadout(10, 2)

    def live(n_trials, moment, p):
        for _ in range(n_trials):
            outcomes = np.zeros((10, 2))
            outcomes[moment, int(rng.random() >= p)] = 1.0
            readout.learn(np.eye(10) + 0.05 * rng.normal(size=(10, 10)), outcomes, gate=np.ones(10))
        return readout.predict(np.eye(10))

    for moment, p in ((3, 0.8), (6, 0.3)):
        told = live(600, moment, p)
        assert told.sum(axis=1).argmax() == moment
        np.testing.assert_allclose(told[moment], [p, 1 - p], atol=0.15)
        assert np.abs(np.delete(told, moment, axis=0)).max() < 0.15


def test_a_closed_gate_learns_nothing():
    readout = GatedDeltaReadout(3, 1)
    readout.learn(np.ones((4, 3)), np.ones((4, 1)), gate=np.zeros(4))
    readout.learn(np.zeros((4, 3)), np.ones((4, 1)), gate=np.ones(4))
    assert not readout.when.any()
    assert not readout.what.any()


def test_what_is_refused():
    with pytest.raises(InputError, match="when_rate"):
        GatedDeltaReadout(3, 1, when_rate=2.0)
    with pytest.raises(InputError, match="n_units"):
        GatedDeltaReadout(0, 1)
    with pytest.raises(InputError, match="needs"):
        GatedDeltaReadout(3, 1).learn(np.ones((4, 3)), np.ones((3, 1)), gate=np.ones(4))
    with pytest.raises(InputError, match="not finite"):
        GatedDeltaReadout(3, 1).learn(np.full((4, 3), np.nan), np.ones((4, 1)), gate=np.ones(4))
