"""Sentences beside what is almost a sentence: word lists and non-words for a localizer, grammatical minimal pairs."""

from __future__ import annotations

import numpy as np
import pandas as pd

from multiunit.core.errors import InputError

# The words of a small child's story, so that even a very small language model knows them.
_ANIMALS = ("dog", "cat", "bird", "bear", "rabbit", "frog", "duck", "horse", "pig", "cow")
_PEOPLE = ("boy", "girl", "man", "friend", "baby")
_THINGS = ("ball", "toy", "box", "book", "flower", "cake", "hat", "leaf", "stick", "car")
_PLACES = ("park", "house", "garden", "forest", "tree", "river", "room", "road", "farm", "store")
_ADJECTIVES = ("little", "big", "happy", "sad", "red", "pretty", "good", "small", "new", "funny")
_FEELINGS = ("happy", "sad", "tired", "hungry", "scared", "kind", "nice", "small")
_WENT = ("ran to", "walked to", "looked at", "went to", "jumped over")
_DID = ("found", "saw", "took", "wanted", "liked", "gave", "lost", "made")


def _noun_phrase(rng: np.random.Generator, nouns: tuple[str, ...]) -> str:
    return f"the {rng.choice(_ADJECTIVES)} {rng.choice(nouns)}"


def _sentence(rng: np.random.Generator) -> str:
    """One sentence of eleven or twelve words."""
    start = _noun_phrase(rng, _ANIMALS + _PEOPLE)
    went = f"{rng.choice(_WENT)} the {rng.choice(_PLACES)}"
    did = f"{rng.choice(_DID)} a {rng.choice(_ADJECTIVES)} {rng.choice(_THINGS)}"
    return rng.choice([f"{start} {went} and {did}", f"{start} {did} and {went}"])


def _written(words: list[str]) -> str:
    text = " ".join(words)
    return text[0].upper() + text[1:] + "."


def localizer_texts(n_items: int = 240, *, random_state: int | np.random.Generator = 0) -> pd.DataFrame:
    """Write the stimuli of a language localizer: sentences, their words in another order, and non-words.

    Each item is one sentence of a child's story, eleven or twelve words long, its words in random order
    ("word lists"), and its words with their letters in random order ("non-words"): the same letters, the same lengths.

    Args:
        n_items: items; three rows each.
        random_state: draws them.

    Returns:
        One row a text: `stimulus`, `stimulus_id`, `item`, `condition` ("sentences", "word lists" or "non-words").

    Raises:
        InputError: for no items.

    Source: the contrast of Fedorenko et al. 2010, doi:10.1152/jn.00032.2010; the texts are this library's own.

    >>> texts = localizer_texts(1).set_index("condition")["stimulus"]
    >>> same = [sorted(text.lower().replace(" ", "")) for text in texts]
    >>> same[0] == same[1] == same[2], texts.nunique()
    (True, 3)
    """
    if n_items < 1:
        raise InputError("n_items", n_items, "must be at least 1")
    rng = np.random.default_rng(random_state)
    rows = []
    for item in range(n_items):
        words = _sentence(rng).split()
        listed = [words[i] for i in _other_order(len(words), rng)]
        letters = ["".join(word[i] for i in _other_order(len(word), rng)) for word in words]
        for condition, said in (("sentences", words), ("word lists", listed), ("non-words", letters)):
            rows.append({"stimulus": _written(said), "item": item, "condition": condition})
    frame = pd.DataFrame(rows)
    frame.insert(1, "stimulus_id", np.arange(len(frame)))
    return frame


def grammatical_pairs(n_pairs: int = 120, *, random_state: int | np.random.Generator = 0) -> pd.DataFrame:
    """Write minimal pairs: a grammatical sentence beside one that differs from it in one place.

    Phenomena, in equal numbers: "agreement" ("the dogs were" / "was"), "order" (two neighbouring words swapped),
    "determiner" ("a ball" / "a balls") and "tense" ("did not want" / "did not wanted").

    Args:
        n_pairs: pairs; two rows each.
        random_state: draws them.

    Returns:
        One row a sentence: `stimulus`, `stimulus_id`, `pair`, `phenomenon`, `grammatical`.

    Raises:
        InputError: for no pairs.

    Source: the form is that of BLiMP (Warstadt et al. 2020, arXiv:1912.00582); the sentences are this library's own.

    >>> pairs = grammatical_pairs(8)
    >>> pairs.groupby("pair")["grammatical"].sum().tolist()
    [1, 1, 1, 1, 1, 1, 1, 1]
    """
    if n_pairs < 1:
        raise InputError("n_pairs", n_pairs, "must be at least 1")
    rng = np.random.default_rng(random_state)
    makers = {"agreement": _agreement, "order": _order, "determiner": _determiner, "tense": _tense}
    rows = []
    for pair in range(n_pairs):
        phenomenon = list(makers)[pair % len(makers)]
        for grammatical, words in zip((True, False), makers[phenomenon](rng), strict=True):
            row = {"stimulus": _written(words), "pair": pair, "phenomenon": phenomenon, "grammatical": grammatical}
            rows.append(row)
    frame = pd.DataFrame(rows)
    frame.insert(1, "stimulus_id", np.arange(len(frame)))
    return frame


def _agreement(rng: np.random.Generator) -> tuple[list[str], list[str]]:
    phrase, feeling = _noun_phrase(rng, _ANIMALS), rng.choice(_FEELINGS)
    plural = bool(rng.integers(2))
    noun = phrase + "s" * plural
    right, wrong = ("were", "was") if plural else ("was", "were")
    place = f"at the {rng.choice(_PLACES)}"
    return f"{noun} {right} very {feeling} {place}".split(), f"{noun} {wrong} very {feeling} {place}".split()


def _order(rng: np.random.Generator) -> tuple[list[str], list[str]]:
    words = _sentence(rng).split()
    # A determiner before its noun phrase cannot follow it, so that every such swap is ungrammatical.
    at = rng.choice([i for i, word in enumerate(words[:-1]) if word in ("the", "a")])
    return words, [*words[:at], words[at + 1], words[at], *words[at + 2 :]]


def _determiner(rng: np.random.Generator) -> tuple[list[str], list[str]]:
    noun = rng.choice([n for n in _THINGS if n not in ("box", "leaf")])
    start = f"{_noun_phrase(rng, _ANIMALS + _PEOPLE)} {rng.choice(_DID)} a {rng.choice(_ADJECTIVES)}".split()
    end = f"in the {rng.choice(_PLACES)}".split()
    return [*start, noun, *end], [*start, f"{noun}s", *end]


def _tense(rng: np.random.Generator) -> tuple[list[str], list[str]]:
    start = f"{_noun_phrase(rng, _ANIMALS + _PEOPLE)} did not".split()
    plain, past = (("want", "wanted"), ("like", "liked"), ("find", "found"), ("see", "saw"), ("take", "took"))[
        rng.integers(5)
    ]
    end = f"the {rng.choice(_THINGS)}".split()
    return [*start, plain, *end], [*start, past, *end]


def _other_order(n: int, rng: np.random.Generator) -> np.ndarray:
    """A random order that is not the given one, where there is another."""
    order = rng.permutation(n)
    while n > 1 and (order == np.arange(n)).all():
        order = rng.permutation(n)
    return order
