"""The adding problem: two numbers of a long sequence are marked, and their sum has to be told at its end."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from multiunit.core.errors import InputError


class Adding(NamedTuple):
    """Sequences and their sums.

    Args:
        inputs: `(sequence, time, 2)`: numbers in [0, 1), and marks, 1 at two steps and 0 elsewhere.
        sums: `(sequence,)`, of the two marked numbers.
    """

    inputs: np.ndarray
    sums: np.ndarray


def adding(n_sequences: int, *, length: int = 100, random_state: int | np.random.Generator = 0) -> Adding:
    """Draw numbers uniformly, and mark one in the first half and one in the second.

    Who always answers 1 has a mean squared error of 1/6.

    Args:
        n_sequences: how many.
        length: steps; of an odd number the second half is the longer one.
        random_state: seed or generator.

    Raises:
        InputError: for no sequences or fewer than two steps.

    Source: Hochreiter & Schmidhuber, Neural Computation 9 (1997), as in the code of Keller et al., arXiv:2309.08045.

    >>> task = adding(1, length=4)
    >>> marked = task.inputs[0, :, 1] == 1
    >>> marked.tolist(), bool(np.isclose(task.inputs[0, marked, 0].sum(), task.sums[0]))
    ([True, False, False, True], True)
    """
    if n_sequences < 1 or length < 2:
        name, value = ("n_sequences", n_sequences) if n_sequences < 1 else ("length", length)
        raise InputError(name, value, "needs at least one sequence of two steps")
    rng = np.random.default_rng(random_state)
    numbers, marks = rng.random((n_sequences, length)), np.zeros((n_sequences, length))
    rows = np.arange(n_sequences)
    marks[rows, rng.integers(length // 2, size=n_sequences)] = 1
    marks[rows, rng.integers(length // 2, length, size=n_sequences)] = 1
    return Adding(np.stack([numbers, marks], axis=2), (numbers * marks).sum(1))
