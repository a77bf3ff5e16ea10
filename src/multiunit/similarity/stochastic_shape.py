"""Stochastic shape distance: how far apart two noisy systems are, in what they say on average and in their noise."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.stats import ortho_group

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.similarity.shape_distance import Group


@method(
    kind="similarity",
    source="arXiv:2211.11665",
    invariant=("rotation", "translation"),
    not_invariant=("isotropic_scaling", "linear"),
    symmetric=True,
    distance=True,
    example=lambda rng: ((), {"x": rng.normal(size=(8, 20, 3)), "y": rng.normal(size=(8, 25, 3))}),
)
def stochastic_shape(
    x: Any,
    y: Any,
    *,
    alpha: float = 1.0,
    group: Group = "orthogonal",
    n_restarts: int = 2,
    n_iterations: int = 500,
    random_state: int | np.random.Generator = 0,
) -> float:
    """Measure how far apart two systems are whose responses vary from repeat to repeat, after the best turn.

    d^2 = min_T mean_i [alpha |mu_i - T nu_i|^2 + (2 - alpha) B^2(S_i, T R_i T')]: means mu, nu (centred over stimuli)
    and covariances S, R (over repeats) of stimulus i, B^2 that of `bures`. alpha = 1 is the 2-Wasserstein distance of
    Gaussians, alpha = 2 sees means only, alpha = 0 covariances only.

    Args:
        x, y: `(stimulus, repeat, unit)`, the same stimuli; repeats may differ in number. The system of fewer units
            gets silent ones.
        alpha: 0 to 2.
        group: `"orthogonal"` or `"permutation"`, of T.
        n_restarts: random turns to start from, each with its inverse, beside the alignment of the means and no turn;
            the best is kept. The problem has local optima: the value is an upper bound of the distance, and the
            triangle inequality can fail by as much.
        n_iterations: most rounds of a start.
        random_state: draws the starts.

    Returns:
        In units of activity. As covariances come from few repeats, two halves of one system differ by more than 0.

    Raises:
        InputError: for shapes that do not fit, fewer than two repeats, numbers that are not finite, or an unknown
            option.

    Source: Duong, Zhou, Nassar, Berman, Olieslagers and Williams 2023, arXiv:2211.11665. The terms of the alternation
    are weighted by the roots of alpha and 2 - alpha, as the objective asks, so that no round raises it.

    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(10, 1, 2)) + rng.normal(size=(10, 50, 2))
    >>> louder = x.mean(axis=1, keepdims=True) + 2 * (x - x.mean(axis=1, keepdims=True))
    >>> round(stochastic_shape(x, -x[:, :, ::-1]), 6), round(stochastic_shape(x, louder, alpha=2.0), 6)
    (0.0, 0.0)
    >>> bool(stochastic_shape(x, louder) > 1)
    True
    """
    a, b = repeated(x, y)
    return gaussian_shape(
        (a.mean(axis=1), _covariances(a)),
        (b.mean(axis=1), _covariances(b)),
        alpha=alpha,
        group=group,
        n_restarts=n_restarts,
        n_iterations=n_iterations,
        random_state=random_state,
    )


def gaussian_shape(
    x: tuple[Any, Any],
    y: tuple[Any, Any],
    *,
    alpha: float = 1.0,
    group: Group = "orthogonal",
    n_restarts: int = 2,
    n_iterations: int = 500,
    random_state: int | np.random.Generator = 0,
) -> float:
    """`stochastic_shape` of systems whose means `(stimulus, unit)` and covariances `(stimulus, unit, unit)` are known.

    Raises:
        InputError: for shapes that do not fit, an unknown option, or a covariance with a negative eigenvalue.

    >>> means, one = np.zeros((1, 2)), np.eye(2)[None]
    >>> round(gaussian_shape((means, one), (means, 4 * one)), 9) == round(2**0.5, 9)          # (2 - 1)^2 a direction
    True
    """
    if not 0 <= alpha <= 2:
        raise InputError("alpha", alpha, "from 0 (covariances only) to 2 (means only)")
    check_search(group, n_restarts=n_restarts, n_iterations=n_iterations)
    (mu, s), (nu, r) = (_rooted(*side) for side in (x, y))
    if len(mu) != len(nu) or mu.shape[1] != nu.shape[1]:
        raise InputError("y", (mu.shape, nu.shape), "x and y need the same stimuli, and numbers of units made equal")
    mu, nu = (np.sqrt(alpha) * (means - means.mean(axis=0)) for means in (mu, nu))
    s, r = (np.sqrt(2 - alpha) * roots for roots in (s, r))
    rng = np.random.default_rng(random_state)
    first = align(nu, mu, group=group)
    # At alpha = 2 the means say all.
    starts = [first] if alpha == 2 else [first, *turns(len(first), n=n_restarts, group=group, random_state=rng)]
    best = min(alternate((mu, s), (nu, r), turn=turn, group=group, n_iterations=n_iterations)[-1] for turn in starts)
    return float(np.sqrt(best / len(mu)))


def alternate(
    x: tuple[np.ndarray, np.ndarray],
    y: tuple[np.ndarray, np.ndarray],
    *,
    turn: np.ndarray,
    group: Group,
    n_iterations: int,
) -> np.ndarray:
    """The loss of every round of the alternation from one start: it never rises.

    With B^2(S, T'RT) = min_Q |S^1/2 - Q R^1/2 T|^2, Q and T are best in turn, each a Procrustes problem.

    Args:
        x, y: means `(stimulus, unit)` and symmetric roots of covariances, weighted.
        turn: the first T; row vectors of y are multiplied by it.

    >>> x = (np.array([[1.0, 0.0]]), np.zeros((1, 2, 2)))
    >>> alternate(x, (x[0][:, ::-1], x[1]), turn=np.eye(2), group="orthogonal", n_iterations=2).round(9).tolist()
    [2.0, 0.0]
    """
    (mu, s), (nu, r) = x, y
    losses = []
    for _ in range(n_iterations):
        turned = r @ turn
        u, _, vt = np.linalg.svd(s @ np.swapaxes(turned, 1, 2))
        losses.append(float(np.sum((mu - nu @ turn) ** 2) + np.sum((s - u @ vt @ turned) ** 2)))
        if len(losses) > 1 and losses[-2] - losses[-1] <= 1e-10 * losses[-2]:
            break
        rows = np.concatenate([nu, (u @ vt @ r).reshape(-1, r.shape[2])])
        turn = align(rows, np.concatenate([mu, s.reshape(-1, s.shape[2])]), group=group)
    return np.array(losses)


def bures(s: np.ndarray, r: np.ndarray) -> np.ndarray:
    """Squared Bures distance of covariances, B^2(S, R) = tr S + tr R - 2 tr (S^1/2 R S^1/2)^1/2, over leading axes.

    >>> bures(np.diag([1.0, 4.0]), np.diag([9.0, 4.0])).round(9).item()
    4.0
    """
    root_s, root_r = (_roots(np.asarray(c, dtype=np.float64)) for c in (s, r))
    overlap = np.linalg.svd(root_s @ root_r, compute_uv=False).sum(axis=-1)
    square = (root_s**2).sum(axis=(-2, -1)) + (root_r**2).sum(axis=(-2, -1)) - 2 * overlap
    return np.asarray(np.maximum(square, 0.0))


def align(rows: np.ndarray, target: np.ndarray, *, group: Group) -> np.ndarray:
    """The T of the group that makes |rows T - target| least.

    >>> align(np.eye(2), np.eye(2)[::-1], group="permutation").tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    cross = rows.T @ target
    if group == "permutation":
        return np.asarray(np.eye(len(cross))[linear_sum_assignment(cross, maximize=True)[1]])
    u, _, vt = np.linalg.svd(cross)
    return np.asarray(u @ vt)


def turns(n_units: int, *, n: int, group: Group, random_state: np.random.Generator) -> list[np.ndarray]:
    """First turns: the identity, and `n` random ones with their inverses, so that x and y may change places.

    >>> len(turns(3, n=2, group="orthogonal", random_state=np.random.default_rng(0)))
    5
    """
    same = np.eye(n_units)
    if group == "orthogonal" and n_units == 1:
        return [same, -same]
    found = [same]
    for _ in range(n):
        free = group == "orthogonal"
        turn = ortho_group.rvs(n_units, random_state=random_state) if free else random_state.permutation(same)
        found += [turn, turn.T]
    return found


def check_search(group: str, *, n_restarts: int, n_iterations: int) -> None:
    """Refuse what no search over turns can be done with.

    Raises:
        InputError: for an unknown group, restarts below 0 or no iterations.
    """
    if group not in ("orthogonal", "permutation"):
        raise InputError("group", group, "must be 'orthogonal' or 'permutation'")
    if n_restarts < 0 or n_iterations < 1:
        raise InputError("n_restarts", (n_restarts, n_iterations), "no fewer than 0 restarts and 1 iteration")


def repeated(x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
    """Two systems' responses `(stimulus, repeat, unit)`, checked, with silent units where one has fewer.

    Raises:
        InputError: for shapes that do not fit, fewer than two repeats, or numbers that are not finite.

    >>> [side.shape for side in repeated(np.zeros((4, 2, 3)), np.zeros((4, 5, 1)))]
    [(4, 2, 3), (4, 5, 3)]
    """
    sides = [np.asarray(side, dtype=np.float64) for side in (x, y)]
    for name, side in zip("xy", sides, strict=True):
        if side.ndim != 3 or side.shape[1] < 2 or 0 in side.shape:
            raise InputError(name, side.shape, "needs (stimulus, repeat, unit), at least two repeats")
        if not np.isfinite(side).all():
            raise InputError(name, "NaN or infinity", "drop or fill what is missing first")
    if len(sides[0]) != len(sides[1]):
        raise InputError("y", len(sides[1]), f"needs the same {len(sides[0])} stimuli as x")
    width = max(side.shape[2] for side in sides)
    a, b = (np.pad(side, ((0, 0), (0, 0), (0, width - side.shape[2]))) for side in sides)
    return a, b


def _covariances(activity: np.ndarray) -> np.ndarray:
    """Over repeats, `(stimulus, unit, unit)`."""
    centred = activity - activity.mean(axis=1, keepdims=True)
    return np.swapaxes(centred, 1, 2) @ centred / (activity.shape[1] - 1)


def _rooted(means: Any, covariances: Any) -> tuple[np.ndarray, np.ndarray]:
    """Means, and the symmetric roots of the covariances, checked."""
    mu, s = (np.asarray(values, dtype=np.float64) for values in (means, covariances))
    if mu.ndim != 2 or s.shape != (*mu.shape, mu.shape[1]) or 0 in mu.shape:
        raise InputError("x", (mu.shape, s.shape), "means (stimulus, unit), covariances (stimulus, unit, unit)")
    if not (np.isfinite(mu).all() and np.isfinite(s).all()):
        raise InputError("x", "NaN or infinity", "drop or fill what is missing first")
    return mu, _roots(s)


def _roots(covariances: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariances)
    if (values < -1e-8 * np.abs(values).max(initial=0.0)).any():
        raise InputError("covariances", float(values.min()), "must have no negative eigenvalue")
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0.0))[..., None, :]) @ np.swapaxes(vectors, -1, -2))
