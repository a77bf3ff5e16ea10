import numpy as np
import pytest

from multiunit.core import InputError
from multiunit.inference.phase_surrogate import phase_surrogate


@pytest.mark.parametrize("n", [64, 65])
def test_the_spectrum_stays_and_the_shape_goes(n):
    x = np.random.default_rng(0).exponential(size=n).cumsum()
    y = phase_surrogate(x, random_state=1)
    np.testing.assert_allclose(np.abs(np.fft.rfft(y)), np.abs(np.fft.rfft(x)), rtol=1e-9, atol=1e-9)
    assert y.mean() == pytest.approx(x.mean())
    assert y.std() == pytest.approx(x.std())
    assert abs(np.corrcoef(x, y)[0, 1]) < 0.9


def test_a_series_that_is_not_gaussian_becomes_so():
    spikes = np.zeros(4000)
    spikes[::40] = 1.0
    spikes += 0.01 * np.random.default_rng(2).normal(size=4000)
    skewness = [((s - s.mean()) ** 3).mean() / s.std() ** 3 for s in (spikes, phase_surrogate(spikes))]
    assert skewness[0] > 5
    assert abs(skewness[1]) < 2


def test_errors_name_the_argument():
    with pytest.raises(InputError, match="x="):
        phase_surrogate(np.array([1.0, 2.0, np.nan, 3.0]))
