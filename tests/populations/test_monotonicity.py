from itertools import product

import numpy as np
import pytest

from multiunit.core import InputError
from multiunit.populations.monotonicity import order_violations, path_balance


def test_a_hill_falls_as_often_as_geometry_says():
    # x uniform in [-1, 1], x' uniform above it: f = -x^2 falls if x' > |x|.
    found = order_violations(
        lambda x: np.stack([-(x[:, 0] ** 2), x[:, 1]], axis=1), low=-np.ones(2), high=np.ones(2), n_pairs=40000
    )
    # For x > 0 always; for x = -a < 0 with chance (1 - a) / (1 + a), whose mean over a is 2 log 2 - 1.
    assert found[0, 0] == pytest.approx((1 + 2 * np.log(2) - 1) / 2, abs=0.01)
    assert found[[0, 1, 1], [1, 0, 1]].tolist() == [0, 0, 0]


def test_path_balance_is_the_sum_over_all_paths():
    rng = np.random.default_rng(0)
    chain = [rng.normal(size=shape) * (rng.random(shape) < 0.6) for shape in ((3, 4), (4, 5), (5, 2))]
    expected = np.zeros((3, 2))
    for i, j in product(range(3), range(2)):
        paths = [chain[0][i, a] * chain[1][a, b] * chain[2][b, j] for a, b in product(range(4), range(5))]
        total = np.abs(paths).sum()
        expected[i, j] = np.sum(paths) / total if total else 0
    np.testing.assert_allclose(path_balance(chain), expected, atol=1e-12)


def test_where_all_paths_excite_nothing_falls():
    rng = np.random.default_rng(0)
    chain = [rng.normal(size=(3, 4)), rng.normal(size=(4, 3))]
    chain[0][:2] = np.abs(chain[0][:2])
    chain[1] = np.abs(chain[1])
    falls = order_violations(lambda x: np.tanh(x @ chain[0]) @ chain[1], low=-np.ones(3), high=np.ones(3))
    assert (path_balance(chain)[:2] == 1).all()
    assert (falls[:2] == 0).all()
    assert (falls[2] > 0).any()


def test_long_walks_do_not_overflow():
    assert path_balance([np.array([[1e6, -1.0], [0.0, 1e6]])] * 400).tolist() == [[1.0, -1.0], [0.0, 1.0]]


def test_refuses_what_does_not_fit():
    with pytest.raises(InputError, match="low"):
        order_violations(lambda x: x, low=np.ones(2), high=np.ones(2))
    with pytest.raises(InputError, match="finite"):
        order_violations(lambda x: x * np.nan, low=np.zeros(2), high=np.ones(2))
    with pytest.raises(InputError, match="rows"):
        path_balance([np.eye(2), np.eye(3)])
    with pytest.raises(InputError, match="weights"):
        path_balance([])
