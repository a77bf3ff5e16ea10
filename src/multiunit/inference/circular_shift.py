"""What chance gives two time series: one of them turned against the other, its own rhythm kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.inference.permutation import NullTest, compare_with_null


def shifts(n: int, *, n_permutations: int, minimum: int = 1, random_state: int | np.random.Generator = 0) -> np.ndarray:
    """Random shifts of a series of length `n`, at least `minimum` samples either way round.

    Raises:
        InputError: if the series is too short for that.
    """
    if minimum < 1 or n <= 2 * minimum:
        raise InputError("minimum", minimum, f"needs a shift of at least one and below half of the {n} samples")
    return np.random.default_rng(random_state).integers(minimum, n - minimum + 1, size=n_permutations)


@method(kind="inference", source="harris2020")
def circular_shift(
    metric: Callable[[Any, Any], Any],
    x: Any,
    *,
    y: Any,
    minimum: int = 1,
    n_permutations: int = 200,
    random_state: int | np.random.Generator = 0,
) -> NullTest:
    """Does `metric(x, y)` exceed what it is when `y` is rotated in time? Its autocorrelation is kept.

    Args:
        metric: two arrays -> a number or an array; larger is more.
        x: samples in time along the first axis.
        y: samples in time, as many.
        minimum: smallest shift in samples. Leave it at one for a test: small shifts are what a chance peak at no shift
            competes with (decision 26).
        n_permutations: how many shifts.
        random_state: seed or generator.

    Raises:
        InputError: for different lengths or a series too short to shift.

    Source: Harris 2020, bioRxiv 2020.11.29.402719, on nonsense correlations of slow series, and on what a shift can
    not mend: it is exact only for stationary series that close on themselves.

    >>> wave = np.sin(np.arange(400) / 3.0)
    >>> test = circular_shift(lambda a, b: float(a @ b), wave, y=wave, n_permutations=50)
    >>> bool(test.p_value < 0.2), test.null.shape
    (True, (50,))
    """
    y = np.asarray(y)
    steps = shifts(len(y), n_permutations=n_permutations, minimum=minimum, random_state=random_state)
    rows = np.arange(len(y))
    return compare_with_null(metric, x, y=y, orders=iter((rows - step) % len(y) for step in steps))
