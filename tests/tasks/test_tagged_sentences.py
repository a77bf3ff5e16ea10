import pytest

from multiunit.core.errors import InputError
from multiunit.tasks.tagged_sentences import CHILD_WORDS, sentence_streams, tagged_sentences

KIND = {word: kind for kind, words in CHILD_WORDS.items() for word in words}


def kinds(text):
    return [KIND[word] for word in text.split(" ")]


def test_every_stream_has_the_same_sentences_in_another_order():
    drawn = tagged_sentences(10)
    streams = sentence_streams(drawn, n_streams=3)["stimulus"]
    sentences = [[tuple(s.split()[i : i + 4]) for i in range(0, 40, 4)] for s in streams]
    assert len(set(drawn)) == 10
    assert sentences[0] != sentences[1]
    assert all(sorted(s) == sorted(a + b for a, b in drawn) for s in sentences)
    assert kinds(streams[0]) == ["adjective", "subject", "verb", "object"] * 10


def test_a_scramble_keeps_words_within_their_phrase_or_sentence():
    for scramble, size, classes in (
        ("phrase", 2, {("adjective", "subject"), ("object", "verb")}),
        ("sentence", 4, {("adjective", "object", "subject", "verb")}),
    ):
        said = kinds(sentence_streams(tagged_sentences(30), scramble=scramble)["stimulus"][0])
        assert said != ["adjective", "subject", "verb", "object"] * 30
        assert {tuple(sorted(said[i : i + size])) for i in range(0, 120, size)} == classes


def test_bad_arguments_are_named():
    with pytest.raises(InputError, match="n_sentences=0"):
        tagged_sentences(0)
    with pytest.raises(InputError, match="at most the 2"):
        tagged_sentences(3, words={"a": ["x", "y"]}, phrases=[["a"]])
    with pytest.raises(InputError, match="scramble='word'"):
        sentence_streams(tagged_sentences(2), scramble="word")
    with pytest.raises(InputError, match="one stream"):
        sentence_streams(tagged_sentences(2), n_streams=0)
