"""How much of a cyclic code lies in a few frequencies: the mark of a network that found modular arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np

from multiunit.core.errors import InputError
from multiunit.core.method import method


def fourier_power(embedding: np.ndarray) -> np.ndarray:
    """Power of every frequency k = 1 .. p // 2 of a code of p symbols on a circle, summed over units.

    P_k = sum_u |sum_a E_au exp(2 pi i k a / p)|^2; a real code has the same power at k and p - k, counted once.

    Args:
        embedding: `(symbol, unit)`.

    Returns:
        `(frequency,)`.
    """
    return np.square(np.abs(np.fft.rfft(embedding, axis=0)[1:])).sum(axis=1)


@method(kind="population", source="arXiv:2301.05217", example=lambda rng: ((rng.normal(size=(31, 8)),), {}))
def fourier_concentration(embedding: Any, *, top: int = 5) -> float:
    """Share of the power, without that of the mean, that the strongest frequencies hold.

    c = sum of the `top` largest P_k / sum_k P_k

    Args:
        embedding: `(symbol, unit)`, an array or tensor, symbols in their cyclic order.
        top: how many frequencies.

    Returns:
        A share in (0, 1]; a code without structure gives about top / (p // 2) or a little more.

    Raises:
        InputError: for other shapes, fewer than three symbols, `top` below 1, or a code that is constant or not finite.

    Source: Nanda et al. 2023, arXiv:2301.05217, section 5 (there: the Gini coefficient of the same powers).

    >>> angle = 2 * np.pi * 3 * np.arange(31)[:, None] / 31
    >>> round(fourier_concentration(np.hstack([np.cos(angle), np.sin(angle)]), top=1), 6)
    1.0
    """
    values = np.asarray(embedding.detach().cpu() if hasattr(embedding, "detach") else embedding, dtype=np.float64)
    if values.ndim != 2 or len(values) < 3 or not values.shape[1]:
        raise InputError("embedding", values.shape, "needs (symbol, unit), at least three symbols")
    if not np.isfinite(values).all():
        raise InputError("embedding", "NaN or infinity", "must be finite")
    if top < 1:
        raise InputError("top", top, "at least one frequency")
    power = np.sort(fourier_power(values))[::-1]
    if not power.sum() > 0:
        raise InputError("embedding", "constant", "all symbols have one code: there is no power to share out")
    return float(power[:top].sum() / power.sum())
