"""Units planted for one, two and all of three languages fall into their classes."""

import numpy as np
import pytest

from multiunit.core import InputError
from multiunit.units.language_classes import language_classes, language_score, largest_weight

LANGUAGES = ["de", "en", "fr"]
SPECIFIC, RELATED, GENERAL = 3, 9, 15


@pytest.fixture(scope="module")
def labels():
    return np.array(LANGUAGES * 400)


@pytest.fixture(scope="module")
def activity(labels):
    rng = np.random.default_rng(0)
    p = np.full((1200, 24), 0.1)
    p[:, SPECIFIC] = 0.8 * (labels == "fr")
    p[:, RELATED] = 0.8 * (labels != "fr")
    p[:, GENERAL] = 0.9
    return (rng.random(p.shape) < p).astype(float)


def detect(counted, activity, labels, **options):
    stored = counted(activity)
    options = {"top": 2 / 24, "bar_quantile": 0.9} | options
    return language_classes(firing=stored.firing(list(labels)), moments=stored.moments(), **options)


def test_planted_classes_are_found(counted, activity, labels):
    found = detect(counted, activity, labels)
    classes = found["language_class"].values
    assert classes[SPECIFIC] == "language-specific"
    assert classes[RELATED] == "language-related"
    assert (np.delete(classes, [SPECIFIC, RELATED]) == "language-agnostic").all()
    assert found["n_languages"].values[[SPECIFIC, RELATED, GENERAL]].tolist() == [1, 2, 3]
    assert found["selected"].values[SPECIFIC].tolist() == [False, False, True]
    assert found["selected"].values[RELATED].tolist() == [True, True, False]
    assert (found["control"].sum("unit") == found["selected"].sum("unit")).all()


def test_shuffled_labels_kill_the_scores(counted, activity, labels):
    # A fixed share of units is always a candidate, so chance alone still names some: what shuffling kills is the score.
    told_apart = detect(counted, activity, labels, weight=0.0)["score"].values
    shuffled = detect(counted, activity, np.random.default_rng(1).permutation(labels), weight=0.0)["score"].values
    assert told_apart[SPECIFIC] < 0.01
    assert told_apart[RELATED] < 0.7
    assert shuffled.min() > 0.98


def test_score_equals_the_sum_written_out():
    p = np.random.default_rng(2).random((6, 4))
    p[0, 1:] = 0
    slow = np.zeros(6)
    for j in range(6):
        q = p[j] / p[j].sum()
        entropy = -sum(a * np.log(a) for a in q if a > 0)
        slow[j] = entropy / np.log(4) - 0.13 * max(p[j]) / ((1 + 1 / 2 + 1 / 3 + 1 / 4) / 4)
    np.testing.assert_allclose(language_score(p, 0.13), slow, rtol=0, atol=1e-12)


def test_the_weight_stops_short_of_the_first_general_candidate():
    # Entropy ranks unit 0 first, activity unit 1: the larger weight would let the general unit in.
    p = np.array([[0.30, 0.18], [1.0, 1.0], [0.1, 0.1], [0.1, 0.1]])
    weight = largest_weight(p, 0.2, top=0.25)
    assert 0 < weight < 0.2
    assert language_score(p, weight).argmin() == 0
    assert language_score(p, weight + 0.001).argmin() == 1


def test_tokens_of_the_prefix_are_taken_off(counted, activity, labels):
    stored, prompt = counted(activity), counted(activity[:300])
    taken = language_classes(
        firing=stored.firing(list(labels)), moments=stored.moments(), prefix=prompt.firing(list(labels[:300]))
    )
    rest = counted(activity[300:])
    direct = language_classes(firing=rest.firing(list(labels[300:])), moments=stored.moments())
    np.testing.assert_allclose(taken["score"].values, direct["score"].values, rtol=0, atol=1e-12)
    with pytest.raises(InputError, match="prefix"):
        language_classes(
            firing=prompt.firing(list(labels[:300])), moments=stored.moments(), prefix=stored.firing(list(labels))
        )


def test_one_language_is_an_error(counted, activity):
    with pytest.raises(InputError, match="two languages"):
        detect(counted, activity, ["en"] * 1200)
