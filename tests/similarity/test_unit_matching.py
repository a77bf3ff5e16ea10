"""Maximum and minimum correlation, linear predictability, localisation."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from multiunit.core import InputError
from multiunit.similarity.linear_predictability import linear_predictability
from multiunit.similarity.localisation import localisation, rotated
from multiunit.similarity.max_correlation import best_correlation, max_correlation
from multiunit.similarity.min_correlation import min_correlation


@pytest.fixture
def three():
    rng = np.random.default_rng(8)
    x = rng.gamma(1.0, size=(200, 6))
    return x, x @ rng.normal(size=(6, 4)) + rng.normal(size=(200, 4)), rng.normal(size=(200, 5)) - x[:, :5]


def test_best_correlation_is_the_largest_of_all_pairs(three):
    x, y, _ = three
    expected = [max(abs(np.corrcoef(a, b)[0, 1]) for b in y.T) for a in x.T]
    np.testing.assert_allclose(best_correlation(x, y), expected, atol=1e-8)
    assert abs(max_correlation(x, y) - np.mean(expected)) < 1e-8
    assert abs(max_correlation(x, y) - max_correlation(y, x)) > 1e-3


def test_min_correlation_takes_the_worst_system_for_every_unit(three):
    x, y, z = three
    expected = np.mean([min(max(abs(np.corrcoef(a, b)[0, 1]) for b in other.T) for other in (y, z)) for a in x.T])
    assert abs(min_correlation(x, [y, z]) - expected) < 1e-8
    assert min_correlation(x, [y, z]) < min(max_correlation(x, y), max_correlation(x, z)) - 1e-3
    assert min_correlation(x, [y]) == max_correlation(x, y)
    with pytest.raises(InputError, match="others"):
        min_correlation(x, [])


def test_sign_scale_and_order_of_units_change_nothing_and_rotation_does(three):
    x, y, _ = three
    assert abs(max_correlation(-2e4 * x[:, ::-1] + 7, 1e-9 * y) - max_correlation(x, y)) < 1e-8
    assert max_correlation(x, x) - max_correlation(x, rotated(x)) > 0.1


def test_a_constant_unit_matches_nothing(three):
    x, y, _ = three
    more = np.c_[x, np.full(200, 0.1)]
    assert best_correlation(more, y)[-1] == 0
    assert abs(max_correlation(more, y) - 6 / 7 * max_correlation(x, y)) < 1e-8
    assert abs(linear_predictability(more, y) - 6 / 7 * linear_predictability(x, y)) < 1e-8


def test_linear_predictability_is_the_multiple_correlation_of_scikit_learn(three):
    x, y, _ = three
    r = np.sqrt([LinearRegression().fit(y, a).score(y, a) for a in x.T])
    assert abs(linear_predictability(x, y) - r.mean()) < 1e-8
    assert abs(linear_predictability(x, y @ np.diag([1, 5, 0.1, 3])) - r.mean()) < 1e-8
    assert abs(linear_predictability(x, np.c_[y, y]) - r.mean()) < 1e-8


def test_rotation_keeps_the_geometry_and_draws_anew(three):
    x = three[0]
    turned = rotated(x, random_state=1)
    np.testing.assert_allclose(turned @ turned.T, x @ x.T, atol=1e-8)
    assert np.abs(turned - rotated(x, random_state=2)).max() > 0.5
    np.testing.assert_array_equal(turned, rotated(x, random_state=1))
    np.testing.assert_array_equal(np.abs(rotated(x[:, :1])), np.abs(x[:, :1]))


def test_localisation_is_the_part_above_rotations(three):
    x, y, _ = three
    generator = np.random.default_rng(4)
    centred = y - y.mean(axis=0)
    turned = np.mean([max_correlation(x, rotated(centred, random_state=generator)) for _ in range(3)])
    expected = (max_correlation(x, y) - turned) / (1 - turned)
    assert abs(localisation(x, y, n_rotations=3, random_state=4) - expected) < 1e-8


def test_localisation_tells_shared_units_from_shared_directions():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2000, 32))
    assert abs(localisation(x, x[:, rng.permutation(32)]) - 1) < 1e-8
    assert abs(localisation(x, rotated(x, random_state=rng))) < 0.05
    half = np.c_[x[:, :16], rotated(x[:, 16:], random_state=rng)]
    assert 0.4 < localisation(x, half) < 0.65


def test_localisation_needs_room_and_rotations(three):
    x, y, _ = three
    with pytest.raises(InputError, match="n_rotations"):
        localisation(x, y, n_rotations=0)
    with pytest.raises(InputError, match="any directions"):
        localisation(x[:, :1], x[:, :1])
