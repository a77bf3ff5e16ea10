import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.tasks.mackey_glass import mackey_glass


def test_it_is_what_small_steps_of_euler_come_to():
    dt, lag = 0.001, 17000
    x = np.full(lag + 60001, 1.2)
    for t in range(lag, lag + 60000):
        then = x[t - lag]
        x[t + 1] = x[t] + dt * (0.2 * then / (1 + then**10) - 0.1 * x[t])
    found = mackey_glass(60, n_transient=0)
    np.testing.assert_allclose(found, x[lag + 1000 :: 1000], atol=2e-3)


def test_a_short_delay_comes_to_rest_and_a_long_one_stays_chaotic():
    assert np.ptp(mackey_glass(200, delay=2.0)) < 1e-3
    near, nearby = mackey_glass(3000), mackey_glass(3000, start=1.2 + 1e-6)
    assert np.abs(near[:200] - nearby[:200]).max() < 0.01
    assert np.abs(near - nearby).max() > 0.3


def test_stretches_are_cut_from_one_course():
    np.testing.assert_array_equal(mackey_glass(50, n_transient=100), mackey_glass(150, n_transient=0)[100:])
    np.testing.assert_array_equal(mackey_glass(50, every=0.2)[4::5][:5], mackey_glass(5, n_transient=100))


def test_what_is_refused():
    with pytest.raises(InputError, match="delay"):
        mackey_glass(3, delay=0.25)
    with pytest.raises(InputError, match="sample"):
        mackey_glass(0)
    with pytest.raises(InputError, match="start"):
        mackey_glass(3, start=-1.0)
