import numpy as np
import pytest

from multiunit.core import InputError
from multiunit.populations.fourier_concentration import fourier_concentration, fourier_power


def test_power_is_that_of_the_sum_written_out():
    embedding = np.random.default_rng(0).normal(size=(11, 4))
    a = np.arange(11)
    for k, power in enumerate(fourier_power(embedding), start=1):
        assert power == pytest.approx((np.abs(np.exp(2j * np.pi * k * a / 11) @ embedding) ** 2).sum())


def test_planted_frequencies_stand_out_of_noise():
    rng = np.random.default_rng(1)
    angle = 2 * np.pi * np.arange(31)[:, None] * rng.choice(15, 2, replace=False) / 31
    planted = np.hstack([np.cos(angle), np.sin(angle)]) @ rng.normal(size=(4, 16))
    assert fourier_concentration(planted + 0.05 * rng.normal(size=planted.shape), top=2) > 0.9
    assert fourier_concentration(rng.normal(size=(31, 64)), top=2) < 0.3
    # A change of basis of the units and a turn of the circle change nothing.
    turned = np.roll(planted, 3, axis=0) @ np.linalg.qr(rng.normal(size=(16, 16)))[0]
    assert fourier_concentration(turned, top=1) == pytest.approx(fourier_concentration(planted, top=1))


@pytest.mark.parametrize("wrong", [np.ones((5, 2)), np.zeros((2, 3)), np.full((5, 2), np.nan), np.zeros(5)])
def test_a_code_without_power_is_refused(wrong):
    with pytest.raises(InputError, match="embedding"):
        fourier_concentration(wrong)
