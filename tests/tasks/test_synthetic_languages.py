import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.tasks import random_languages, synthetic_languages


def test_families_share_their_cognates_and_nothing_else():
    languages = random_languages(n_families=3, n_per_family=3, n_concepts=20, cognates=0.75)
    assert languages.names == ["a0", "a1", "a2", "b0", "b1", "b2", "c0", "c1", "c2"]
    assert languages.lexicon.max() == languages.n_tokens - 1
    for family in range(3):
        first, *others = languages.lexicon[languages.families == family]
        assert all(np.mean(first == other) == 0.75 for other in others)
    tokens = [set(languages.lexicon[languages.families == f].ravel()) for f in range(3)]
    assert tokens[0].isdisjoint(tokens[1])
    assert tokens[0].isdisjoint(tokens[2])
    assert tokens[1].isdisjoint(tokens[2])


def test_a_shared_surface_uses_every_token_in_every_language():
    languages = random_languages(n_concepts=20, cognates=0.8, shared_surface=True)
    assert languages.n_tokens == 20
    assert all(sorted(words) == list(range(20)) for words in languages.lexicon)
    assert np.mean(languages.lexicon[0] == languages.lexicon[1]) == 0.8
    assert np.mean(languages.lexicon[0] == languages.lexicon[2]) < 0.5


def test_translations_mean_the_same():
    languages = random_languages(random_state=2)
    frame = synthetic_languages(languages, n_sequences=5, parallel=True, random_state=1)
    for _, group in frame.groupby("meaning_id"):
        meanings = []
        for language, tokens in zip(group["language"], group["stimulus"], strict=True):
            words = languages.lexicon[languages.names.index(language)]
            meanings.append([np.flatnonzero(words == t)[0] for t in tokens])
        assert all(m == meanings[0] for m in meanings)


def test_sequences_follow_the_semantics():
    languages = random_languages(n_concepts=8, n_successors=3, shared_surface=False, random_state=4)
    frame = synthetic_languages(languages, n_sequences=2000, length=10, parallel=False, random_state=5)
    words = languages.lexicon[0]
    one = frame[frame["language"] == "a0"]["stimulus"]
    concepts = np.stack([np.searchsorted(words, s, sorter=np.argsort(words)) for s in one])
    concepts = np.argsort(words)[concepts]
    counts = np.zeros((8, 8))
    np.add.at(counts, (concepts[:, :-1].ravel(), concepts[:, 1:].ravel()), 1)
    n = counts.sum(axis=1, keepdims=True)
    assert (np.abs(counts / n - languages.transitions) < 4 * np.sqrt(0.25 / n)).all()
    assert (counts[languages.transitions == 0] == 0).all()


def test_shares_and_seed():
    languages = random_languages(n_families=1, n_per_family=2)
    frame = synthetic_languages(languages, n_sequences=1000, shares=np.array([0.9, 0.1]))
    assert (frame["language"] == "a0").mean() == pytest.approx(0.9, abs=0.04)
    again = synthetic_languages(languages, n_sequences=1000, shares=np.array([0.9, 0.1]))
    assert all(np.array_equal(a, b) for a, b in zip(frame["stimulus"], again["stimulus"], strict=True))


def test_bad_input_is_named():
    with pytest.raises(InputError, match="cognates=2"):
        random_languages(cognates=2)
    with pytest.raises(InputError, match="n_successors=30"):
        random_languages(n_concepts=24, n_successors=30)
    with pytest.raises(InputError, match="shares"):
        synthetic_languages(random_languages(), n_sequences=1, shares=np.ones(2))
    with pytest.raises(InputError, match="n_sequences=0"):
        synthetic_languages(random_languages(), n_sequences=0)
