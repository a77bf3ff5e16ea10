"""Lempel-Ziv complexity: how many phrases it takes to say a spike train that were not said before."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from multiunit.core.errors import InputError


def lempel_ziv_phrases(x: Any) -> np.ndarray:
    """Number of phrases of the exhaustive history of each sequence.

    The sequence is cut from the left into the shortest phrases that cannot be copied from before: the phrase that
    begins at i is s_i ... s_{i+l}, l being the largest for which s_i ... s_{i+l-1} occurs in s_0 ... s_{i+l-2}, which
    may overlap it. What is left at the end counts as a phrase.

    Args:
        x: `(..., time)`, whole numbers or bools, such as spikes in bins.

    Returns:
        Counts, `(...)`.

    Raises:
        InputError: for no samples, or values that are not whole numbers.

    Source: Lempel & Ziv, IEEE Transactions on Information Theory 22 (1976); Kaspar & Schuster, Physical Review A 36
    (1987), for the example.

    >>> def digits(text): return np.array([int(d) for d in text])
    >>> lempel_ziv_phrases(digits("0001101001000101")).item()    # 0 001 10 100 1000 101
    6
    >>> lempel_ziv_phrases(np.zeros((2, 50), bool)).tolist()    # 0 000...
    [2, 2]
    """
    x = np.asarray(x)
    if x.ndim < 1 or not x.shape[-1] or x.dtype.kind not in "biu":
        raise InputError("x", (x.shape, str(x.dtype)), "needs (..., time), one sample or more, whole numbers or bools")
    flat = np.ascontiguousarray(x.reshape(-1, x.shape[-1]).astype(np.int64))
    return _phrases(flat).reshape(x.shape[:-1])


def lempel_ziv_complexity(x: Any) -> np.ndarray:
    """Phrases of each binary sequence against those of a fair coin: c log2(n) / n.

    Tends to the entropy rate in bits a sample as n grows, from above: a coin's 1000 tosses give about 1.1.

    Args:
        x: `(..., time)`, bools or 0 and 1.

    Returns:
        `(...)`; 0 for a single sample.

    Raises:
        InputError: for no samples, or values that are not 0 or 1.

    Source: see `lempel_ziv_phrases`.

    >>> coin = np.random.default_rng(0).random(1000) < 0.5
    >>> x = np.stack([np.arange(1000) % 2 == 0, coin])
    >>> lempel_ziv_complexity(x).round(1).tolist()
    [0.0, 1.1]
    """
    x = np.asarray(x)
    counts = lempel_ziv_phrases(x)
    if x.min() < 0 or x.max() > 1:
        raise InputError("x", (int(x.min()), int(x.max())), "needs values of 0 and 1")
    n = x.shape[-1]
    return np.asarray(counts * np.log2(n) / n)


@njit(cache=True)
def _phrases(x: Any) -> Any:
    n_rows, n = x.shape
    counts = np.zeros(n_rows, np.int64)
    for r in range(n_rows):
        s = x[r]
        i = 0
        while i < n:
            longest = 0
            for start in range(i):
                length = 0
                while i + length < n and s[start + length] == s[i + length]:
                    length += 1
                longest = max(longest, length)
                if i + longest >= n:
                    break
            counts[r] += 1
            i += longest + 1
    return counts
