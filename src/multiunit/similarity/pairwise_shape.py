"""Shape distances between all of many systems: a space of systems, in which each is a point."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise, zip_longest
from typing import Any

import numpy as np
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.similarity.paired import paired
from multiunit.similarity.shape_distance import Group, Metric, aligned_distance, preshape

_ROWS = 4


@method(
    kind="similarity",
    source="arXiv:2110.14739",
    symmetric=True,
    distance=True,
    example=lambda rng: (({str(n): rng.normal(size=(40, 5 + n)) for n in range(3)},), {}),
)
def pairwise_shape(
    systems: Mapping[str, Any],
    *,
    regularisation: float = 1.0,
    metric: Metric = "angular",
    group: Group = "orthogonal",
) -> xr.DataArray:
    """Measure the shape distance of every two of many systems, for embedding, clustering or nearest neighbours.

    d as in `shape_distance`; each system is centred and whitened once, and a pair costs one product of two activities
    and the singular values of it.

    Args:
        systems: name -> `(presentation, unit)`, the same presentations throughout; numbers of units may differ.
        regularisation: from 0 (canonical correlations) to 1 (Procrustes).
        metric: `"angular"`, in radians, or `"euclidean"`.
        group: `"orthogonal"` or `"permutation"`.

    Returns:
        `(system, other_system)`, symmetric, 0 on the diagonal; the triangle inequality holds.

    Raises:
        InputError: for fewer than two systems, shapes that do not fit, numbers that are not finite, a constant system,
            or an unknown option.

    Source: Williams et al. 2021, arXiv:2110.14739.

    >>> x = np.random.default_rng(0).normal(size=(50, 3))
    >>> found = pairwise_shape({"one": x, "turned": -x[:, ::-1], "other": x[::-1]})
    >>> found.sel(system="one").values.round(9)[:2].tolist(), bool(found.sel(system="one", other_system="other") > 0.5)
    ([0.0, 0.0], True)
    """
    if len(systems) < 2:
        raise InputError("systems", list(systems), "give at least two")
    centred: list[np.ndarray] = []
    values = list(systems.values())
    for one, other in zip_longest(values[::2], values[1::2], fillvalue=values[0]):
        centred.extend(paired(one, other))
    for name, system in zip(systems, centred, strict=False):
        if len(system) != len(centred[0]):
            raise InputError("systems", (name, system.shape), f"needs the same {len(centred[0])} presentations")
    shapes = [preshape(system, regularisation=regularisation, group=group) for system in centred[: len(values)]]
    ends = np.cumsum([0] + [shape.shape[1] for shape in shapes])
    stacked = np.concatenate(shapes, axis=1)
    shapes = [stacked[:, start:end] for start, end in pairwise(ends)]
    sizes = [float(np.linalg.norm(shape)) for shape in shapes]
    distance = np.zeros((len(shapes), len(shapes)))
    for start in range(0, len(shapes), _ROWS):
        stop = min(start + _ROWS, len(shapes))
        # One product of several systems with all before them is faster than one for each pair.
        crosses = stacked[:, ends[start] : ends[stop]].T @ stacked[:, : ends[stop - 1]]
        for row in range(start, stop):
            rows = slice(ends[row] - ends[start], ends[row + 1] - ends[start])
            for column in range(row):
                distance[row, column] = distance[column, row] = aligned_distance(
                    shapes[row],
                    shapes[column],
                    cross=crosses[rows, ends[column] : ends[column + 1]],
                    sizes=(sizes[row], sizes[column]),
                    metric=metric,
                    group=group,
                )
    names = np.array(list(systems), dtype=object)
    return xr.DataArray(distance, {"system": names, "other_system": names}, ("system", "other_system"), "distance")
