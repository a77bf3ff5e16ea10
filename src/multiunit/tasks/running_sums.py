"""Sums written step by step, some by a careless writer: texts that end with a right or a wrong answer."""

from __future__ import annotations

import numpy as np
import pandas as pd

from multiunit.core.errors import InputError

# Digits are their own tokens; this one ends the prompt.
EQUALS = 10
N_TOKENS = 11


def running_sums(
    n_items: int,
    *,
    n_digits: int = 5,
    hard: tuple[int, ...] = (5, 6, 7, 8, 9),
    slip: float = 0.7,
    careless: float = 0.5,
    random_state: int | np.random.Generator = 0,
) -> pd.DataFrame:
    """Write digits, "=", and the totals of the first, the first two, ... digits modulo 10; the last one is the answer.

    At a hard digit a careless writer slips with probability `slip`: he forgets to add it, writes the same total again,
    and goes on from there. The others never slip. So the hard digits to come tell how likely the answer will be right,
    a slip tells that it is wrong and - as slips come from the careless - that more may follow: whoever predicts the
    text gains by noticing it.

    Args:
        n_items: rows.
        n_digits: digits of every prompt.
        hard: the hard digits; 0 cannot be forgotten.
        slip: probability that a careless writer forgets a hard digit.
        careless: probability that a writer is careless.
        random_state: seed or generator.

    Returns:
        One row an item: `stimulus` int64 `(2 n_digits + 1,)`, `stimulus_id`, `careless`, `n_hard`, `right` (whether the
        last total is that of all digits).

    Raises:
        InputError: for no items or digits, or what is no probability.

    >>> frame = running_sums(1, n_digits=3, slip=0.0)
    >>> frame["stimulus"][0].tolist(), bool(frame["right"][0])
    ([8, 6, 5, 10, 8, 4, 9], True)
    """
    for name, size in (("n_items", n_items), ("n_digits", n_digits)):
        if size < 1:
            raise InputError(name, size, "needs at least one")
    for name, probability in (("slip", slip), ("careless", careless)):
        if not 0 <= probability <= 1:
            raise InputError(name, probability, "a probability")
    rng = np.random.default_rng(random_state)
    digits = rng.integers(10, size=(n_items, n_digits))
    is_hard = np.isin(digits, hard)
    is_careless = rng.random(n_items) < careless
    slips = is_hard & is_careless[:, None] & (rng.random(digits.shape) < slip)
    totals = np.cumsum(np.where(slips, 0, digits), axis=1) % 10
    rows = np.concatenate([digits, np.full((n_items, 1), EQUALS), totals], axis=1)
    columns = {"stimulus": list(rows), "stimulus_id": np.arange(n_items), "careless": is_careless}
    return pd.DataFrame({**columns, "n_hard": is_hard.sum(axis=1), "right": answered_rightly(rows)})


def answered_rightly(rows: np.ndarray) -> np.ndarray:
    """Whether the last total is that of all digits, `(item,)`, of written items `(item, 2 n_digits + 1)`.

    >>> answered_rightly(np.array([[8, 6, 10, 8, 4], [8, 6, 10, 1, 7]])).tolist()
    [True, False]
    """
    return rows[:, -1] == rows[:, : rows.shape[1] // 2].sum(axis=1) % 10


def slipped(rows: np.ndarray) -> np.ndarray:
    """Whether each total is not the one before plus the digit, bool `(item, n_digits)`.

    >>> slipped(np.array([[8, 6, 10, 8, 4], [8, 6, 10, 1, 7]])).tolist()
    [[False, False], [True, False]]
    """
    n_digits = rows.shape[1] // 2
    return np.diff(rows[:, n_digits + 1 :], axis=1, prepend=0) % 10 != rows[:, :n_digits]
