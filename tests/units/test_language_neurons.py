"""A planted language neuron has entropy near 0 and belongs to its language; shuffled labels raise it to log K."""

import numpy as np
import pytest

from multiunit.core import InputError
from multiunit.units.language_neurons import activity_bar, language_entropy, language_neurons, needs
from multiunit.units.question import Question

LANGUAGES = ["de", "en", "fr"]
PLANTED = {4: "fr", 11: "de"}


@pytest.fixture(scope="module")
def labels():
    return LANGUAGES * 300


@pytest.fixture(scope="module")
def activity(labels):
    rng = np.random.default_rng(0)
    activity = np.maximum(rng.standard_normal((900, 20)) - 0.5, 0)
    for unit, language in PLANTED.items():
        activity[:, unit] = (np.array(labels) == language) * (rng.random(900) < 0.9)
    activity[:, 7] = 0.0
    activity[5, 7] = 1.0  # entropy 0, but active once only: must be dropped
    return activity


def detect(counted, activity, labels, **options):
    stored = counted(activity)
    return language_neurons(firing=stored.firing(labels), moments=stored.moments(), **{"top": 0.1} | options)


def test_planted_units_belong_to_their_language(counted, activity, labels):
    found = detect(counted, activity, labels)
    assert found["selected"].dims == ("unit", "label")
    where = np.argwhere(found["selected"].values)
    assert {int(u): LANGUAGES[k] for u, k in where} == PLANTED
    assert (found["control"].sum("unit") == found["selected"].sum("unit")).all()
    assert not (found["control"] & found["selected"]).any()


def test_shuffled_labels_raise_the_score_to_log_k(counted, activity, labels):
    shuffled = np.random.default_rng(1).permutation(labels).tolist()
    score = detect(counted, activity, shuffled)["score"].values
    assert score[list(PLANTED)].min() > 0.98 * np.log(3)


def test_score_and_selection_equal_a_slow_computation(counted, activity, labels):
    found = detect(counted, activity, labels)
    p = np.array([[np.mean([a > 0 for a in activity[k::3, j]]) for k in range(3)] for j in range(20)])
    tau = sorted(p.ravel())[int(np.ceil(0.95 * p.size)) - 1]
    slow = np.zeros(20)
    for j in range(20):
        for q in p[j] / p[j].sum():
            slow[j] -= q * np.log(q) if q > 0 else 0.0
    np.testing.assert_allclose(found["score"].values, slow, rtol=0, atol=1e-12)
    assert found.attrs["bar"] == tau
    eligible = [j for j in range(20) if (p[j] > tau).any()]
    kept = sorted(eligible, key=lambda j: slow[j])[:2]
    expected = (p > tau) & np.isin(np.arange(20), kept)[:, None]
    np.testing.assert_array_equal(found["selected"].values, expected)


def test_a_dead_unit_speaks_no_language():
    assert language_entropy(np.zeros((1, 4)))[0] == pytest.approx(np.log(4))


def test_one_language_no_tokens_and_bad_quantiles_are_errors(counted, activity, labels):
    with pytest.raises(InputError, match="two languages"):
        detect(counted, activity, ["en"] * 900)
    stored = counted(activity)
    firing = stored.firing(labels)
    firing["n"].values[1] = 0
    with pytest.raises(InputError, match="en"):
        language_neurons(firing=firing, moments=stored.moments())
    with pytest.raises(InputError, match="bar_quantile"):
        activity_bar(np.ones((2, 2)), 1.0)
    assert needs(Question()) is None
    assert needs(Question(by="language", labels=("en",))) is None
