"""Phases against scipy, synchrony against planted rhythms."""

import numpy as np
import pytest
from scipy.signal import hilbert

from multiunit.core import InputError
from multiunit.core.recording import Recording
from multiunit.populations.phase_synchrony import hilbert_phase, order_parameter, phase_locking


@pytest.mark.parametrize("n", [100, 101])
def test_phases_are_those_of_scipys_analytic_signal(n):
    x = np.random.default_rng(0).normal(size=(n, 3)) + 5.0
    np.testing.assert_allclose(hilbert_phase(x), np.angle(hilbert(x - x.mean(0), axis=0)), atol=1e-9)


def test_locking_is_high_at_any_lag_and_low_between_different_rhythms():
    t = np.arange(5000) / 100
    x = np.sin(2 * np.pi * t)
    assert phase_locking(x, np.sin(2 * np.pi * t - 2.0)) > 0.99
    assert phase_locking(x, np.sin(2 * np.pi * 1.5 * t)) < 0.05
    # Half in phase, half in antiphase: the two cancel.
    assert phase_locking(x, x * np.where(t < 25, 1, -1)) < 0.05


def test_order_falls_from_one_to_the_level_of_chance():
    rng = np.random.default_rng(1)
    t = np.arange(4000)[:, None] / 100
    together = np.sin(2 * np.pi * t + np.zeros(50))
    spread = np.sin(2 * np.pi * t + rng.uniform(0, 2 * np.pi, 50))
    speeds = np.sin(2 * np.pi * t * rng.uniform(0.5, 1.5, 50))
    assert order_parameter(together) == pytest.approx(1.0)
    assert order_parameter(spread) < 0.3
    assert order_parameter(speeds) == pytest.approx(np.sqrt(np.pi / 200), abs=0.05)
    assert order_parameter(Recording.from_activity(spread)) == order_parameter(spread)


def test_errors_name_the_argument():
    with pytest.raises(InputError, match="unit 1 constant"):
        order_parameter(np.stack([np.arange(9.0), np.ones(9)], 1))
    with pytest.raises(InputError, match="activity"):
        hilbert_phase(np.array([1.0, np.nan]))
    with pytest.raises(InputError, match="y="):
        phase_locking(np.arange(5.0), np.arange(4.0))
    with pytest.raises(InputError, match="constant"):
        phase_locking(np.arange(5.0), np.ones(5))
