"""Every Boolean function of a few bits, and which of them are monotone."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from multiunit.core.errors import InputError


class BooleanFunctions(NamedTuple):
    """Args:
    inputs: float32 `(row, bit)`, all rows of 0 and 1, the first bit the slowest.
    outputs: float32 0 or 1, `(function, row)`; function k gives bit r of k at row r.
    is_monotone: bool `(function,)`; raising a bit never lowers the output.
    """

    inputs: np.ndarray
    outputs: np.ndarray
    is_monotone: np.ndarray


def boolean_functions(n_bits: int) -> BooleanFunctions:
    """All 2^(2^n) functions of n bits.

    f is monotone if x <= x' in every bit implies f(x) <= f(x'); there are 3, 6, 20, 168 of them for 1 to 4 bits
    (Dedekind numbers, constants among them).

    Args:
        n_bits: 1 to 4.

    Raises:
        InputError: for another number of bits.

    >>> found = boolean_functions(2)
    >>> found.outputs.shape, int(found.is_monotone.sum())
    ((16, 4), 6)
    >>> found.outputs[6].tolist(), bool(found.is_monotone[6])            # exclusive or
    ([0.0, 1.0, 1.0, 0.0], False)
    """
    if not 1 <= n_bits <= 4:
        raise InputError("n_bits", n_bits, "must be 1 to 4; there are too many functions of more bits")
    rows = np.arange(2**n_bits)
    inputs = rows[:, None] >> np.arange(n_bits)[::-1] & 1
    outputs = (np.arange(2 ** len(rows))[:, None] >> rows & 1).astype(np.float32)
    is_monotone = np.ones(len(outputs), dtype=bool)
    for bit in range(n_bits):
        low = rows[rows >> bit & 1 == 0]
        is_monotone &= (outputs[:, low] <= outputs[:, low + 2**bit]).all(axis=1)
    return BooleanFunctions(inputs.astype(np.float32), outputs, is_monotone)
