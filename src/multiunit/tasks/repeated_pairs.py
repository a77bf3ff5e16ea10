"""Names that come again: prompts that can only be completed by looking back, and twins that cannot be."""

from __future__ import annotations

import numpy as np
import pandas as pd

from multiunit.core.errors import InputError


def repeated_pairs(
    n_pairs: int, *, n_names: int = 30, length: int = 12, random_state: int | np.random.Generator = 0
) -> pd.DataFrame:
    """Write prompts `... A B ... A`, to be completed by B, and for each a twin that ends on a new name instead.

    All names of a prompt but A differ, so that B is told by what followed A and by nothing else; in the twin the same
    names stand in the same places, but nothing tells how it goes on.

    Args:
        n_pairs: prompts; as many twins.
        n_names: tokens, the numbers from 0.
        length: tokens of a prompt.
        random_state: seed or generator.

    Returns:
        One row a prompt: `stimulus` int64 `(length,)`, `stimulus_id`, `pair`, `solvable`, `answer` (B) and `foil`
        (another name of the prompt), the latter two the same for both twins.

    Raises:
        InputError: for no pairs, prompts of fewer than 4 tokens, or too few names for them to differ.

    >>> prompts = repeated_pairs(1, length=6)
    >>> solvable, twin = prompts["stimulus"]
    >>> after = solvable[list(solvable).index(solvable[-1]) + 1]
    >>> bool(after == prompts["answer"][0]), int((solvable != twin).sum())
    (True, 1)
    """
    if n_pairs < 1 or length < 4:
        name, value = ("n_pairs", n_pairs) if n_pairs < 1 else ("length", length)
        raise InputError(name, value, "needs at least one pair of prompts of 4 tokens")
    if n_names < length:
        raise InputError("n_names", n_names, f"prompts of {length} different names need at least as many")
    rng = np.random.default_rng(random_state)
    rows = []
    for pair in range(n_pairs):
        names = rng.permutation(n_names)[:length]
        first = int(rng.integers(length - 2))
        others = np.delete(names[:-1], [first, first + 1])
        answer, foil = int(names[first + 1]), int(rng.choice(others))
        for solvable in (True, False):
            stimulus = names.copy()
            if solvable:
                stimulus[-1] = names[first]
            rows.append({"stimulus": stimulus, "pair": pair, "solvable": solvable, "answer": answer, "foil": foil})
    frame = pd.DataFrame(rows)
    frame.insert(1, "stimulus_id", np.arange(len(frame)))
    return frame


def paired_text(
    n_texts: int,
    *,
    n_names: int = 30,
    length: int = 16,
    fillers: float = 0.2,
    bigrams: float = 0.2,
    random_state: int | np.random.Generator = 0,
) -> list[np.ndarray]:
    """Texts of a few pairs of names that come again and again, as training for `repeated_pairs`.

    Each text has pairs of its own, in random order: who has met A B in it knows what follows A. Between the pairs
    stand single names, so that a name's place does not tell whether it is a first one. Some pairs are those of a
    table that holds in all texts: something to be learned without looking back.

    Args:
        n_texts: texts.
        n_names: tokens, the numbers from 0.
        length: tokens of a text.
        fillers: probability that a single name stands where a pair could, in [0, 1).
        bigrams: probability that a pair is the table's, in [0, 1].
        random_state: seed or generator; draws the table too.

    Returns:
        int64 arrays `(length,)`.

    Raises:
        InputError: for no texts, texts of fewer than 12 tokens, no more names than half the length, or a probability
            out of its range.

    >>> text = paired_text(1, fillers=0.0)[0].reshape(-1, 2)
    >>> len(text), len(np.unique(text, axis=0)) < 5
    (8, True)
    """
    if n_texts < 1:
        raise InputError("n_texts", n_texts, "must be at least 1")
    if length < 12:
        raise InputError("length", length, "must be at least 12")
    if n_names <= length // 2:
        raise InputError("n_names", n_names, f"texts of {length} tokens need more than {length // 2} names")
    if not 0 <= bigrams <= 1 or not 0 <= fillers < 1:
        name, value = ("fillers", fillers) if 0 <= bigrams <= 1 else ("bigrams", bigrams)
        raise InputError(name, value, "is a probability")
    rng = np.random.default_rng(random_state)
    following = rng.permutation(n_names)
    texts = []
    for _ in range(n_texts):
        n_pairs = int(rng.integers(3, length // 4 + 1))
        names = rng.permutation(n_names)
        (first, second), rest = names[: 2 * n_pairs].reshape(2, n_pairs), names[2 * n_pairs :]
        second = np.where(rng.random(n_pairs) < bigrams, following[first], second)
        # As many pieces as would do if all were single names.
        pieces = zip(
            rng.random(length) < fillers, rng.choice(rest, length), rng.integers(n_pairs, size=length), strict=True
        )
        said = [[single] if alone else [first[pair], second[pair]] for alone, single, pair in pieces]
        texts.append(np.concatenate(said)[:length].astype(np.int64))
    return texts
