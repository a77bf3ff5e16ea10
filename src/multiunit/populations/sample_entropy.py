"""Sample entropy: how often what was alike stays alike one sample later."""

from __future__ import annotations

import numpy as np

from multiunit.core.errors import InputError


def sample_entropy(x: np.ndarray, *, m: int = 2, r: float = 0.2) -> float:
    """Unpredictability of a series: -ln(A / B).

    B counts the pairs of stretches of `m` samples whose largest difference is at most r deviations of the series, A
    those that are still alike with one sample more; both over the N - m places where the longer stretch fits, no
    stretch with itself.

    Args:
        x: `(sample,)`.
        m: length of the stretches.
        r: tolerance, in standard deviations of the series.

    Returns:
        Nats; 0 for a series that repeats itself, inf where nothing alike stays alike.

    Raises:
        InputError: for a series too short or constant, values that are not finite, or no stretches alike at all.

    Source: Richman & Moorman 2000, doi:10.1152/ajpheart.2000.278.6.H2039.

    >>> sample_entropy(np.tile([0.0, 1.0, 3.0], 100))
    0.0
    >>> rng = np.random.default_rng(0)
    >>> bool(sample_entropy(rng.normal(size=500)) > 1.5)
    True
    """
    x = np.asarray(x, dtype=np.float64)
    if x.ndim != 1 or m < 1 or len(x) < m + 2:
        raise InputError("x", x.shape, f"needs (sample,), m + 2 = {m + 2} samples or more, m of 1 or more")
    if not np.isfinite(x).all() or not r > 0:
        raise InputError("x" if r > 0 else "r", "not finite" if r > 0 else r, "needs finite samples and r above 0")
    deviation = x.std()
    if not deviation > 0:
        raise InputError("x", "constant", "a series that does not change has no scale for r")
    n = len(x) - m
    near = np.abs(x[:, None] - x) <= r * deviation
    alike = np.ones((n, n), dtype=bool)
    for k in range(m):
        alike &= near[k : k + n, k : k + n]
    longer = alike & near[m : m + n, m : m + n]
    b, a = int(alike.sum()) - n, int(longer.sum()) - n
    if not b:
        raise InputError("r", r, "no two stretches are alike; raise r or give more samples")
    return float(-np.log(a / b)) + 0.0 if a else float("inf")
