"""Copy memory: symbols are shown, a gap passes, and they have to be named in their order."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from multiunit.core.errors import InputError


class CopyMemory(NamedTuple):
    """Sequences and what has to be answered at each step.

    Args:
        tokens: int64 `(sequence, time)`: symbols are 1 to n_symbols, 0 is a blank, n_symbols + 1 the sign to answer,
            and what is above it noise.
        targets: int64 `(sequence, time)`: the symbols at the last n_recall steps, 0 before.
    """

    tokens: np.ndarray
    targets: np.ndarray


def copy_memory(
    n_sequences: int,
    *,
    gap: int = 20,
    n_recall: int = 10,
    n_symbols: int = 8,
    n_noise: int = 0,
    random_state: int | np.random.Generator = 0,
) -> CopyMemory:
    """Draw n_recall symbols, then a gap that ends with the sign to answer, then n_recall blanks in which to answer.

    A sequence lasts gap + 2 n_recall steps; each symbol is asked for gap + n_recall steps after it was shown. Who
    remembers nothing has an expected loss of n_recall log(n_symbols) nats a sequence.

    Args:
        n_sequences: how many.
        gap: steps between the last symbol and the first answer, the sign among them.
        n_recall: symbols to remember, drawn with replacement.
        n_symbols: kinds.
        n_noise: kinds of further symbols that fill the gap before the sign; 0 leaves it blank.
        random_state: seed or generator.

    Raises:
        InputError: for no sequences, gap or symbols, a single kind, or fewer than no kinds of noise.

    Source: Hochreiter & Schmidhuber, Neural Computation 9 (1997); laid out as in the code of Keller et al.,
    arXiv:2309.08045, whose T is gap + n_recall. Noise is ours.

    >>> task = copy_memory(1, gap=3, n_recall=2)
    >>> task.tokens[0].tolist(), task.targets[0].tolist()
    ([7, 6, 0, 0, 9, 0, 0], [0, 0, 0, 0, 0, 7, 6])
    """
    for name, value in (("n_sequences", n_sequences), ("gap", gap), ("n_recall", n_recall)):
        if value < 1:
            raise InputError(name, value, "must be at least 1")
    if n_symbols < 2:
        raise InputError("n_symbols", n_symbols, "needs at least two kinds to tell apart")
    if n_noise < 0:
        raise InputError("n_noise", n_noise, "is a number of kinds, 0 or more")
    rng = np.random.default_rng(random_state)
    symbols = rng.integers(1, n_symbols + 1, size=(n_sequences, n_recall))
    tokens = np.zeros((n_sequences, gap + 2 * n_recall), dtype=np.int64)
    targets = np.zeros_like(tokens)
    answer = gap + n_recall
    if n_noise:
        tokens[:, n_recall:answer] = n_symbols + 2 + rng.integers(n_noise, size=(n_sequences, gap))
    tokens[:, :n_recall] = targets[:, answer:] = symbols
    tokens[:, answer - 1] = n_symbols + 1
    return CopyMemory(tokens, targets)
