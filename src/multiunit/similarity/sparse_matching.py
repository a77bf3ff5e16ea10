"""Sparse matching: how few units of one system together say what a unit of another says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from sklearn.linear_model import Lasso

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.similarity.paired import paired


@method(
    kind="matching",
    source="arXiv:1511.07543",
    example=lambda rng: ((rng.normal(size=(40, 6)), rng.normal(size=(40, 8))), {"penalties": (0.01, 0.1)}),
)
def sparse_matching(
    x: Any, y: Any, *, penalties: Sequence[float] = (0.001, 0.003, 0.01, 0.03, 0.1), train_share: float = 0.5
) -> xr.Dataset:
    """Predict every unit of x from the units of y, with ever fewer of them as the penalty grows.

    min_w |x_i - Y w|^2 / (2 n) + penalty |w|_1, all units standardised, on the first presentations; R^2 on the rest.
    From a penalty of the largest |corr(x_i, y_j)| on, no unit of y is left.

    Args:
        x, y: `(presentation, unit)`, the same presentations, in an order in which the first say nothing of the last
            that a new presentation would not (keep the places of one image together).
        penalties: above 0.
        train_share: share of the presentations that fits.

    Returns:
        `r2(penalty, unit)` on the rest, below 0 where the prediction is worse than the mean, and 0 for a unit that is
        constant there; `n_predictors(penalty, unit)`; `weight(penalty, unit, other_unit)`, of standardised units.

    Raises:
        InputError: for shapes that do not fit, numbers that are not finite, a system constant in the first
            presentations, penalties not above 0, or a share that leaves fewer than two presentations on a side.

    Source: Li et al. 2016, arXiv:1511.07543, who train the same by stochastic gradient; the coordinate descent is
    scikit-learn's, and the R^2 on held-out presentations ours.

    >>> rng = np.random.default_rng(0)
    >>> y = rng.normal(size=(2000, 6))
    >>> x = y[:, :1] + y[:, 3:4] + 0.1 * rng.normal(size=(2000, 1))                # two units of six
    >>> found = sparse_matching(x, y, penalties=[0.1])
    >>> int(found["n_predictors"].item()), found["r2"].item() > 0.9
    (2, True)
    """
    if not len(penalties) or not all(0 < penalty < np.inf for penalty in penalties):
        raise InputError("penalties", list(penalties), "give at least one number above 0")
    n = len(paired(x, y).x)
    n_train = round(train_share * n)
    if min(n_train, n - n_train) < 2:
        raise InputError("train_share", train_share, f"leaves fewer than two of {n} presentations on a side")
    activity = [np.asarray(getattr(side, "activity", side), dtype=np.float64) for side in (x, y)]
    first = paired(*(side[:n_train] for side in activity))
    (train_x, test_x), (train_y, test_y) = (
        _standardised(side, centred) for side, centred in zip(activity, first, strict=True)
    )
    rest = ((test_x - test_x.mean(axis=0)) ** 2).sum(axis=0)
    varies = rest > 1e-12 * len(test_x)
    r2, weights = [], []
    for penalty in penalties:
        model = Lasso(alpha=penalty, fit_intercept=False, precompute=True, max_iter=10_000).fit(train_y, train_x)
        weights.append(np.reshape(model.coef_, (train_x.shape[1], -1)))
        missed = ((test_x - test_y @ weights[-1].T) ** 2).sum(axis=0)
        r2.append(1 - np.divide(missed, rest, out=np.ones_like(rest), where=varies))
    weight = np.array(weights)
    return xr.Dataset(
        {
            "r2": (("penalty", "unit"), np.array(r2)),
            "n_predictors": (("penalty", "unit"), (weight != 0).sum(axis=2)),
            "weight": (("penalty", "unit", "other_unit"), weight),
        },
        coords={"penalty": np.array(penalties, dtype=np.float64)},
    )


def _standardised(activity: np.ndarray, centred: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first presentations and the rest, by the mean and deviation of the first; 0 where a unit is constant."""
    n_train = len(centred)
    deviation = centred.std(axis=0)
    alive = deviation > 0
    scale = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=alive)
    return centred * scale, (activity[n_train:] - activity[:n_train].mean(axis=0)) * scale
