import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.populations.van_rossum_distance import van_rossum_distance, victor_purpura_distance


def test_van_rossum_is_the_integral_of_the_filtered_difference():
    rng = np.random.default_rng(0)
    t = np.arange(0, 3, 1e-5)
    for _ in range(3):
        x, y = (np.sort(rng.random(rng.integers(1, 8))) for _ in range(2))
        tau = rng.uniform(0.02, 0.2)
        f = [sum(np.where(t >= s, np.exp(-np.maximum(t - s, 0) / tau), 0.0) for s in train) for train in (x, y)]
        square = ((f[0] - f[1]) ** 2).sum() * 1e-5 / tau
        assert van_rossum_distance(x, y, tau=tau) == pytest.approx(np.sqrt(square), abs=2e-3)


def test_van_rossum_between_coincidences_and_counts():
    x, y = np.arange(1, 6) * 0.1, np.arange(1, 4) * 0.1 + 0.05
    assert van_rossum_distance(x, y, tau=1e-5) == pytest.approx(np.sqrt((5 + 3) / 2))
    assert van_rossum_distance(x, y, tau=1e5) == pytest.approx(np.sqrt(2**2 / 2), rel=1e-4)
    assert van_rossum_distance(x, x[::-1]) == 0


def test_victor_purpura_is_the_least_cost_of_all_alignments():
    def least(x, y, cost):  # the recursion as it is written, without any table
        if not len(x) or not len(y):
            return len(x) + len(y)
        moved = least(x[:-1], y[:-1], cost) + cost * abs(x[-1] - y[-1])
        return min(least(x[:-1], y, cost) + 1, least(x, y[:-1], cost) + 1, moved)

    rng = np.random.default_rng(0)
    for _ in range(20):
        x, y = (np.sort(rng.random(rng.integers(0, 6))) for _ in range(2))
        cost = rng.choice([0.0, 1.0, 5.0, 50.0])
        assert victor_purpura_distance(x, y, cost=cost) == pytest.approx(least(x, y, cost))


def test_both_are_metrics():
    rng = np.random.default_rng(1)
    x, y, z = (rng.random(6) for _ in range(3))
    for distance in (lambda a, b: van_rossum_distance(a, b), lambda a, b: victor_purpura_distance(a, b, cost=8.0)):
        assert distance(x, y) == pytest.approx(distance(y, x))
        assert distance(x, z) <= distance(x, y) + distance(y, z)


def test_what_is_refused():
    with pytest.raises(InputError, match="y="):
        van_rossum_distance([0.1], [np.nan])
    with pytest.raises(InputError, match="tau"):
        van_rossum_distance([0.1], [0.2], tau=0.0)
    with pytest.raises(InputError, match="cost"):
        victor_purpura_distance([0.1], [0.2], cost=-1.0)
