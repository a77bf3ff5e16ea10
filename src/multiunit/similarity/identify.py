"""Identification: is a layer (or an area) of one system told by the representations of others?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.similarity.compare_rdms import By, similarities
from multiunit.similarity.geotopological import geotopological


@method(kind="population", source="arXiv:2309.11028", example=lambda rng: _example(rng))
def identify(data: Any, models: Any, *, by: By = "pearson") -> xr.Dataset:
    """Find the layer of every data RDM among the layers of every other system.

    For layer k of system s, and each system t other than s: the layer j of t whose model RDM is most similar to the
    data RDM is the answer; it is right if j = k. Layers that tie share the answer.

    Args:
        data: `(system, layer, pair)`, condensed RDMs or transforms of them, as measured (noisy, of few units).
        models: `(system, layer, pair)`, of the same systems and layers as the models hold them.
        by: how alike two RDMs are, as in `compare_rdms`.

    Returns:
        `confusion(layer, identified)`, the share of answers, rows adding to 1, and `accuracy(system)`, the share of
        right answers about that system's data. Chance is 1 / layers.

    Raises:
        InputError: for shapes that differ, fewer than two systems or layers, and what `compare_rdms` refuses.

    Source: the model-selection test of Lin & Kriegeskorte 2023, arXiv:2309.11028; one decision a system is our choice.

    >>> rng = np.random.default_rng(0)
    >>> layers = rng.random((1, 3, 45))
    >>> models = layers + 0.1 * rng.random((4, 3, 45))
    >>> identify(models + 0.1 * rng.random(models.shape), models)["accuracy"].values.tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    x, y = (np.asarray(side, dtype=np.float64) for side in (data, models))
    if x.shape != y.shape or x.ndim != 3 or min(x.shape[:2]) < 2:
        raise InputError(
            "models", (x.shape, y.shape), "data and models need one (system, layer, pair), two systems, layers"
        )
    n_systems, n_layers, n_pairs = x.shape
    share = np.zeros((n_systems, n_layers, n_layers))
    for s in range(n_systems):
        others = np.delete(y, s, axis=0).reshape(-1, n_pairs)
        # (layer, other system, its layer)
        similarity = similarities(x[s], others, by=by).reshape(n_layers, n_systems - 1, n_layers)
        # Equal within rounding: an empty graph of neighbours says nothing, and must not favour the first layer.
        best = similarity >= similarity.max(axis=2, keepdims=True) - 1e-12
        share[s] = (best / best.sum(axis=2, keepdims=True)).mean(axis=1)
    return xr.Dataset(
        {
            "confusion": (("layer", "identified"), share.mean(axis=0)),
            "accuracy": ("system", np.einsum("skk->s", share) / n_layers),
        }
    )


class Quantiles(NamedTuple):
    """The quantiles `low` and `high` of a geo-topological transform."""

    low: float
    high: float


def choose_quantiles(data: Any, models: Any, *, grid: Sequence[tuple[float, float]], by: By = "pearson") -> Quantiles:
    """The quantiles with which layers are identified best; to be judged on other systems than these.

    Args:
        data: `(draw, system, layer, pair)` RDMs, draws being repeats or levels of noise that count alike.
        models: `(system, layer, pair)`.
        grid: pairs (low, high); of pairs that tie, the first is taken.
        by: as in `compare_rdms`.

    Raises:
        InputError: for an empty grid, or what `geotopological` and `identify` refuse.

    >>> rng = np.random.default_rng(0)
    >>> far = np.r_[np.zeros(30), np.ones(15)] * 100    # in all layers alike: what tells them is the near pairs
    >>> models = far + rng.random((1, 3, 45)) + 0.2 * rng.random((3, 3, 45))
    >>> data = models[None] + 0.9 * rng.random((5, 3, 3, 45)) * (1 + far)
    >>> choose_quantiles(data, models, grid=[(0.0, 1.0), (0.0, 0.6)])
    Quantiles(low=0.0, high=0.6)
    """
    if not grid:
        raise InputError("grid", list(grid), "give at least one pair of quantiles")
    accuracy = []
    for low, high in grid:
        bent = geotopological(models, low=low, high=high)
        draws = geotopological(data, low=low, high=high)
        accuracy.append(np.mean([identify(draw, bent, by=by)["accuracy"].mean() for draw in draws]))
    return Quantiles(*grid[int(np.argmax(accuracy))])


def _example(rng: np.random.Generator) -> tuple[tuple[np.ndarray, np.ndarray], dict[str, str]]:
    models = rng.random((3, 4, 15))
    return (models + 0.1 * rng.random(models.shape), models), {}
