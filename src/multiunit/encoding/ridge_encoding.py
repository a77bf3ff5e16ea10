"""Ridge encoding models: how well activity of one system linearly predicts responses of another to the same stimuli."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.inference.unit_reliability import unit_correlation

PENALTIES = tuple(np.logspace(-1, 8, 10))


@method(kind="encoding", source="arXiv:2508.18226", example=lambda rng: _example(rng))
def ridge_encoding(
    x: Any,
    y: Any,
    *,
    ceiling: Any = None,
    penalties: Sequence[float] = PENALTIES,
    n_folds: int = 5,
    random_state: int | np.random.Generator = 0,
) -> xr.DataArray:
    """Predict each target from all units of x by ridge regression, and correlate on held-out presentations.

    score_j = mean over folds of corr(y_j, b + z w_j), w_j = argmin sum_i (y_ij - b - z_i w)^2 + lambda_j |w|^2, with z
    the units of x standardised on the training presentations. The penalty lambda_j of every target is the one with the
    least leave-one-out error within the training presentations.

    Args:
        x: `(presentation, unit)`, activity of a model.
        y: `(presentation, target)` or `(presentation, target, time)`, responses.
        ceiling: `(target,)` or `(target, time)`, the correlation that the true response would reach, above 0, such as
            `inference.unit_reliability` finds by split halves; scores are divided by it.
        penalties: lambdas to choose from.
        n_folds: parts, each predicted from the others; three presentations or more in each.
        random_state: seed or generator of the folds.

    Returns:
        `(target,)` or `(target, time)`, at most 1 before the ceiling; a target that is constant in a part, or whose
        prediction is, counts as 0 there.

    Raises:
        InputError: for shapes that do not fit, numbers that are not finite, too few presentations, or a ceiling or
            penalties that are not positive.

    Source: Raugel et al. 2025, arXiv:2508.18226. Its text was not read: scikit-learn's RidgeCV with ten penalties is
    what a review tells; their range and averaging over folds are reconstructed.

    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(200, 5))
    >>> y = np.stack([x[:, 1] - x[:, 3], rng.normal(size=200)], axis=1)
    >>> found = ridge_encoding(x, y)
    >>> round(float(found[0]), 3), bool(abs(found[1]) < 0.25)
    (1.0, True)
    """
    from sklearn.linear_model import RidgeCV
    from sklearn.model_selection import KFold

    x, y = (np.asarray(side, dtype=np.float64) for side in (x, y))
    if x.ndim != 2 or y.ndim not in (2, 3) or len(x) != len(y) or not x.size or not y.size:
        raise InputError("y", (x.shape, y.shape), "needs (presentation, unit) and (presentation, target[, time])")
    for name, side in (("x", x), ("y", y)):
        if not np.isfinite(side).all():
            raise InputError(name, "NaN or infinity", "drop or fill what is missing first")
    if n_folds < 2 or len(x) < 3 * n_folds:
        raise InputError("n_folds", n_folds, f"at least 2, with three of the {len(x)} presentations in each part")
    if not len(penalties) or not (np.asarray(penalties) > 0).all():
        raise InputError("penalties", tuple(penalties), "needs at least one, all above 0")
    top = np.ones(y.shape[1:]) if ceiling is None else np.asarray(ceiling, dtype=np.float64)
    if top.shape != y.shape[1:] or not (top > 0).all():
        raise InputError("ceiling", top.shape, f"needs numbers above 0 of shape {y.shape[1:]}; leave out other targets")
    flat = y.reshape(len(y), -1)
    seed = int(np.random.default_rng(random_state).integers(2**31))
    scores = np.zeros(flat.shape[1])
    for train, test in KFold(n_folds, shuffle=True, random_state=seed).split(x):
        deviation = x[train].std(axis=0)
        scale = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 0)
        z = (x - x[train].mean(axis=0)) * scale
        model = RidgeCV(penalties, alpha_per_target=flat.shape[1] > 1).fit(z[train], flat[train])
        scores += _correlation(flat[test], np.reshape(model.predict(z[test]), (len(test), -1))) / n_folds
    dims = ("target", "time")[: y.ndim - 1]
    return xr.DataArray(scores.reshape(y.shape[1:]) / top, dims=dims)


def layer_encoding(
    layers: Mapping[str, Any],
    y: Any,
    *,
    ceiling: Any = None,
    penalties: Sequence[float] = PENALTIES,
    n_folds: int = 5,
    random_state: int | np.random.Generator = 0,
) -> xr.DataArray:
    """`ridge_encoding` of the same responses from every layer of a model, with the same folds.

    Args:
        layers: name -> activity `(presentation, unit)`, from input to output.
        y, ceiling, penalties, n_folds, random_state: as for `ridge_encoding`.

    Returns:
        `(layer, target)` or `(layer, target, time)`.

    Raises:
        InputError: for no layers, and as `ridge_encoding`.

    >>> x = np.random.default_rng(0).normal(size=(60, 3))
    >>> layer_encoding({"early": x, "late": x[:, :1]}, x[:, 1:]).round(1).values.tolist()[0]
    [1.0, 1.0]
    """
    if not layers:
        raise InputError("layers", [], "needs at least one")
    seed = int(np.random.default_rng(random_state).integers(2**31))
    options: dict[str, Any] = {"ceiling": ceiling, "penalties": penalties, "n_folds": n_folds, "random_state": seed}
    found = [ridge_encoding(x, y, **options) for x in layers.values()]
    return xr.concat(found, dim="layer").assign_coords(layer=np.array(list(layers), dtype=object))


def _correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    # Rounding leaves a rest of what is constant, whose direction means nothing.
    return unit_correlation(_unless_constant(a), _unless_constant(b))


def _unless_constant(a: np.ndarray) -> np.ndarray:
    return np.where(np.ptp(a, axis=0) > 1e-12 * np.abs(a).max(axis=0), a, 0.0)


def _example(rng: np.random.Generator) -> tuple[tuple[np.ndarray, np.ndarray], dict[str, Any]]:
    x = rng.normal(size=(60, 6))
    return (x, x @ rng.normal(size=(6, 4)) + rng.normal(size=(60, 4))), {"n_folds": 3}
