"""Sums, products and the like of two numbers modulo a third: a world of few facts and one rule."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from multiunit.core.errors import InputError

OPERATIONS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "quadratic": lambda a, b: a * a + a * b + b * b,
}


def modular_arithmetic(
    operation: str = "add",
    *,
    modulus: int = 31,
    train_fraction: float = 0.5,
    random_state: int | np.random.Generator = 0,
) -> pd.DataFrame:
    """All pairs (a, b) of numbers below the modulus, with (a op b) mod p.

    Args:
        operation: `add`, `subtract`, `multiply` or `quadratic`, a^2 + a b + b^2.
        modulus: p, at least 2.
        train_fraction: share of the pairs, drawn at random, whose `split` is "train"; the others' is "test".
        random_state: seed or generator of the draw.

    Returns:
        One row a pair: `stimulus` (an array of the two numbers), `a`, `b`, `answer`, `split`.

    Raises:
        InputError: for an unknown operation, or a modulus or fraction that leaves a split empty.

    Source: Power et al. 2022, arXiv:2201.02177.

    >>> pairs = modular_arithmetic("subtract", modulus=5, train_fraction=0.2)
    >>> pairs.query("a == 1 and b == 3")["answer"].item(), (pairs["split"] == "train").sum().item()
    (3, 5)
    """
    if operation not in OPERATIONS:
        raise InputError("operation", operation, f"must be one of {', '.join(OPERATIONS)}")
    n_train = round(train_fraction * modulus**2)
    if modulus < 2 or not 0 < n_train < modulus**2:
        raise InputError("train_fraction", (train_fraction, modulus), "leaves a split empty")
    a, b = (grid.ravel() for grid in np.meshgrid(np.arange(modulus), np.arange(modulus), indexing="ij"))
    split = np.full(modulus**2, "test", dtype=object)
    split[np.random.default_rng(random_state).permutation(modulus**2)[:n_train]] = "train"
    answer = OPERATIONS[operation](a, b) % modulus
    return pd.DataFrame({"stimulus": list(np.stack([a, b], axis=1)), "a": a, "b": b, "answer": answer, "split": split})
