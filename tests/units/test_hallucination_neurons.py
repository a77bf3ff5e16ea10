import numpy as np
import pytest

from multiunit.core import InputError, Recording
from multiunit.units.hallucination_neurons import hallucination_neurons, hallucination_score, sparse_weights


def responses(rng, *, strength=1.0, n=120, n_units=60):
    """Two rows a response; unit 3 grows at wrong answers, unit 9 at every answer, unit 20 at right ones."""
    wrong = np.repeat(rng.random(n) < 0.5, 2)
    region = np.tile(np.array(["answer", "other"], dtype=object), n)
    is_answer = region == "answer"
    activity = rng.gamma(4.0, 0.1, size=(2 * n, n_units))
    activity[:, 3] += strength * (wrong & is_answer)
    activity[:, 9] += strength * is_answer
    activity[:, 20] += strength * (~wrong & is_answer)
    return Recording.from_activity(activity, presentations={"wrong": wrong, "region": region})


def test_the_planted_unit_is_found_and_answers_alone_are_not():
    rng = np.random.default_rng(0)
    contributions = responses(rng)
    found = hallucination_neurons(contributions=contributions)
    assert found["selected"].values[3]
    assert found["score"].values.argmax() == 3
    assert not found["selected"].values[20]
    assert found["selected"].values.sum() <= 4
    assert found["control"].values.sum() == found["selected"].values.sum()
    fresh = responses(rng).select(presentations="region == 'answer'")
    score, wrong = hallucination_score(found, fresh), fresh.presentations["wrong"].to_numpy()
    assert np.mean(score[wrong][:, None] > score[~wrong]) > 0.95


def test_other_tokens_weigh_down_units_that_tell_the_question_and_not_the_answer():
    """Unit 3 grows at wrong answers; unit 40 grows there too, but also at all other tokens of the same responses."""
    rng = np.random.default_rng(1)
    plain = responses(rng, strength=0.8)
    wrong = plain.presentations["wrong"].to_numpy()
    activity = plain.activity.copy()
    activity[:, 40] += 0.8 * wrong
    columns = {"wrong": wrong, "region": plain.presentations["region"].to_numpy()}
    contributions = Recording.from_activity(activity, presentations=columns)
    one = hallucination_neurons(contributions=contributions.select(presentations="region == 'answer'"))["score"].values
    three = hallucination_neurons(contributions=contributions)["score"].values
    assert min(one[3], one[40], three[3]) > 0
    assert three[40] / three[3] < 0.5 * one[40] / one[3]


def test_without_a_difference_what_is_selected_tells_nothing_of_other_responses():
    rng = np.random.default_rng(2)
    found = hallucination_neurons(contributions=responses(rng, strength=0.0))
    fresh = responses(rng, strength=0.0, n=1000).select(presentations="region == 'answer'")
    score, wrong = hallucination_score(found, fresh), fresh.presentations["wrong"].to_numpy()
    assert 0.42 < np.mean(score[wrong][:, None] > score[~wrong]) < 0.58


def test_the_weights_are_at_the_optimum():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(80, 12)), rng.random(80) < 0.5
    x[:, 4] += 2 * y
    weight, bias = sparse_weights(x, y, C=0.5)
    sign = np.where(y, 1.0, -1.0)
    slope = -0.5 * ((sign / (1 + np.exp(sign * (x @ weight + bias))))[:, None] * x).sum(axis=0)
    # Where a weight is not 0, its slope balances the penalty; where it is 0, the penalty is larger.
    np.testing.assert_allclose(slope[weight != 0], -np.sign(weight[weight != 0]), atol=1e-5)
    assert (np.abs(slope[weight == 0]) <= 1 + 1e-6).all()
    assert (weight == 0).sum() > 3


def test_errors_name_what_is_wrong():
    contributions = responses(np.random.default_rng(0))
    with pytest.raises(InputError, match="wrong='truth'"):
        hallucination_neurons(contributions=contributions, wrong="truth")
    with pytest.raises(InputError, match="True or False"):
        hallucination_neurons(contributions=contributions, wrong="region")
    with pytest.raises(InputError, match="needs both"):
        hallucination_neurons(contributions=contributions.select(presentations="wrong"))
    with pytest.raises(InputError, match="C=0"):
        hallucination_neurons(contributions=contributions, C=0)
    found = hallucination_neurons(contributions=contributions)
    with pytest.raises(InputError, match="units"):
        hallucination_score(found, contributions.select(units=[0, 1]))
