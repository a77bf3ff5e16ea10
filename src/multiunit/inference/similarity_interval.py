"""How sure the score of two systems is: with other presentations, other units, or both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.core.recording import Recording

Over = Literal["presentation", "unit", "both"]


@method(kind="inference", source="politis1994")
def similarity_interval(
    metric: Callable[[Any, Any], Any],
    x: Any,
    *,
    y: Any,
    over: Over = "presentation",
    groups: Any = None,
    n_bootstraps: int = 200,
    level: float = 0.95,
    random_state: int | np.random.Generator = 0,
) -> xr.Dataset:
    """The interval of `metric(x, y)` if other presentations had been shown, or other units recorded, or both.

    Presentations: random halves of them without return. A half of n differs from the whole as the whole differs from
    all there could be, var(1/2) = var(2/n - 1/n) = var(1/n); a bootstrap with return shows a presentation beside
    itself, at distance 0, which no metric of distances, kernels or neighbours survives unbiased. Units: of each system
    drawn with return. Both: at once. Scores of fewer presentations or of repeated units are biased, so the interval is
    [score + q_low, score + q_high], with q the quantiles of the draws less their mean. It holds what samples of this
    size give on average: where a score depends on the number of presentations (SVCCA) or units (CKA) it does not say
    what infinitely many would give.

    Args:
        metric: two arrays -> a number.
        x, y: arrays or recordings, `(presentation, unit)`, the same presentations.
        over: what varies.
        groups: label of each presentation; whole groups (sentences, sessions) are drawn.
        n_bootstraps: draws.
        level: of the interval.
        random_state: seed or generator.

    Returns:
        `score`, `low`, `high`, and `draw_value(draw)`, the scores of the draws as they are.

    Raises:
        InputError: for different numbers of presentations, fewer than four presentations or groups when they vary, an
            unknown `over`, a level outside (0, 1), no draws, or a score that is not a finite number.

    Source: half-sampling, Politis and Romano 1994, Annals of Statistics 22; units, Efron 1979.

    >>> x = np.random.default_rng(0).normal(size=(400, 1))
    >>> y = 0.6 * x + 0.8 * np.random.default_rng(1).normal(size=(400, 1))
    >>> found = similarity_interval(lambda a, b: float(np.corrcoef(a[:, 0], b[:, 0])[0, 1]), x, y=y)
    >>> round(float(found["high"] - found["low"]), 1), round(2 * 1.96 * (1 - 0.6**2) / 20, 1)       # by theory
    (0.1, 0.1)
    """
    if over not in ("presentation", "unit", "both"):
        raise InputError("over", over, "must be 'presentation', 'unit' or 'both'")
    if not 0 < level < 1 or n_bootstraps < 1:
        raise InputError("level", level, "a probability between 0 and 1, and at least one draw")
    first, second = (np.asarray(side.activity if isinstance(side, Recording) else side) for side in (x, y))
    if first.ndim != 2 or second.ndim != 2 or len(first) != len(second):
        shapes = (first.shape, second.shape)
        raise InputError("y", shapes, "x and y need the same presentations, each (presentation, unit)")
    labels = np.arange(len(first)) if groups is None else np.asarray(groups)
    if labels.shape != (len(first),):
        raise InputError("groups", labels.shape, f"needs a label for each of {len(first)} presentations")
    names, number = np.unique(labels, return_inverse=True)
    if over != "unit" and len(names) < 4:
        raise InputError("groups" if groups is not None else "x", len(names), "needs four to draw halves of")
    rng = np.random.default_rng(random_state)
    score = _finite(metric(first, second))
    draws = np.empty(n_bootstraps)
    for draw in range(n_bootstraps):
        sides = [first, second]
        if over != "unit":
            chosen = np.zeros(len(names), dtype=bool)
            chosen[rng.permutation(len(names))[: len(names) // 2]] = True
            sides = [side[chosen[number]] for side in sides]
        if over != "presentation":
            sides = [side[:, rng.integers(side.shape[1], size=side.shape[1])] for side in sides]
        draws[draw] = _finite(metric(*sides))
    tail = (1 - level) / 2
    low, high = score + np.quantile(draws - draws.mean(), [tail, 1 - tail])
    return xr.Dataset(
        {"score": score, "low": low, "high": high, "draw_value": ("draw", draws)},
        attrs={"over": over, "level": level, "n_bootstraps": n_bootstraps},
    )


def _finite(value: Any) -> float:
    found = np.asarray(value, dtype=np.float64)
    if found.ndim or not np.isfinite(found):
        raise InputError("metric", value, "must give one finite number, also for a part of the data")
    return float(found)
