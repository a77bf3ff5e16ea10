"""When in training a score has come half of its way."""

from __future__ import annotations

from typing import Any

import numpy as np

from multiunit.core.errors import InputError


def half_time(scores: Any, steps: Any) -> np.ndarray:
    """The first training step at which each score has gained half of what it gains in all.

    g_t = score_t - score_0; the first crossing of g_last / 2, by straight lines between checkpoints over
    log(1 + step).

    Args:
        scores: `(checkpoint, ...)`, such as `(checkpoint, area)`; the first is the untrained model's.
        steps: `(checkpoint,)`, from 0 upwards.

    Returns:
        `(...)`, in steps; NaN where the last score is not above the first: what gains nothing has no half.

    Raises:
        InputError: for fewer than two checkpoints, steps that do not rise, or scores that are not finite.

    Source: Raugel et al. 2025, arXiv:2508.18226; reconstructed: subtraction of the untrained score and interpolation
    are ours.

    >>> half_time([[0.1, 0.1], [0.2, 0.5], [0.3, 0.5]], [0, 8, 1000]).round(3).tolist()    # log 3 is half of log 9
    [8.0, 2.0]
    """
    values, step = np.asarray(scores, dtype=np.float64), np.asarray(steps, dtype=np.float64)
    if values.ndim < 1 or len(values) < 2 or not np.isfinite(values).all():
        raise InputError("scores", values.shape, "needs finite scores of two checkpoints or more")
    if step.shape != values.shape[:1] or not (step[0] >= 0 and (np.diff(step) > 0).all()):
        raise InputError("steps", step.tolist(), f"needs {len(values)} rising numbers from 0")
    flat = values.reshape(len(values), -1)
    gain = flat - flat[0]
    place = np.log1p(step)
    found = np.full(flat.shape[1], np.nan)
    for column in np.flatnonzero(gain[-1] > 0):
        way = gain[:, column]
        half = way[-1] / 2
        k = int(np.argmax(way >= half))
        share = (half - way[k - 1]) / (way[k] - way[k - 1])
        found[column] = np.expm1(place[k - 1] + share * (place[k] - place[k - 1]))
    return found.reshape(values.shape[1:])
