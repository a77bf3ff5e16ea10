"""Character text from a small probabilistic grammar whose word statistics are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from multiunit.core.errors import InputError

CHARACTERS = "\n .0123456789abcdefghijklmnopqrstuvwxyz"

# What may follow each class of words, and how often: a Markov chain that starts and ends at "end".
_FOLLOWS: Mapping[str, Mapping[str, float]] = {
    "end": {"determiner": 0.8, "number": 0.2},
    "determiner": {"adjective": 0.4, "noun": 0.6},
    "number": {"adjective": 0.2, "noun": 0.8},
    "adjective": {"adjective": 0.1, "noun": 0.9},
    "noun": {"verb": 0.6, "preposition": 0.15, "end": 0.25},
    "verb": {"determiner": 0.6, "number": 0.1, "preposition": 0.2, "end": 0.1},
    "preposition": {"determiner": 1.0},
}
_SHARE = {"determiner": 0.06, "adjective": 0.25, "noun": 0.38, "verb": 0.23, "preposition": 0.08}


@dataclass(frozen=True)
class Grammar:
    """Words by class, and the probability that one class follows another.

    Args:
        words: the words of each class, drawn with equal probability.
        follows: class -> the classes that may follow, with probabilities that sum to 1; `"end"` ends a sentence.
    """

    words: Mapping[str, tuple[str, ...]]
    follows: Mapping[str, Mapping[str, float]]

    def sentence(self, rng: np.random.Generator) -> list[str]:
        """The words of one sentence."""
        said: list[str] = []
        kind = "end"
        while True:
            followers = self.follows[kind]
            kind = str(rng.choice(list(followers), p=list(followers.values())))
            if kind == "end":
                return said
            said.append(str(rng.choice(self.words[kind])))

    def probability(self, word: str, *, after: str) -> float:
        """P(next word = `word` | this word = `after`): the bigram table the text was drawn from.

        >>> grammar = random_grammar(60)
        >>> noun, verb = grammar.words["noun"][0], grammar.words["verb"][0]
        >>> round(grammar.probability(verb, after=noun) * len(grammar.words["verb"]), 2)
        0.6
        """
        kinds = [next((k for k, words in self.words.items() if w in words), "") for w in (after, word)]
        if not all(kinds):
            raise InputError("word", (after, word), "is not a word of this grammar")
        before, kind = kinds
        return self.follows[before].get(kind, 0.0) / len(self.words[kind])


def random_grammar(n_words: int = 60, *, random_state: int | np.random.Generator = 0) -> Grammar:
    """Draw a grammar of pronounceable words (and numbers of one to three digits, which count extra).

    Raises:
        InputError: for fewer than 20 words.

    >>> grammar = random_grammar(60)
    >>> sum(len(words) for kind, words in grammar.words.items() if kind != "number")
    60
    """
    if n_words < 20:
        raise InputError("n_words", n_words, "needs at least 20 words to fill every class")
    rng = np.random.default_rng(random_state)
    sizes = {kind: max(2, round(share * n_words)) for kind, share in _SHARE.items()}
    sizes["noun"] += n_words - sum(sizes.values())
    seen: dict[str, None] = {}
    while len(seen) < n_words:
        syllables = rng.integers(1, 4)
        letters = [rng.choice(list("bdfgklmnprstvz")) + rng.choice(list("aeiou")) for _ in range(syllables)]
        seen["".join(letters) + str(rng.choice(["", "", "n", "s", "r", "l"]))] = None
    drawn = iter(seen)
    words = {kind: tuple(next(drawn) for _ in range(size)) for kind, size in sizes.items()}
    numbers = tuple(dict.fromkeys(str(rng.integers(10**d)) for d in (1, 2, 3) for _ in range(8)))
    return Grammar(words | {"number": numbers}, _FOLLOWS)


def grammar_text(
    grammar: Grammar, *, n_windows: int, window: int = 48, random_state: int | np.random.Generator = 0
) -> pd.DataFrame:
    """Cut a long text drawn from a grammar into windows of equal length: one character, one token.

    Words are separated by a space; a sentence ends with ". ", every third one with ".\\n" instead. Windows start
    anywhere in a word, so that position in the window says nothing about the text.

    Args:
        grammar: from `random_grammar`, or one's own.
        n_windows: rows.
        window: characters a row.
        random_state: draws the text.

    Returns:
        One row a window: `stimulus` int64 token ids `(window,)`, indices into `CHARACTERS`; `stimulus_id`; `text`.

    Raises:
        InputError: for no windows, or windows of less than two characters.

    >>> frame = grammar_text(random_grammar(60), n_windows=3, window=20)
    >>> [len(s) for s in frame["stimulus"]], decode(frame["stimulus"][0]) == frame["text"][0]
    ([20, 20, 20], True)
    """
    if n_windows < 1 or window < 2:
        name, value = ("n_windows", n_windows) if n_windows < 1 else ("window", window)
        raise InputError(name, value, "needs at least one window of two characters")
    rng = np.random.default_rng(random_state)
    pieces: list[str] = []
    length, n_sentences = 0, 0
    # Discarding a random start keeps the first window from always opening a sentence.
    start = int(rng.integers(window))
    while length < start + n_windows * window:
        words = grammar.sentence(rng)
        n_sentences += 1
        pieces.append(" ".join(words) + (".\n" if n_sentences % 3 == 0 else ". "))
        length += len(pieces[-1])
    text = "".join(pieces)[start:]
    texts = [text[i * window : (i + 1) * window] for i in range(n_windows)]
    return pd.DataFrame({"stimulus": [encode(t) for t in texts], "stimulus_id": np.arange(n_windows), "text": texts})


def encode(text: str) -> np.ndarray:
    """Token ids of a text, one a character.

    Raises:
        InputError: for a character outside `CHARACTERS`.

    >>> encode("a b").tolist()
    [13, 1, 14]
    """
    ids = [CHARACTERS.find(character) for character in text]
    if -1 in ids:
        raise InputError("text", text, f"holds {text[ids.index(-1)]!r}; there are only {CHARACTERS!r}")
    return np.array(ids, dtype=np.int64)


def decode(tokens: np.ndarray) -> str:
    """The text of token ids.

    >>> decode(encode("to be."))
    'to be.'
    """
    return "".join(CHARACTERS[token] for token in tokens)
