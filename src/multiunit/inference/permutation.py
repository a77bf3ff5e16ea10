"""What chance gives: the metric with the samples of one array put in another order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from multiunit.core.errors import InputError
from multiunit.core.method import method


class NullTest(NamedTuple):
    """The metric of the data, its values under the null (draws first), and the share of them at least as large."""

    value: np.ndarray
    null: np.ndarray
    p_value: np.ndarray


@method(kind="inference", source="phipson2010")
def permutation_test(
    metric: Callable[[Any, Any], Any],
    x: Any,
    *,
    y: Any,
    within: Any = None,
    n_permutations: int = 1000,
    random_state: int | np.random.Generator = 0,
) -> NullTest:
    """Does `metric(x, y)` exceed what it is when the rows of `y` are permuted? p = (1 + #{null >= value}) / (1 + n).

    Args:
        metric: two arrays -> a number or an array; larger is more.
        x: samples along the first axis.
        y: samples along the first axis, as many.
        within: label of each sample; permutations keep to each label (block, run).
        n_permutations: how many.
        random_state: seed or generator.

    Raises:
        InputError: for different lengths or fewer than two samples.

    Source: Phipson & Smyth 2010 for the count of the data itself.

    >>> x = np.arange(8.0)
    >>> test = permutation_test(lambda a, b: np.corrcoef(a, b)[0, 1], x, y=2 * x, n_permutations=99)
    >>> round(float(test.value), 6), float(test.p_value)
    (1.0, 0.01)
    """
    rng = np.random.default_rng(random_state)
    y = np.asarray(y)
    blocks = [np.arange(len(y))]
    if within is not None:
        labels = np.asarray(within)
        if len(labels) != len(y):
            raise InputError("within", len(labels), f"needs a label for each of {len(y)} samples")
        blocks = [np.flatnonzero(labels == label) for label in np.unique(labels)]

    def orders() -> Iterator[np.ndarray]:
        for _ in range(n_permutations):
            order = np.arange(len(y))
            for block in blocks:
                order[block] = rng.permutation(block)
            yield order

    return compare_with_null(metric, x, y=y, orders=orders())


def compare_with_null(metric: Callable[[Any, Any], Any], x: Any, *, y: Any, orders: Iterator[np.ndarray]) -> NullTest:
    """The metric of the data beside its values with `y` in each of the orders."""
    x, y = np.asarray(x), np.asarray(y)
    if len(x) != len(y) or len(x) < 2:
        raise InputError("y", y.shape, f"needs as many samples as x ({len(x)}), at least two")
    value = np.asarray(metric(x, y), dtype=float)
    null = np.stack([np.asarray(metric(x, y[order]), dtype=float) for order in orders])
    return NullTest(value, null, p_values(value, null))


def p_values(value: np.ndarray, null: np.ndarray) -> np.ndarray:
    """(1 + how many draws are at least as large) / (1 + number of draws)."""
    return (1 + (null >= value).sum(axis=0)) / (1 + len(null))
