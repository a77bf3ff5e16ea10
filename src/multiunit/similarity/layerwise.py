"""A battery of similarities between all layers of two systems, with what chance and an arbitrary basis would give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.similarity.linear_cka import linear_cka
from multiunit.similarity.linear_predictability import linear_predictability
from multiunit.similarity.localisation import rotated
from multiunit.similarity.max_correlation import max_correlation
from multiunit.similarity.paired import paired
from multiunit.similarity.pwcca import pwcca
from multiunit.similarity.svcca import svcca

Similarity = Callable[[Any, Any], float]
# From the single unit to the whole layer.
BATTERY: Mapping[str, Similarity] = {
    one.__name__: one for one in (max_correlation, linear_predictability, svcca, pwcca, linear_cka)
}
NULLS = ("shuffled", "rotated")


@method(
    kind="similarity",
    source="arXiv:2406.16099",
    example=lambda rng: _example(rng),
)
def layerwise(
    layers: Mapping[str, Any],
    other_layers: Mapping[str, Any],
    *,
    measures: Mapping[str, Similarity] = BATTERY,
    n_nulls: int = 5,
    random_state: int | np.random.Generator = 0,
) -> xr.Dataset:
    """Compare all layers of two systems - or of a system and itself, or its tuned copy - by several similarities.

    Each value stands beside two nulls: the presentations of the other system shuffled (chance), and its units turned
    by a random rotation (an arbitrary basis). What falls under rotation is said by single units; what stays, by the
    space they span. Any function of two arrays is a measure; for attention maps, heads are units and the entries of
    the maps presentations.

    Args:
        layers, other_layers: name -> `(presentation, unit)`, the same presentations throughout.
        measures: name -> function (x, y) -> float; by default `max_correlation`, `linear_predictability`, `svcca`,
            `pwcca` and `linear_cka`.
        n_nulls: shuffles and rotations of each layer, at least one.
        random_state: seed or generator of both.

    Returns:
        over `measure`, `layer` and `other_layer`: `similarity`, `shuffled` and `rotated` (means over the nulls).

    Raises:
        InputError: for no layers, measures or nulls, shapes that do not fit, or numbers that are not finite.

    Source: El Kheir et al. 2024, arXiv:2406.16099, after Wu et al. 2020, arXiv:2005.01172; the nulls are ours.

    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(300, 6))
    >>> found = layerwise({"deep": x}, {"near": x[:, ::-1], "far": rng.normal(size=(300, 6))})
    >>> abs(found["similarity"].sel(measure="linear_cka").values).round(1).tolist()
    [[1.0, 0.0]]
    >>> bool(found["rotated"].sel(measure="max_correlation", other_layer="near") < 0.95)
    True
    """
    if not layers or not other_layers or not measures:
        raise InputError("layers", (list(layers), list(other_layers), list(measures)), "give at least one of each")
    if n_nulls < 1:
        raise InputError("n_nulls", n_nulls, "must be at least 1")
    rng = np.random.default_rng(random_state)
    dims = ("measure", "layer", "other_layer")
    found = {name: np.zeros((len(measures), len(layers), len(other_layers))) for name in ("similarity", *NULLS)}
    first = next(iter(layers.values()))
    for column, theirs in enumerate(other_layers.values()):
        y = paired(first, theirs).y
        nulls = [(rng.permutation(y), rotated(y, random_state=rng)) for _ in range(n_nulls)]
        for row, mine in enumerate(layers.values()):
            x = paired(mine, y).x
            for number, measure in enumerate(measures.values()):
                place = (number, row, column)
                found["similarity"][place] = measure(x, y)
                for name, draws in zip(NULLS, zip(*nulls, strict=True), strict=True):
                    found[name][place] = np.mean([measure(x, draw) for draw in draws])
    return xr.Dataset(
        {name: (dims, values) for name, values in found.items()},
        coords={
            "measure": list(measures),
            "layer": np.array(list(layers), dtype=object),
            "other_layer": np.array(list(other_layers), dtype=object),
        },
        attrs={"n_nulls": n_nulls},
    )


def _example(rng: np.random.Generator) -> tuple[tuple[dict[str, np.ndarray], ...], dict[str, int]]:
    mine = {"near": rng.normal(size=(40, 6)), "far": rng.normal(size=(40, 6))}
    return (mine, {"near": rng.normal(size=(40, 8))}), {"n_nulls": 2}
