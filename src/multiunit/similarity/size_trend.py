"""Size trend: does a score rise with the size of the model it is of?"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.stats import spearmanr

from multiunit.core.errors import InputError


class SizeTrend(NamedTuple):
    """Rank correlation of score and size, and what the score gains with ten times the size."""

    spearman: float
    per_decade: float


def size_trend(scores: Any, sizes: Any) -> SizeTrend:
    """How a score goes with size: its order, and its slope on a logarithmic axis.

    spearman = rank correlation of score and size; per_decade = b of the least-squares line score = a + b log10(size).
    Few sizes tell little: of five in a random order, one in 120 rises throughout.

    Args:
        scores: `(model,)`.
        sizes: `(model,)`, above 0, such as numbers of parameters or of dimensions; they need not be sorted.

    Raises:
        InputError: for fewer than three models, lengths that differ, numbers that are not finite, a size of 0 or less,
            or scores or sizes that are all the same.

    >>> size_trend([0.1, 0.3, 0.2], [10, 1000, 100])
    SizeTrend(spearman=1.0, per_decade=0.1)
    """
    y, x = np.asarray(scores, dtype=np.float64), np.asarray(sizes, dtype=np.float64)
    if y.ndim != 1 or len(y) < 3 or not np.isfinite(y).all():
        raise InputError("scores", y.shape, "needs one finite score for each of three or more models")
    if x.shape != y.shape or not np.isfinite(x).all() or x.min() <= 0:
        raise InputError("sizes", sizes, f"needs {len(y)} finite numbers above 0")
    for name, values in (("scores", y), ("sizes", x)):
        if np.ptp(values) == 0:
            raise InputError(name, float(values[0]), "are all the same, so there is no trend to tell")
    decades = np.log10(x) - np.log10(x).mean()
    slope = decades @ (y - y.mean()) / (decades @ decades)
    return SizeTrend(round(float(spearmanr(x, y).statistic), 12), round(float(slope), 12))
