"""How sure a number is: percentile intervals of any metric when its samples are drawn again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from multiunit.core.errors import InputError
from multiunit.core.method import method


class Interval(NamedTuple):
    """The metric of the data, the ends of its interval, and its values over the draws, draws first."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    draws: np.ndarray


@method(kind="inference", source="efron1979")
def bootstrap(
    metric: Callable[..., Any],
    *samples: Any,
    groups: Any = None,
    n_bootstraps: int = 1000,
    level: float = 0.95,
    random_state: int | np.random.Generator = 0,
) -> Interval:
    """The percentile interval of a metric over samples drawn with replacement, rows of all arrays together.

    Args:
        metric: arrays -> a number or an array.
        samples: arrays with the samples along the first axis, all of one length.
        groups: label of each sample; whole groups (subjects, runs) are drawn, not single samples.
        n_bootstraps: how many draws.
        level: of the interval.
        random_state: seed or generator.

    Raises:
        InputError: for arrays of different lengths, fewer than two samples or groups, or a level outside (0, 1).

    Source: Efron 1979.

    >>> found = bootstrap(np.mean, np.array([1.0, 1.0, 1.0]))
    >>> float(found.low), float(found.high)
    (1.0, 1.0)
    """
    arrays = [np.asarray(sample) for sample in samples]
    n = len(arrays[0]) if arrays else 0
    if n < 2 or any(len(array) != n for array in arrays):
        raise InputError("samples", [a.shape for a in arrays], "needs arrays of one length, at least two samples")
    if not 0 < level < 1 or n_bootstraps < 1:
        raise InputError("level", level, "a probability between 0 and 1, and at least one draw")
    members = [np.array([row]) for row in range(n)]
    if groups is not None:
        labels = np.asarray(groups)
        members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
        if len(labels) != n or len(members) < 2:
            raise InputError("groups", len(members), f"needs a label for each of {n} samples, and two groups or more")
    rng = np.random.default_rng(random_state)
    draws = []
    for _ in range(n_bootstraps):
        chosen = np.concatenate([members[g] for g in rng.integers(len(members), size=len(members))])
        draws.append(np.asarray(metric(*(array[chosen] for array in arrays)), dtype=float))
    tail = (1 - level) / 2
    low, high = np.quantile(np.stack(draws), [tail, 1 - tail], axis=0)
    return Interval(np.asarray(metric(*arrays), dtype=float), low, high, np.stack(draws))
