import numpy as np
import pytest

from multiunit.core import InputError
from multiunit.inference import bootstrap, circular_shift, permutation_test


def correlation(x, y):
    return float(np.corrcoef(x, y)[0, 1])


def test_the_interval_of_a_mean_covers_it_as_often_as_it_says():
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(200):
        found = bootstrap(np.mean, rng.normal(size=60), n_bootstraps=200, random_state=rng)
        inside += found.low <= 0 <= found.high
    assert 0.88 <= inside / 200 <= 0.99


def test_whole_groups_are_drawn():
    groups = np.repeat(np.arange(5), 20)
    values = groups.astype(float)
    alone = bootstrap(np.mean, values, n_bootstraps=300)
    grouped = bootstrap(np.mean, values, groups=groups, n_bootstraps=300)
    assert grouped.high - grouped.low > 3 * (alone.high - alone.low)
    with pytest.raises(InputError, match="groups"):
        bootstrap(np.mean, values, groups=np.zeros(100))
    with pytest.raises(InputError, match="samples"):
        bootstrap(np.mean, values[:1])


def test_permutations_reject_at_their_level_and_keep_to_blocks():
    rng = np.random.default_rng(0)
    p = [
        permutation_test(
            correlation, rng.normal(size=20), y=rng.normal(size=20), n_permutations=99, random_state=rng
        ).p_value
        for _ in range(200)
    ]
    assert 0.01 <= np.mean(np.array(p) <= 0.05) <= 0.1
    block = np.repeat([0, 1], 50)
    x, y = block + 0.1 * rng.normal(size=100), block + 0.1 * rng.normal(size=100)
    assert permutation_test(correlation, x, y=y, n_permutations=99).p_value == 0.01
    assert permutation_test(correlation, x, y=y, within=block, n_permutations=99).p_value > 0.05


def test_a_shift_keeps_the_rhythm():
    turn = 2 * np.pi * np.arange(600) / 100
    wave, other = np.sin(turn), np.sin(turn + 1e-3)
    assert circular_shift(correlation, wave, y=other).null.max() > 0.9
    assert permutation_test(correlation, wave, y=other, n_permutations=99).null.max() < 0.5
    with pytest.raises(InputError, match="minimum"):
        circular_shift(correlation, wave, y=other, minimum=400)
    with pytest.raises(InputError, match="as many samples"):
        circular_shift(correlation, wave, y=other[:-1])
