"""Sample entropy against its definition, pair by pair."""

import numpy as np
import pytest

from multiunit.core import InputError
from multiunit.populations.sample_entropy import sample_entropy


def by_hand(x, m, r):
    n, limit = len(x) - m, r * np.std(x)
    a = b = 0
    for i in range(n):
        for j in range(n):
            if i != j and max(abs(x[i + k] - x[j + k]) for k in range(m)) <= limit:
                b += 1
                a += abs(x[i + m] - x[j + m]) <= limit
    return -np.log(a / b)


@pytest.mark.parametrize(("m", "r"), [(1, 0.2), (2, 0.2), (2, 0.5), (3, 0.7)])
def test_it_is_the_count_of_pairs(m, r):
    x = np.random.default_rng(0).normal(size=80).cumsum()
    assert sample_entropy(x, m=m, r=r) == pytest.approx(by_hand(x, m, r))


def test_noise_is_less_predictable_than_a_wave_and_scale_does_not_matter():
    rng = np.random.default_rng(1)
    noise, wave = rng.normal(size=400), np.sin(np.arange(400) / 5.0)
    # Independent normal samples: A / B is the chance that two of them are within 0.2 deviations, 0.1125.
    assert sample_entropy(noise) == pytest.approx(-np.log(0.1125), abs=0.25)
    assert sample_entropy(wave) < 0.3
    assert sample_entropy(5 * noise - 3) == pytest.approx(sample_entropy(noise))


def test_errors_name_the_argument():
    with pytest.raises(InputError, match="constant"):
        sample_entropy(np.ones(10))
    with pytest.raises(InputError, match="x="):
        sample_entropy(np.arange(3.0))
    with pytest.raises(InputError, match="r="):
        sample_entropy(np.arange(10.0) ** 3, r=1e-6)
