from itertools import combinations

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from multiunit.core import InputError
from multiunit.similarity.rdm_variance_partition import rdm_variance_partition


@pytest.fixture
def world():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(4, 300))
    models = {"a": z[0] + z[3], "b": z[1] + z[3], "c": z[2] + z[0]}
    return models["a"] + 0.5 * models["b"] + rng.normal(size=300), models


def r2(target, models, names):
    x = np.stack([models[n] for n in names], axis=1)
    return LinearRegression().fit(x, target).score(x, target)


def test_shares_are_those_of_commonality_analysis_and_sum_to_all(world):
    target, models = world
    found = rdm_variance_partition(target, models)
    r = {names: r2(target, models, names) for k in (1, 2, 3) for names in combinations("abc", k)}
    everything = r["a", "b", "c"]
    by_hand = {
        "a": everything - r["b", "c"],
        "b": everything - r["a", "c"],
        "c": everything - r["a", "b"],
        "a & b": r["a", "c"] + r["b", "c"] - r["c",] - everything,
        "a & c": r["a", "b"] + r["b", "c"] - r["b",] - everything,
        "b & c": r["a", "b"] + r["a", "c"] - r["a",] - everything,
        "a & b & c": everything + r["a",] + r["b",] + r["c",] - r["a", "b"] - r["a", "c"] - r["b", "c"],
    }
    assert dict(zip(found["part"].values, found["share"].values, strict=True)) == pytest.approx(by_hand, abs=1e-12)
    assert abs(float(found["share"].sum()) - everything) < 1e-12
    for names, value in r.items():
        assert abs(float(found["r2"].sel(part=" & ".join(names))) - value) < 1e-12
    np.testing.assert_allclose(found["unique"], [by_hand[n] for n in "abc"], atol=1e-12)
    # What a model explains is the sum of the shares it is a member of.
    with_a = found["member"].sel(model="a").values
    assert abs(found["share"].values[with_a].sum() - r["a",]) < 1e-12


def test_the_planted_split_is_found():
    rng = np.random.default_rng(1)
    u, v, w = np.linalg.qr(rng.normal(size=(500, 3)))[0].T
    u, v, w = (x - x.mean() for x in (u, v, w))
    found = rdm_variance_partition(u + v + w, {"one": u + v, "two": v + w})
    # Each explains 2/3 of the variance; of u + v + w its projection on both, of squared length 8/3.
    both = 8 / 9
    np.testing.assert_allclose(found["r2"], [2 / 3, 2 / 3, both], atol=0.02)
    np.testing.assert_allclose(found["share"], [both - 2 / 3, both - 2 / 3, 4 / 3 - both], atol=0.02)


def test_a_doubled_model_has_nothing_of_its_own(world):
    target, models = world
    found = rdm_variance_partition(target, {"a": models["a"], "again": 2 * models["a"] + 1})
    np.testing.assert_allclose(found["unique"], 0, atol=1e-12)
    np.testing.assert_allclose(found["share"].sel(part="a & again"), r2(target, models, ("a",)), atol=1e-12)


def test_errors_name_the_argument(world):
    target, models = world
    for wrong, named in [
        (lambda: rdm_variance_partition(target, {}), "models="),
        (lambda: rdm_variance_partition(target, {str(k): target for k in range(9)}), "one to 8"),
        (lambda: rdm_variance_partition(target, {"short": target[:5]}), r"models\['short'\]"),
        (lambda: rdm_variance_partition(np.ones(300), models), "rdm="),
        (lambda: rdm_variance_partition(target * np.nan, models), "rdm="),
    ]:
        with pytest.raises(InputError, match=named):
            wrong()
