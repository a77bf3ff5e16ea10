"""A series with the same spectrum and nothing else: its phases drawn anew."""

from __future__ import annotations

import numpy as np

from multiunit.core.errors import InputError


def phase_surrogate(x: np.ndarray, *, random_state: int | np.random.Generator = 0) -> np.ndarray:
    """Give a series the same amplitudes at all frequencies, and random phases: linear structure is all that is left.

    Args:
        x: `(sample,)`, evenly sampled.
        random_state: seed or generator.

    Returns:
        `(sample,)`, of the same mean and variance.

    Raises:
        InputError: for fewer than four samples, or values that are not finite.

    Source: Theiler et al. 1992, doi:10.1016/0167-2789(92)90102-S.

    >>> x = np.random.default_rng(1).exponential(size=101)
    >>> y = phase_surrogate(x)
    >>> bool(np.allclose(np.abs(np.fft.rfft(x)), np.abs(np.fft.rfft(y)))), bool(np.abs(x - y).max() > 1)
    (True, True)
    """
    x = np.asarray(x, dtype=np.float64)
    if x.ndim != 1 or len(x) < 4 or not np.isfinite(x).all():
        raise InputError("x", x.shape, "needs (sample,), four samples or more, all finite")
    spectrum = np.fft.rfft(x)
    turn = np.exp(2j * np.pi * np.random.default_rng(random_state).random(len(spectrum)))
    turn[0] = 1.0  # the mean
    if len(x) % 2 == 0:
        turn[-1] = 1.0  # the highest frequency of an even series must stay real
    return np.fft.irfft(spectrum * turn, n=len(x))
