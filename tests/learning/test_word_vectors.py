import numpy as np
import pytest

from multiunit.core import InputError
from multiunit.learning.word_vectors import ppmi, word_vectors


def counted(tokens, n_words, window):
    """Pairs by the book, one place after another."""
    counts = np.zeros((n_words, n_words))
    for i, word in enumerate(tokens):
        for j in range(max(0, i - window), min(len(tokens), i + window + 1)):
            if i != j and word >= 0 and tokens[j] >= 0:
                counts[word, tokens[j]] += 1
    return counts


@pytest.mark.parametrize("window", [1, 3])
@pytest.mark.parametrize("smoothing", [1.0, 0.75])
def test_ppmi_is_that_of_pairs_counted_one_by_one(window, smoothing):
    tokens = np.random.default_rng(0).integers(-1, 7, size=300)
    counts = counted(tokens, 8, window)  # word 7 never occurs
    of_word = counts.sum(axis=1)
    of_context = of_word**smoothing / (of_word**smoothing).sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = np.log(counts / counts.sum() / (of_word[:, None] / counts.sum() * of_context))
    expected = np.where(np.isfinite(expected), np.maximum(expected, 0), 0)
    np.testing.assert_allclose(ppmi(tokens, n_words=8, window=window, smoothing=smoothing).toarray(), expected)


def test_vectors_are_the_singular_vectors_strongest_first_and_nested():
    tokens = np.random.default_rng(1).integers(0, 20, size=2000)
    vectors = word_vectors(tokens, n_words=20, n_components=6)
    u, s, _ = np.linalg.svd(ppmi(tokens, n_words=20).toarray())
    expected = u[:, :6] * np.sqrt(s[:6])
    np.testing.assert_allclose(vectors @ vectors.T, expected @ expected.T, atol=1e-8)
    assert (np.diff(np.linalg.norm(vectors, axis=0)) <= 1e-9).all()
    fewer = word_vectors(tokens, n_words=20, n_components=3)
    np.testing.assert_allclose(fewer, vectors[:, :3], atol=1e-7)
    np.testing.assert_array_equal(vectors, word_vectors(tokens, n_words=20, n_components=6))


def test_words_of_one_topic_lie_together_unless_the_text_is_shuffled():
    rng = np.random.default_rng(2)
    tokens = (10 * rng.integers(3, size=400)[:, None] + rng.integers(10, size=(400, 12))).ravel()
    topic = np.arange(30) // 10

    def separation(text):
        v = word_vectors(text, n_words=30, n_components=3)
        v /= np.linalg.norm(v, axis=1, keepdims=True)
        cosine, same = v @ v.T, topic[:, None] == topic
        return cosine[same & ~np.eye(30, dtype=bool)].mean() - cosine[~same].mean()

    assert separation(tokens) > 0.8
    assert abs(separation(rng.permutation(tokens))) < 0.2


@pytest.mark.parametrize(
    ("argument", "tokens", "options"),
    [
        ("tokens", [], {}),
        ("tokens", [0.5, 1.0], {}),
        ("tokens", [0, 5], {}),
        ("tokens", [-2, 1], {}),
        ("tokens", [0, -1, -1, -1, 1], {"window": 2}),
        ("tokens", [0, 0, 0, 0], {"smoothing": 1.0}),
        ("window", [0, 1], {"window": 0}),
        ("smoothing", [0, 1], {"smoothing": 2.0}),
        ("n_components", [0, 1], {"n_components": 5}),
        ("n_components", [0, 1], {"n_components": 0}),
    ],
)
def test_what_cannot_be_counted_is_named(argument, tokens, options):
    with pytest.raises(InputError, match=f"^{argument}="):
        word_vectors(tokens, **{"n_words": 5, "n_components": 2} | options)
