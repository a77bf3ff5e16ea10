"""Planted detectors of a token and of a bigram are found at their order; shuffled tokens leave none."""

import itertools

import numpy as np
import pytest

from multiunit.core import InputError
from multiunit.units.question import Question
from multiunit.units.token_detectors import needs, token_detectors, triggers

N_TOKENS = 6
TOKEN, BIGRAM, NOISY, RARE = 2, 5, 7, 9


@pytest.fixture(scope="module")
def text():
    rng = np.random.default_rng(0)
    token = rng.integers(N_TOKENS, size=900)
    return token, np.repeat(np.arange(60), 15)


@pytest.fixture(scope="module")
def activity(text):
    token, sequence = text
    rng = np.random.default_rng(1)
    activity = np.maximum(rng.standard_normal((len(token), 12)), 0)
    pair = np.append(False, (token[:-1] == 3) & (token[1:] == 1) & (sequence[1:] == sequence[:-1]))
    activity[:, TOKEN] = np.isin(token, [0, 4])
    activity[:, BIGRAM] = pair
    activity[:, NOISY] = (token == 1) & (rng.random(len(token)) < 0.8)
    activity[:, RARE] = np.arange(len(token)) == 400
    return activity


def detect(counted, activity, text, **options):
    stored = counted(activity)
    vocabularies = {1: np.arange(N_TOKENS)[:, None], 2: np.array(list(itertools.product(range(N_TOKENS), repeat=2)))}
    grams = {order: stored.triggers(*text, vocabulary) for order, vocabulary in vocabularies.items()}
    return token_detectors(unigrams=grams[1], bigrams=grams[2], moments=stored.moments(), **options)


def test_planted_detectors_are_found_at_their_order(counted, activity, text):
    found = detect(counted, activity, text)
    assert found["label"].values.tolist() == ["1-gram", "2-gram"]
    assert np.argwhere(found["selected"].values).tolist() == [[TOKEN, 0], [BIGRAM, 1]]
    first = found["trigger"].sel(label="1-gram").values[TOKEN]
    assert sorted(first[:2, 1].tolist()) == [0, 4]
    assert (first[2:] == -1).all()
    assert found["trigger"].sel(label="2-gram").values[BIGRAM, 0].tolist() == [3, 1]
    assert (found["control"].sum("unit") == found["selected"].sum("unit")).all()


def test_shuffled_tokens_leave_no_detector(counted, activity, text):
    token = np.random.default_rng(2).permutation(text[0])
    assert not detect(counted, activity, (token, text[1]))["selected"].any()


def test_explained_share_equals_a_slow_count(counted, activity, text):
    found = detect(counted, activity, text, precision=0.7, min_count=1, max_ngrams=2)
    token = text[0]
    for j in range(activity.shape[1]):
        on = activity[:, j] > 0
        counts = sorted((on[token == v].sum() for v in range(N_TOKENS) if on[token == v].mean() >= 0.7), reverse=True)
        assert found["score"].values[j, 0] == pytest.approx(sum(counts[:2]) / max(1, on.sum()), abs=1e-12)


def test_a_detector_of_six_tokens_is_none_of_five():
    active = np.full((1, 6), 10)
    found = triggers(active, np.full(6, 10), total_active=np.array([60]))
    assert found.explained[0] == pytest.approx(50 / 60)


def test_nineteen_of_twenty_is_precise_enough():
    found = triggers(np.array([[19], [18]]), np.array([20]), total_active=np.array([19, 18]))
    assert found.explained.tolist() == [1.0, 0.0]


def test_the_beginning_of_a_sequence_can_be_left_out(counted, text):
    token, sequence = np.array(text[0]), text[1]
    token[::15] = 0
    token[(np.arange(900) % 15 > 0) & (token == 0)] = 1
    activity = np.isin(token, [0, 3])[:, None] * np.ones((1, 4))
    plain = detect(counted, activity, (token, sequence))
    without = detect(counted, activity, (token, sequence), ignored_tokens=[0])
    assert 0 in plain["trigger"].values[0, 0]
    assert without["trigger"].values[0, 0, :, 1].tolist() == [3, -1, -1, -1, -1]
    assert without["score"].values[0, 0] == 1.0
    with pytest.raises(InputError, match="ignored_tokens"):
        detect(counted, activity, (token, sequence), ignored_tokens=[99])


def test_no_tokens_is_an_error(counted):
    stored = counted(np.ones((4, 3)))
    empty = stored.triggers([9, 9, 9, 9], [0, 0, 0, 0], [[1]])
    with pytest.raises(InputError, match="unigrams"):
        token_detectors(unigrams=empty, moments=stored.moments())
    assert needs(Question()) is None
