"""Cross-validated distances: what two conditions differ by beyond the noise, 0 on average where they do not."""

from __future__ import annotations

from typing import Any

import numpy as np

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.core.recording import Recording
from multiunit.similarity.rdm import whitened


@method(
    kind="population",
    source="walther2016",
    example=lambda rng: ((rng.normal(size=(24, 5)),), {"conditions": np.tile(np.arange(6), 4), "folds": None}),
)
def crossnobis(x: Any, *, conditions: Any, folds: Any = None, precision: Any = None) -> np.ndarray:
    """The squared distance of every two conditions, from differences measured twice.

    With m_fa the mean of condition a in fold f, and F the folds that hold both a and b:
    d_ab = 1 / (|F| (|F| - 1)) sum_(f != g in F) (m_fa - m_fb)' precision (m_ga - m_gb).
    Noise of different folds is independent, so it adds nothing on average and d may be below 0; what all conditions of
    a fold share, such as a drift, drops out.

    Unbalanced designs: a fold that lacks a or b is left out of that pair; the folds that are left count alike, however
    many repeats they hold. With all conditions in all folds, equally often, it is the crossnobis distance of rsatoolbox
    times the number of units; rsatoolbox's unbalanced form averages products of single presentations instead.

    Args:
        x: array or recording, `(presentation, unit)`.
        conditions: `(presentation,)` labels of what was shown.
        folds: `(presentation,)` labels of runs or repeats whose noise is independent. Without them, the first showing
            of every condition is a fold, the second, ...
        precision: `(unit, unit)` inverse covariance of the noise, positive definite; without it, units count alike.

    Returns:
        float64 `(c (c - 1) / 2,)` over the c conditions in the order of `np.unique`, in the order of `squareform`.

    Raises:
        InputError: for activity that is not finite, labels that do not fit, one condition, or a pair of conditions that
            fewer than two folds hold.

    Source: Walther et al. 2016, NeuroImage 137; Diedrichsen et al. 2021, arXiv:2007.02789.

    >>> x = np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0], [3.0, 5.0]])
    >>> crossnobis(x, conditions=["a", "b", "a", "b"]).tolist()
    [25.0]
    """
    values = np.asarray(x.activity if isinstance(x, Recording) else x, dtype=np.float64)
    if values.ndim != 2 or not values.size:
        raise InputError("x", values.shape, "needs (presentation, unit)")
    if not np.isfinite(values).all():
        raise InputError("x", "NaN or infinity", "drop the units or presentations that are missing first")
    shown = _labels("conditions", conditions, len(values))
    names, number = np.unique(shown, return_inverse=True)
    if len(names) < 2:
        raise InputError("conditions", names.tolist(), "needs at least two conditions")
    fold_names, fold = np.unique(
        _showing(number) if folds is None else _labels("folds", folds, len(values)), return_inverse=True
    )
    values = values - values.mean(axis=0)
    if precision is not None:
        values = whitened(values, precision)
    counts = np.zeros((len(fold_names), len(names)))
    np.add.at(counts, (fold, number), 1.0)
    means = np.zeros((len(fold_names), len(names), values.shape[1]))
    np.add.at(means, (fold, number), values)
    means /= np.maximum(counts, 1.0)[:, :, None]
    held = (counts > 0).astype(np.float64)
    n_folds = held.T @ held
    i, j = np.triu_indices(len(names), 1)
    few = np.flatnonzero(n_folds[i, j] < 2)
    if len(few):
        pair = names[i[few[0]]], names[j[few[0]]]
        raise InputError("folds", tuple(map(str, pair)), "are both in fewer than two folds; give more repeats")
    total = np.zeros((len(names), len(names)))
    for f in range(len(fold_names)):
        for g in range(f):
            both = held[f] * held[g]
            # Where a condition is missing its mean stands at 0 and its pairs do not count.
            product = means[f] @ means[g].T
            own = np.diag(product)
            total += (own[:, None] + own - product - product.T) * np.outer(both, both)
    return 2 * total[i, j] / (n_folds[i, j] * (n_folds[i, j] - 1))


def _labels(name: str, labels: Any, n: int) -> np.ndarray:
    given = np.asarray(labels)
    if given.shape != (n,):
        raise InputError(name, given.shape, f"needs a label for each of {n} presentations")
    return given


def _showing(number: np.ndarray) -> np.ndarray:
    """How often the condition of each presentation was shown before."""
    order = np.argsort(number, kind="stable")
    starts = np.searchsorted(number[order], number[order])
    before = np.empty(len(number), dtype=np.int64)
    before[order] = np.arange(len(number)) - starts
    return before
