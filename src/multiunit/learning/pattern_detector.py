"""One-shot detection of spatial spike patterns: a teacher pairs with the inputs, homeostasis sets the threshold."""

from __future__ import annotations

import numpy as np

from multiunit.core.errors import InputError


def paired_weights(
    patterns: np.ndarray,
    teacher_after: np.ndarray,
    *,
    a_plus: float = 1.0,
    a_minus: float = 0.5,
    tau: float = 0.02,
    interval: float = 0.1,
    w_max: float = 1.0,
) -> np.ndarray:
    """Weights of one detector after a stream of patterns, by spike-timing-dependent plasticity of all pairs.

    Pattern n spikes at n * interval; the teacher makes the detector spike `teacher_after[n]` seconds later, or not at
    all where that is NaN. At an input's spike w <- max(0, w - a_minus y), at the detector's w <- min(w_max, w + a_plus
    x); traces x of the input and y of the detector gain 1 at a spike and decay with tau. Weights start at 0.

    Args:
        patterns: `(presentation, input)`, true where the input spikes.
        teacher_after: `(presentation,)`, seconds, above 0 and below interval, or NaN.

    Returns:
        `(input,)`.

    Raises:
        InputError: for shapes that do not fit, or a teacher outside its interval.

    Source: reconstructed from the abstract of Davies et al., arXiv:2312.02659; the constants are not the authors'.

    >>> paired_weights(np.array([[True, True, False]]), np.array([0.002])).round(3).tolist()    # e^(-2 / 20)
    [0.905, 0.905, 0.0]
    """
    patterns, teacher_after = np.asarray(patterns, dtype=bool), np.asarray(teacher_after, dtype=float)
    if patterns.ndim != 2 or teacher_after.shape != patterns.shape[:1]:
        raise InputError("teacher_after", teacher_after.shape, "needs one time for each row of patterns")
    if ((teacher_after <= 0) | (teacher_after >= interval)).any():
        raise InputError("teacher_after", teacher_after.tolist(), f"needs times between 0 and {interval} s, or NaN")
    w, x, y = np.zeros(patterns.shape[1]), np.zeros(patterns.shape[1]), 0.0
    for pattern, after in zip(patterns, teacher_after, strict=True):
        w = np.where(pattern, np.maximum(0.0, w - a_minus * y), w)
        x = x + pattern
        if np.isfinite(after):
            w = np.minimum(w_max, w + a_plus * x * np.exp(-after / tau))
            y = y * np.exp(-after / tau) + 1.0
            y *= np.exp(-(interval - after) / tau)
        else:
            y *= np.exp(-interval / tau)
        x = x * np.exp(-interval / tau)
    return w


def homeostatic_threshold(weights: np.ndarray, patterns: np.ndarray, *, tolerance: float = 0.02) -> float:
    """The threshold that the weakest of the learned patterns just passes: (1 - tolerance) min_P sum_{j in P} w_j.

    Args:
        weights: `(input,)`.
        patterns: `(pattern, input)`, those that were learned.
        tolerance: the share of the drive that may be missing, at least 0 and below 1.

    Raises:
        InputError: for a tolerance out of its range.

    >>> homeostatic_threshold(np.array([1.0, 1.0, 0.0]), np.array([[True, True, False]]), tolerance=0.25)
    1.5
    """
    if not 0 <= tolerance < 1:
        raise InputError("tolerance", tolerance, "needs a share at least 0 and below 1")
    return float((1 - tolerance) * (np.asarray(patterns, dtype=float) @ weights).min())
