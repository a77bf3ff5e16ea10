"""The shape of a population's code: how abstract a dichotomy is, and how many of them can be read out."""

from __future__ import annotations

from itertools import permutations

import numpy as np
from sklearn.linear_model import RidgeClassifier

from multiunit.core.errors import InputError


def participation_ratio(responses: np.ndarray) -> float:
    """How many dimensions the responses fill: (sum l)^2 / sum l^2 over the eigenvalues l of their covariance.

    Args:
        responses: `(presentation, unit)`.

    Returns:
        From 1 to the number of units.

    Raises:
        InputError: for fewer than two presentations, numbers that are not finite, or responses that never differ.

    >>> corners = np.array([[1.0, 1.0, 0.0], [1.0, -1.0, 0.0], [-1.0, 1.0, 0.0], [-1.0, -1.0, 0.0]])
    >>> participation_ratio(corners)
    2.0
    """
    x = _finite("responses", responses)
    x = x - x.mean(axis=0)
    power = np.linalg.svd(x, compute_uv=False) ** 2
    if len(x) < 2 or power[0] <= 1e-24 * np.square(_finite("responses", responses)).sum():
        raise InputError("responses", x.shape, "needs presentations that differ")
    return float(power.sum() ** 2 / (power**2).sum())


def parallelism(means: np.ndarray, dichotomy: np.ndarray) -> float:
    """Do the vectors from one side of a dichotomy to the other point the same way?

    Each condition of one side is paired with one of the other; score = mean cosine between the coding vectors of every
    two pairs, for the pairing in which it is highest.

    Args:
        means: `(condition, unit)`.
        dichotomy: the side of each condition, bool `(condition,)`, as many on either; 2 to 8.

    Returns:
        1 where all are parallel; near 0 for unstructured codes of many units, though picking the best pairing lifts
        it: compare with random dichotomies.

    Raises:
        InputError: for sides that are not equal or of another size, or pairs that coincide.

    Source: Bernardi et al., Cell 183 (2020).

    >>> square = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> parallelism(square, np.array([0, 0, 1, 1])), parallelism(square, np.array([0, 1, 1, 0]))
    (1.0, -1.0)
    """
    x = _finite("means", means)
    side = _dichotomy(dichotomy, len(x))
    n = int(side.sum())
    if 2 * n != len(side) or not 2 <= n <= 8:
        raise InputError("dichotomy", side.astype(int).tolist(), "needs 2 to 8 conditions on either side")
    vectors = x[side][:, None] - x[~side][None]
    length = np.linalg.norm(vectors, axis=2)
    if length.min() <= 1e-12 * np.abs(x).max():
        raise InputError("means", "pairs that coincide", "conditions of either side must differ")
    unit = (vectors / length[..., None]).reshape(n * n, -1)
    cosine = (unit @ unit.T).reshape(n, n, n, n)
    pairings = np.array(list(permutations(range(n))))
    total = np.zeros(len(pairings))
    for i in range(n):
        for j in range(i):
            total += cosine[i, pairings[:, i], j, pairings[:, j]]
    return float(total.max() / (n * (n - 1) / 2))


def ccgp(
    responses: np.ndarray,
    dichotomy: np.ndarray,
    *,
    condition: np.ndarray,
    n_splits: int = 20,
    random_state: int | np.random.Generator = 0,
) -> float:
    """Cross-condition generalisation: does a linear read-out of a dichotomy hold in conditions it never saw?

    One condition of either side is left out, a linear classifier is fitted to all others and tested on these two.

    Args:
        responses: `(presentation, unit)`.
        dichotomy: the side of each condition, bool `(condition,)`.
        condition: number of each presentation's condition, `(presentation,)`.
        n_splits: random choices of the two; all, if there are fewer.
        random_state: seed or generator of the choice.

    Returns:
        Mean accuracy; 0.5 is chance, and codes without structure may lie below.

    Raises:
        InputError: for sides with fewer than two conditions, or conditions that never occur.

    Source: Bernardi et al., Cell 183 (2020), with a ridge classifier (penalty 1 on units of variance 1 in the mean) for
    their support vector machine.

    >>> square = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]).repeat(5, axis=0)
    >>> condition = np.arange(4).repeat(5)
    >>> [ccgp(square, np.array(side), condition=condition) for side in ([0, 0, 1, 1], [0, 1, 1, 0])]
    [1.0, 0.0]
    """
    x, number = _labelled(responses, condition)
    side = _dichotomy(dichotomy, int(number.max()) + 1)
    _all_seen(number, len(side))
    first, second = np.flatnonzero(side), np.flatnonzero(~side)
    if min(len(first), len(second)) < 2:
        raise InputError("dichotomy", side.astype(int).tolist(), "needs two conditions on either side")
    pairs = np.array([(i, j) for i in first for j in second])
    chosen = np.random.default_rng(random_state).permutation(len(pairs))[:n_splits]
    accuracy = []
    for left_out in pairs[chosen]:
        held = np.isin(number, left_out)
        accuracy.append(_accuracy(x[~held], side[number[~held]], x[held], side[number[held]]))
    return float(np.mean(accuracy))


def shattering(
    responses: np.ndarray,
    condition: np.ndarray,
    *,
    n_dichotomies: int = 50,
    random_state: int | np.random.Generator = 0,
) -> float:
    """Shattering dimensionality: how well, on average, can any balanced dichotomy of the conditions be read out?

    A linear classifier of each of so many random dichotomies, fitted to a random half of the presentations and tested
    on the others.

    Args:
        responses: `(presentation, unit)`.
        condition: number of each presentation's condition, `(presentation,)`.
        n_dichotomies: random ones.
        random_state: seed or generator.

    Returns:
        Mean accuracy, from about 0.5 to 1.

    Raises:
        InputError: for fewer than four conditions, or conditions that never occur.

    Source: Bernardi et al., Cell 183 (2020), with a ridge classifier for their support vector machine.

    >>> condition = np.arange(80) % 8
    >>> shattering(np.eye(8)[condition], condition), shattering(condition[:, None], condition) < 0.8
    (1.0, True)
    """
    x, number = _labelled(responses, condition)
    n = int(number.max()) + 1
    _all_seen(number, n)
    if n < 4:
        raise InputError("condition", n, "needs at least four conditions")
    rng = np.random.default_rng(random_state)
    accuracy = []
    for _ in range(n_dichotomies):
        side = rng.permutation(n) < n // 2
        order = rng.permutation(len(x))
        # Half of every condition, so that none is left out of the training.
        order = order[np.argsort(number[order], kind="stable")]
        train, test = order[::2], order[1::2]
        accuracy.append(_accuracy(x[train], side[number[train]], x[test], side[number[test]]))
    return float(np.mean(accuracy))


def _accuracy(train: np.ndarray, sides: np.ndarray, test: np.ndarray, expected: np.ndarray) -> float:
    # One scale for all units: the penalty is then the same for weak and strong populations, and the geometry is kept.
    scale = np.sqrt(train.var(axis=0).mean()) or 1.0
    return float(RidgeClassifier(alpha=1.0).fit(train / scale, sides).score(test / scale, expected))


def _finite(name: str, x: np.ndarray) -> np.ndarray:
    x = np.asarray(x, dtype=float)
    if x.ndim != 2 or not x.size or not np.isfinite(x).all():
        raise InputError(name, x.shape, "needs two dimensions, units last, and finite numbers")
    return x


def _dichotomy(dichotomy: np.ndarray, n_conditions: int) -> np.ndarray:
    side = np.asarray(dichotomy)
    if side.shape != (n_conditions,) or not np.isin(side, (0, 1)).all() or len(np.unique(side)) < 2:
        raise InputError("dichotomy", side.tolist(), f"needs both sides, 0 or 1 for each of {n_conditions} conditions")
    return side.astype(bool)


def _labelled(responses: np.ndarray, condition: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x, number = _finite("responses", responses), np.asarray(condition)
    if number.shape != (len(x),) or not np.issubdtype(number.dtype, np.integer) or number.min() < 0:
        raise InputError("condition", number.shape, f"needs a number from 0 for each of {len(x)} presentations")
    return x, number


def _all_seen(number: np.ndarray, n_conditions: int) -> None:
    missing = np.flatnonzero(np.bincount(number, minlength=n_conditions) == 0)
    if len(missing):
        raise InputError("condition", missing.tolist(), "these conditions never occur")
