"""Energy distance of shapes: how far apart two noisy systems are, whatever the form of their noise."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.spatial.distance import cdist

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.similarity.shape_distance import Group
from multiunit.similarity.stochastic_shape import align, check_search, repeated, turns


@method(
    kind="similarity",
    source="arXiv:2211.11665",
    invariant=("rotation", "translation"),
    not_invariant=("isotropic_scaling", "linear"),
    symmetric=True,
    distance=True,
    example=lambda rng: ((), {"x": rng.normal(size=(6, 10, 3)), "y": rng.normal(size=(6, 12, 3))}),
)
def energy_distance(
    x: Any,
    y: Any,
    *,
    q: float = 1.0,
    group: Group = "orthogonal",
    n_restarts: int = 1,
    n_iterations: int = 100,
    random_state: int | np.random.Generator = 0,
) -> float:
    """Measure how far apart two systems are whose responses vary over repeats, without taking them for Gaussian.

    d^2 = min_T mean_i [E|X - T Y|^q - 1/2 E|X - X'|^q - 1/2 E|Y - Y'|^q] over stimuli i, X and X' two repeats of it;
    units are centred over all stimuli and repeats first. X and X' may be the same repeat (this is the distance of the
    two empirical distributions), so that d is 0 for equal ones and never imaginary.

    Args:
        x, y: `(stimulus, repeat, unit)`, the same stimuli; repeats may differ in number. The system of fewer units
            gets silent ones. Memory grows with the product of the repeats.
        q: exponent, above 0 and below 2.
        group: `"orthogonal"` or `"permutation"`, of T.
        n_restarts: random turns to start from, each with its inverse, beside the alignment of the means and no turn;
            the best is kept, an upper bound of the distance.
        n_iterations: most rounds of re-weighted Procrustes of a start.
        random_state: draws the starts.

    Returns:
        The root of d^2.

    Raises:
        InputError: for shapes that do not fit, fewer than two repeats, numbers that are not finite, or an unknown
            option.

    Source: Duong et al. 2023, arXiv:2211.11665; Szekely and Rizzo 2013 for the energy distance itself.

    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(10, 1, 2)) + rng.normal(size=(10, 20, 2))
    >>> round(energy_distance(x, -x[:, ::-1, ::-1]), 4), bool(energy_distance(x, 2 * x) > 0.3)
    (0.0, True)
    """
    if not 0 < q < 2:
        raise InputError("q", q, "an exponent above 0 and below 2")
    check_search(group, n_restarts=n_restarts, n_iterations=n_iterations)
    a, b = (side - side.mean(axis=(0, 1)) for side in repeated(x, y))
    rng = np.random.default_rng(random_state)
    first = align(b.mean(axis=1), a.mean(axis=1), group=group)
    starts = [first, *turns(len(first), n=n_restarts, group=group, random_state=rng)]
    within = float(np.mean(_distances(a, a) ** q) + np.mean(_distances(b, b) ** q)) / 2
    between = min(_closest(a, b, start, q=q, group=group, n_iterations=n_iterations) for start in starts)
    return max(between - within, 0.0) ** 0.5


def _closest(a: np.ndarray, b: np.ndarray, turn: np.ndarray, *, q: float, group: Group, n_iterations: int) -> float:
    """The least mean |a - b T|^q that re-weighted Procrustes comes to from one start."""
    found: list[float] = []
    floor = 1e-9 * max(float(np.abs(a).max()), float(np.abs(b).max()), np.finfo(float).tiny)
    for _ in range(n_iterations):
        distance = _distances(a, b @ turn)
        found.append(float(np.mean(distance**q)))
        if len(found) > 1 and found[-2] - found[-1] <= 1e-9 * found[-2]:
            break
        # |d|^q lies below the parabola in d that touches it at the present distance: weights q/2 d^(q-2).
        weights = np.maximum(distance, floor) ** (q - 2)
        # sum_kl w_kl b_k' a_l is all that Procrustes sees of the pairs.
        turn = align(b.reshape(-1, b.shape[2]), (np.swapaxes(weights, 1, 2) @ a).reshape(-1, a.shape[2]), group=group)
    return min(found)


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """|a_k - b_l| of all repeats of each stimulus, `(stimulus, repeat, other repeat)`."""
    return np.stack([cdist(one, other) for one, other in zip(a, b, strict=True)])
