"""Stitching: whether the rest of one network can work on the activity of another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.linear_model import LinearRegression

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.similarity.paired import paired


@method(
    kind="similarity",
    source="arXiv:2110.14633",
    symmetric=False,
    example=lambda rng: _example(rng),
)
def stitching(
    x: Any,
    y: Any,
    *,
    head: Callable[[np.ndarray], Any],
    labels: Any,
    train_fraction: float = 0.5,
    random_state: int | np.random.Generator = 0,
) -> float:
    """Compare two systems by use: bring x to y by an affine map, and see how well what follows y names it.

    accuracy(head(x A + b)) / accuracy(head(y)) on held-out presentations; A, b by least squares |x A + b - y|^2 on the
    others. Invertible affine maps of x change nothing.

    Args:
        x, y: `(presentation, unit)`, the same presentations; several times as many as units.
        head: what follows y: `(presentation, unit)` -> scores `(presentation, class)`.
        labels: right class numbers, `(presentation,)`.
        train_fraction: share of presentations on which the map is fitted.
        random_state: draws them.

    Returns:
        1 if nothing is lost; chance over the head's own accuracy if all is.

    Raises:
        InputError: for shapes that do not fit, numbers that are not finite, a constant system, a fraction that leaves
            one part empty, or a head that is never right on y.

    Source: Csiszarik et al. 2021, arXiv:2110.14633 (direct matching); Lenc and Vedaldi 2015 for stitching itself.
    Trained by the task's loss instead, a map can score higher.

    >>> x = np.random.default_rng(0).normal(size=(60, 3))
    >>> y, head = x[:, ::-1] + 2, lambda y: y - 2
    >>> stitching(x, y, head=head, labels=(y - 2).argmax(axis=1))
    1.0
    """
    sides = paired(x, y)
    classes = np.asarray(labels)
    n = len(sides.x)
    if classes.shape != (n,):
        raise InputError("labels", classes.shape, f"needs one class number for each of {n} presentations")
    n_train = round(train_fraction * n)
    if not 2 <= n_train < n:
        raise InputError("train_fraction", train_fraction, f"must leave some of {n} presentations for either part")
    order = np.random.default_rng(random_state).permutation(n)
    train, test = order[:n_train], order[n_train:]
    given = np.asarray(getattr(y, "activity", y), dtype=np.float64)
    mapped = LinearRegression().fit(sides.x[train], given[train]).predict(sides.x[test])
    own, stitched = (float(np.mean(_named(head, side) == classes[test])) for side in (given[test], mapped))
    if own == 0:
        raise InputError("head", own, "is never right on y itself; check labels and head")
    return stitched / own


def _named(head: Callable[[np.ndarray], Any], activity: np.ndarray) -> np.ndarray:
    scores = np.asarray(head(activity))
    if scores.ndim != 2 or len(scores) != len(activity):
        raise InputError("head", scores.shape, f"must give (presentation, class) for {len(activity)} presentations")
    return np.asarray(scores.argmax(axis=1))


def _example(rng: np.random.Generator) -> tuple[tuple[()], dict[str, Any]]:
    y = rng.normal(size=(60, 4))
    x = y @ rng.normal(size=(4, 6)) + rng.normal(size=(60, 6))
    return (), {"x": x, "y": y, "head": lambda activity: activity, "labels": y.argmax(axis=1)}
