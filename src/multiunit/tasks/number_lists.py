"""Lists of numbers, and what is asked of each of their beginnings; values that are asked for by their key."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from multiunit.core.errors import InputError


class NumberLists(NamedTuple):
    """Lists and the answer at each of their positions.

    Args:
        inputs: `(list, position, feature)`: the number, and for a lookup the one-hot key and the one-hot key asked for.
        targets: `(list, position, 1)`.
    """

    inputs: np.ndarray
    targets: np.ndarray


def number_lists(
    task: str,
    n_lists: int,
    *,
    length: int = 8,
    high: float = 2.0,
    exclude: float = 0.0,
    random_state: int | np.random.Generator = 0,
) -> NumberLists:
    """Draw lists, each from a range of its own, and tell at each position the answer for the list up to it.

    The two ends of a list's range are drawn uniformly from [-high, high], and its numbers uniformly between them.

    - `sum`, `min`: of the numbers so far.
    - `median`: of the numbers so far, the mean of the middle two if there are two.
    - `maxsub`: the largest sum of neighbours among the numbers so far, at least one of them.
    - `sort`: the whole list in rising order.

    All answers scale with the numbers, so that the squared error of lists c times larger is comparable after division
    by c^2.

    Args:
        task: one of these.
        n_lists: how many.
        length: numbers in each.
        high: largest magnitude.
        exclude: lists whose range lies within [-exclude, exclude] are drawn anew; 0 keeps all.
        random_state: seed or generator.

    Returns:
        Inputs and targets, `(list, position, 1)` both.

    Raises:
        InputError: for an unknown task, no lists or numbers, or an `exclude` that leaves too little.

    Source: Back de Luca et al., arXiv:2410.01686, as in the authors' code (tasks, draw of ranges, rejection).

    >>> lists = number_lists("sum", 1, length=3)
    >>> bool(np.allclose(lists.targets[0], lists.inputs[0].cumsum(0)))
    True
    """
    answers: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "sum": lambda x: x.cumsum(1),
        "min": lambda x: np.minimum.accumulate(x, 1),
        "median": lambda x: np.stack([np.median(x[:, : i + 1], 1) for i in range(x.shape[1])], 1),
        "maxsub": _largest_sums,
        "sort": lambda x: np.sort(x, 1),
    }
    if task not in answers:
        raise InputError("task", task, f"must be one of {', '.join(answers)}")
    _check(n_lists, length, high)
    # Both ends fall within a share (exclude / high)^2 of the time; near 1 the draw would not end.
    if not 0 <= exclude <= 0.9 * high:
        raise InputError("exclude", exclude, f"from 0 to nine tenths of high, {0.9 * high:g}")
    rng = np.random.default_rng(random_state)
    ends = rng.uniform(-high, high, (n_lists, 2))
    while (within := (np.abs(ends) <= exclude).all(1)).any():
        ends[within] = rng.uniform(-high, high, (within.sum(), 2))
    x = rng.uniform(ends.min(1)[:, None], ends.max(1)[:, None], (n_lists, length))
    return NumberLists(x[..., None], answers[task](x)[..., None])


def keyed_lookup(
    n_lists: int, *, length: int = 8, high: float = 2.0, random_state: int | np.random.Generator = 0
) -> NumberLists:
    """Draw lists of keys and numbers, and ask at each position for the number of a key that stands anywhere.

    Each of `length` keys stands at a random position; which ones are asked for is drawn with replacement. Where to
    look is told by the contents alone, never by the position. Who knows no better than 0 has a mean squared error of
    high^2 / 3.

    Args:
        n_lists: how many.
        length: numbers in each, and keys.
        high: numbers are uniform in [-high, high], each by itself.
        random_state: seed or generator.

    Returns:
        Inputs `(list, position, 1 + 2 length)`, targets `(list, position, 1)`.

    Raises:
        InputError: for no lists or numbers, or a `high` that is not positive.

    >>> lists = keyed_lookup(1, length=3)
    >>> number, key, asked = lists.inputs[0, :, 0], lists.inputs[0, :, 1:4], lists.inputs[0, :, 4:]
    >>> bool(np.allclose(asked @ key.T @ number, lists.targets[0, :, 0]))
    True
    """
    _check(n_lists, length, high)
    rng = np.random.default_rng(random_state)
    x = rng.uniform(-high, high, (n_lists, length))
    keys = rng.permuted(np.tile(np.arange(length), (n_lists, 1)), axis=1)
    asked = rng.integers(length, size=(n_lists, length))
    found = np.take_along_axis(x, np.take_along_axis(np.argsort(keys, axis=1), asked, axis=1), axis=1)
    one_hot = np.eye(length)
    return NumberLists(np.concatenate([x[..., None], one_hot[keys], one_hot[asked]], axis=2), found[..., None])


def _check(n_lists: int, length: int, high: float) -> None:
    for name, size in (("n_lists", n_lists), ("length", length)):
        if size < 1:
            raise InputError(name, size, "needs at least one")
    if not 0 < high < np.inf:
        raise InputError("high", high, "must be positive and finite")


def _largest_sums(x: np.ndarray) -> np.ndarray:
    """Kadane's algorithm: the best sum that ends here is this number, alone or after the best that ended before."""
    here = x.copy()
    for i in range(1, x.shape[1]):
        here[:, i] += np.maximum(here[:, i - 1], 0)
    return np.maximum.accumulate(here, 1)
