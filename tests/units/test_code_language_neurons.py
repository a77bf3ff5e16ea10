"""Every language gets as many neurons; a planted one belongs to its language, a shared one is not exclusive."""

import numpy as np
import pytest

from multiunit.core import InputError
from multiunit.units.code_language_neurons import code_language_neurons, lowest_of_each
from multiunit.units.language_neurons import language_neurons

LANGUAGES = ["c", "go", "php"]


@pytest.fixture(scope="module")
def labels():
    return LANGUAGES * 300


@pytest.fixture(scope="module")
def activity(labels):
    """Units 0-5 speak C alone, unit 6 Go alone, unit 7 both C and PHP; the others are noise."""
    rng = np.random.default_rng(0)
    names = np.array(labels)
    activity = np.maximum(rng.standard_normal((900, 40)) - 0.5, 0)
    active = rng.random((900, 8)) < 0.9
    activity[:, :6] = (names == "c")[:, None] & active[:, :6]
    activity[:, 6] = (names == "go") & active[:, 6]
    activity[:, 7] = (names != "go") & active[:, 7]
    return activity


def test_each_language_gets_its_share_where_the_lowest_overall_go_to_one(counted, activity, labels):
    stored = counted(activity)
    given = {"firing": stored.firing(labels), "moments": stored.moments(), "bar_quantile": 0.9}
    balanced = code_language_neurons(**given, top=0.05)
    assert balanced["selected"].sum("unit").values.tolist() == [2, 1, 1]  # one unit only is active in Go, one in PHP
    assert balanced["selected"].values[6].tolist() == [False, True, False]
    assert balanced["selected"].values[7].tolist() == [False, False, True]
    overall = language_neurons(**given, top=0.05)
    assert overall["selected"].sum("unit").values.tolist() == [2, 0, 0]


def test_a_shared_unit_is_not_exclusive(counted, activity, labels):
    stored = counted(activity)
    found = code_language_neurons(firing=stored.firing(labels), moments=stored.moments(), top=0.5, bar_quantile=0.9)
    assert found["selected"].values[7].tolist() == [True, False, True]
    assert not found["exclusive"].values[7].any()
    assert found["exclusive"].values[6].tolist() == [False, True, False]
    assert not (found["control"] & found["selected"]).any()


def test_equals_a_slow_selection():
    rng = np.random.default_rng(1)
    entropy, above = rng.random(60), rng.random((60, 4)) < 0.3
    found = lowest_of_each(entropy, above, top=0.1)
    for k in range(4):
        ranked = sorted(np.flatnonzero(above[:, k]), key=lambda j: entropy[j])
        assert sorted(ranked[:6]) == np.flatnonzero(found[:, k]).tolist()


def test_a_bad_share_and_a_single_language_are_errors(counted, activity):
    with pytest.raises(InputError, match="top"):
        lowest_of_each(np.zeros(2), np.ones((2, 2), dtype=bool), top=0.0)
    stored = counted(activity)
    with pytest.raises(InputError, match="two languages"):
        code_language_neurons(firing=stored.firing(["c"] * 900), moments=stored.moments())
