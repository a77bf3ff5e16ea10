"""Relative representations: a system told by how alike each presentation is to a few anchors."""

from __future__ import annotations

from typing import Any

import numpy as np

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.similarity.paired import paired


def relative_representation(activity: Any, anchors: Any, *, centre: bool = False) -> np.ndarray:
    """Describe presentations by their cosines with anchors, which no rotation or scale of the system changes.

    r_j = cos(E(x), E(a_j)): what is trained on r of one system can be run on r of another, if both have the same
    anchors in the same order.

    Args:
        activity: `(presentation, unit)`.
        anchors: `(anchor, unit)`, the system's activity for the anchors: some of the presentations, drawn at random or
            by `farthest_points`.
        centre: take the mean of the anchors from both first; then no translation changes r either.

    Returns:
        `(presentation, anchor)`, -1 to 1; 0 for activity of length 0.

    Raises:
        InputError: for shapes that do not fit, or numbers that are not finite.

    Source: Moschella et al. 2023, arXiv:2209.15430.

    >>> relative_representation([[2.0, 0.0], [1.0, 1.0]], [[0.0, 3.0]]).round(3).tolist()
    [[0.0], [0.707]]
    """
    x, a = (np.asarray(side, dtype=np.float64) for side in (activity, anchors))
    if x.ndim != 2 or a.ndim != 2 or x.shape[1] != a.shape[1] or not len(a):
        raise InputError("anchors", (x.shape, a.shape), "needs (presentation, unit) and (anchor, unit), the same units")
    for name, side in (("activity", x), ("anchors", a)):
        if not np.isfinite(side).all():
            raise InputError(name, "NaN or infinity", "drop or fill what is missing first")
    if centre:
        x, a = x - a.mean(axis=0), a - a.mean(axis=0)
    lengths = [np.linalg.norm(side, axis=1, keepdims=True) for side in (x, a)]
    x, a = (
        np.divide(side, length, out=np.zeros_like(side), where=length > 0)
        for side, length in zip((x, a), lengths, strict=True)
    )
    return np.asarray(np.clip(x @ a.T, -1.0, 1.0))


def farthest_points(activity: Any, *, n: int, random_state: int | np.random.Generator = 0) -> np.ndarray:
    """Choose presentations that cover a system: each the farthest from those chosen before it.

    Args:
        activity: `(presentation, unit)`.
        n: how many.
        random_state: draws the first one.

    Returns:
        Their numbers, `(n,)`, in the order of choice.

    Raises:
        InputError: for another shape, numbers that are not finite, or more than there are.

    Source: Gonzalez 1985, Theoretical Computer Science 38.

    >>> 2 in farthest_points([[0.0], [0.1], [9.0]], n=2)
    True
    """
    x = np.asarray(activity, dtype=np.float64)
    if x.ndim != 2 or not np.isfinite(x).all():
        raise InputError("activity", x.shape, "needs finite numbers (presentation, unit)")
    if not 1 <= n <= len(x):
        raise InputError("n", n, f"from 1 to the {len(x)} presentations")
    chosen = [int(np.random.default_rng(random_state).integers(len(x)))]
    distance = np.full(len(x), np.inf)
    while len(chosen) < n:
        distance = np.minimum(distance, np.linalg.norm(x - x[chosen[-1]], axis=1))
        distance[chosen[-1]] = -1.0  # else equal presentations could be chosen twice
        chosen.append(int(np.argmax(distance)))
    return np.array(chosen)


@method(
    kind="similarity",
    source="arXiv:2209.15430",
    invariant=("rotation", "isotropic_scaling", "translation"),
    not_invariant=("linear",),
    symmetric=True,
    example=lambda rng: ((rng.normal(size=(40, 6)), rng.normal(size=(40, 8))), {}),
)
def relative_similarity(x: Any, y: Any, *, n_anchors: int = 30, random_state: int | np.random.Generator = 0) -> float:
    """Compare two systems by their relative representations: can what reads the one read the other?

    mean_i cos(r_i, s_i): r and s the `relative_representation`s of centred x and y to the same random presentations.

    Args:
        x, y: `(presentation, unit)`, the same presentations.
        n_anchors: anchors; as many as there are presentations if these are fewer.
        random_state: draws the anchors.

    Returns:
        1 for systems that differ by rotation, shift and scale; near 0 for unrelated ones, or below.

    Raises:
        InputError: for shapes that do not fit, numbers that are not finite, a constant system, or no anchors.

    Source: Moschella et al. 2023, arXiv:2209.15430.

    >>> x = np.random.default_rng(0).normal(size=(50, 3))
    >>> round(relative_similarity(x, 2 * x[:, ::-1] + 1), 9), abs(relative_similarity(x[::2], x[1::2])) < 0.3
    (1.0, True)
    """
    sides = paired(x, y)
    if n_anchors < 1:
        raise InputError("n_anchors", n_anchors, "at least one")
    n = len(sides.x)
    rows = np.random.default_rng(random_state).permutation(n)[:n_anchors]
    r, s = (relative_representation(side, side[rows]) for side in sides)
    length = np.linalg.norm(r, axis=1) * np.linalg.norm(s, axis=1)
    inner = np.sum(r * s, axis=1)
    return float(np.mean(np.divide(inner, length, out=np.zeros(n), where=length > 0)))
