import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from multiunit.core import InputError
from multiunit.populations.feature_variance import feature_variance


def planted(n=4000, seed=0):
    rng = np.random.default_rng(seed)
    one, two = rng.integers(2, size=n), rng.integers(3, size=n)
    x = rng.normal(size=(n, 6))
    x[:, :2] += 4 * one[:, None]
    x[:, 2] += 3 * two
    return x, one, two, rng


def test_shares_are_those_planted_and_agree_with_a_regression():
    x, one, two, rng = planted()
    found = feature_variance(x, {"one": one, "two": two, "nothing": rng.integers(2, size=len(x))})
    total = 6 + 2 * 4 + 9 * 2 / 3
    np.testing.assert_allclose(found["share"], [8 / total, 6 / total, 0], atol=0.015)
    np.testing.assert_allclose(found["density"], [2 / 6, 1 / 6, 0])
    assert found.loc["one", "decodability"] > 0.99
    assert found.loc["nothing", "decodability"] == pytest.approx(0.5, abs=0.05)
    dummies = np.eye(3)[two]
    left = x - LinearRegression().fit(dummies, x).predict(dummies)
    assert found.loc["two", "share"] == pytest.approx(1 - left.var(axis=0).sum() / x.var(axis=0).sum())


def test_a_weak_feature_can_be_read_as_well_as_a_strong_one():
    rng = np.random.default_rng(0)
    one, two = rng.integers(2, size=(2, 2000))
    x = np.stack([10 * one, two], axis=1) @ rng.normal(size=(2, 20)) + 0.01 * rng.normal(size=(2000, 20))
    found = feature_variance(x, {"one": one, "two": two})
    assert found.loc["one", "share"] > 20 * found.loc["two", "share"]
    assert (found["decodability"] == 1).all()


def test_scale_and_rotation_change_no_share():
    x, one, two, rng = planted(500)
    turned = 7 * x @ np.linalg.qr(rng.normal(size=(6, 6)))[0] + 3
    labels = {"one": one, "two": two}
    np.testing.assert_allclose(feature_variance(turned, labels)["share"], feature_variance(x, labels)["share"])


def test_refuses_what_does_not_fit():
    x, one, _, _ = planted(50)
    with pytest.raises(InputError, match="differ"):
        feature_variance(np.ones((50, 2)), {"one": one})
    with pytest.raises(InputError, match="features"):
        feature_variance(x, {"one": one[1:]})
    with pytest.raises(InputError, match="at least two"):
        feature_variance(x, {"one": np.zeros(50)})
    with pytest.raises(InputError, match="finite"):
        feature_variance(x * np.nan, {"one": one})
