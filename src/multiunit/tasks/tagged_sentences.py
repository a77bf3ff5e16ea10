"""Streams of sentences of equal length, whose sentences and phrases come round at fixed rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd

from multiunit.core.errors import InputError

Sentence = tuple[tuple[str, ...], ...]

# The words of a small child's story.
CHILD_WORDS: Mapping[str, tuple[str, ...]] = {
    "adjective": ("little", "big", "happy", "sad", "red", "pretty", "good", "small", "new", "funny", "old", "nice"),
    "subject": ("dogs", "cats", "birds", "bears", "frogs", "ducks", "pigs", "cows", "boys", "girls", "kids", "friends"),
    "verb": ("like", "see", "want", "find", "love", "eat", "take", "make", "hide", "share", "give", "need"),
    "object": ("balls", "toys", "cakes", "books", "hats", "cars", "pens", "leaves", "sticks", "apples", "bugs", "eggs"),
}
PHRASES: tuple[tuple[str, ...], ...] = (("adjective", "subject"), ("verb", "object"))


def tagged_sentences(
    n_sentences: int = 40,
    *,
    words: Mapping[str, Sequence[str]] = CHILD_WORDS,
    phrases: Sequence[Sequence[str]] = PHRASES,
    random_state: int | np.random.Generator = 0,
) -> list[Sentence]:
    """Draw different sentences of one form, each slot filled at random so that no word predicts another.

    Args:
        n_sentences: how many.
        words: class -> its words, without spaces.
        phrases: the classes of each phrase of a sentence; [adjective subject][verb object] unless given.
        random_state: seed or generator.

    Returns:
        Sentences as phrases as words.

    Raises:
        InputError: for no sentences, or more than there are.

    >>> tagged_sentences(1)
    [(('old', 'cows'), ('take', 'books'))]
    """
    n_possible = int(np.prod([float(len(words[kind])) for phrase in phrases for kind in phrase]))
    if not 1 <= n_sentences <= n_possible:
        raise InputError("n_sentences", n_sentences, f"needs at least 1, and at most the {n_possible} there are")
    rng = np.random.default_rng(random_state)
    drawn: dict[Sentence, None] = {}
    while len(drawn) < n_sentences:
        drawn[tuple(tuple(str(rng.choice(list(words[kind]))) for kind in phrase) for phrase in phrases)] = None
    return list(drawn)


def sentence_streams(
    sentences: Sequence[Sentence],
    *,
    n_streams: int = 1,
    scramble: Literal["nothing", "phrase", "sentence"] = "nothing",
    random_state: int | np.random.Generator = 0,
) -> pd.DataFrame:
    """String the same sentences together in another order for every stream, without any punctuation.

    At r words a second, sentences of four words come round at r / 4 and their phrases of two at r / 2.

    Args:
        sentences: as `tagged_sentences` gives them; equal in form, if they are to have a rate.
        n_streams: rows.
        scramble: `"phrase"` shuffles the words within every phrase, `"sentence"` within every sentence, anew in every
            stream; the words of a sentence stay together.
        random_state: seed or generator of orders and scrambles.

    Returns:
        One row a stream: `stimulus` (the text, words separated by one space), `stimulus_id`.

    Raises:
        InputError: for no sentences or streams, or an unknown scramble.

    >>> sentence_streams([(("old", "cows"), ("take", "books"))])["stimulus"][0]
    'old cows take books'
    """
    if scramble not in ("nothing", "phrase", "sentence"):
        raise InputError("scramble", scramble, "must be 'nothing', 'phrase' or 'sentence'")
    if not sentences or n_streams < 1:
        raise InputError("sentences", (len(sentences), n_streams), "needs at least one sentence and one stream")
    rng = np.random.default_rng(random_state)
    texts = []
    for _ in range(n_streams):
        said: list[str] = []
        for number in rng.permutation(len(sentences)):
            pieces: Sequence[tuple[str, ...]] = sentences[number]
            if scramble == "sentence":
                pieces = [tuple(word for phrase in pieces for word in phrase)]
            for piece in pieces:
                order = np.arange(len(piece)) if scramble == "nothing" else rng.permutation(len(piece))
                said += [piece[place] for place in order]
        texts.append(" ".join(said))
    return pd.DataFrame({"stimulus": texts, "stimulus_id": np.arange(n_streams)})
