from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.tasks import decode, encode, grammar_text, random_grammar


def test_probabilities_after_a_word_sum_to_one_or_end():
    grammar = random_grammar(40)
    for kind, follows in grammar.follows.items():
        if kind == "end":
            continue
        total = sum(
            grammar.probability(word, after=grammar.words[kind][0])
            for words in grammar.words.values()
            for word in words
        )
        assert total == pytest.approx(1 - follows.get("end", 0.0))


def test_text_has_the_bigrams_of_the_grammar():
    grammar = random_grammar(24, random_state=1)
    text = "".join(grammar_text(grammar, n_windows=3000, window=100, random_state=2)["text"])
    counts, totals = Counter(), Counter()
    for sentence in text.replace("\n", " ").split(". ")[1:-1]:
        words = sentence.split(" ")
        counts.update(pairwise(words))
        totals.update(words)
    noun = grammar.words["noun"][0]
    for word in grammar.words["verb"]:
        expected = grammar.probability(word, after=noun)
        n = totals[noun]
        assert counts[noun, word] / n == pytest.approx(expected, abs=4 * np.sqrt(expected / n))


def test_windows_are_one_text_and_position_is_uninformative():
    frame = grammar_text(random_grammar(), n_windows=4000, window=48, random_state=3)
    tokens = np.stack(frame["stimulus"])
    spaces = (tokens == encode(" ")[0]).mean(axis=0)
    assert spaces.std() < 4 * np.sqrt(spaces.mean() / len(frame))


def test_seeded_and_decodable():
    grammar = random_grammar(30, random_state=4)
    a, b, c = (grammar_text(grammar, n_windows=5, random_state=s)["text"].tolist() for s in (0, 0, 1))
    assert a == b != c
    assert grammar == random_grammar(30, random_state=4) != random_grammar(30, random_state=5)
    assert decode(encode(a[0])) == a[0]


def test_words_are_unique():
    words = [w for kind in random_grammar(200).words.values() for w in kind]
    assert len(words) == len(set(words))


def test_bad_input_is_named():
    with pytest.raises(InputError, match="n_words=3"):
        random_grammar(3)
    with pytest.raises(InputError, match="window=1"):
        grammar_text(random_grammar(), n_windows=1, window=1)
    with pytest.raises(InputError, match="'A'"):
        encode("A")
    with pytest.raises(InputError, match="is not a word"):
        random_grammar().probability("xyzzy", after="the")
