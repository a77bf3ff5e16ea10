import numpy as np
import pytest

from multiunit.core import InputError
from multiunit.tasks.lorenz_series import lorenz_series


def test_samples_follow_the_equations():
    h = 1e-3
    series = lorenz_series(2000, sampling=h)
    x, y, z = series[1:-1].T
    slope = (series[2:] - series[:-2]) / (2 * h)
    expected = np.stack([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z], axis=1)
    np.testing.assert_allclose(slope, expected, atol=0.05)
    assert np.abs(expected).max() > 50


def test_the_attractor_has_both_wings_and_below_the_bifurcation_there_is_a_fixed_point():
    series = lorenz_series(4000)
    assert series.shape == (4000, 3)
    assert 6 < series[:, 0].std() < 10
    assert 0.2 < (series[:, 0] > 0).mean() < 0.8
    still = lorenz_series(3, rho=10.0, transient=100.0)
    np.testing.assert_allclose(np.abs(still[:, :2]), np.sqrt(8 / 3 * 9), rtol=1e-6)
    np.testing.assert_allclose(still[:, 2], 9.0, rtol=1e-6)


def test_seeds_repeat_and_errors_name_the_argument():
    np.testing.assert_array_equal(lorenz_series(5, random_state=3), lorenz_series(5, random_state=3))
    assert not np.allclose(lorenz_series(5, random_state=3), lorenz_series(5, random_state=4))
    with pytest.raises(InputError, match="n_samples=0"):
        lorenz_series(0)
    with pytest.raises(InputError, match="sampling=0"):
        lorenz_series(3, sampling=0.0)
