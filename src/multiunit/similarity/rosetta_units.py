"""Rosetta units: units that several networks share, matched by where and when they are active."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch.nn.functional import interpolate

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.statistics.correlation import CrossCorrelation


def map_correlation(batches: Iterable[tuple[torch.Tensor, torch.Tensor]]) -> np.ndarray:
    """Correlate every unit of one network with every unit of another over images and places.

    r(u, v) = sum_{n, h, w} (z_u - m_u)(z_v - m_v) / (N s_u s_v), maps of the coarser network brought to the finer
    grid by bilinear interpolation. The sums over all images are exact; the authors' code averages the correlations of
    batches instead.

    Args:
        batches: pairs of maps `(image, unit, height, width)` of the same images, piece by piece.

    Returns:
        `(unit, other unit)`; 0 for a unit that never changes.

    Raises:
        InputError: for no images, other shapes, or different numbers of images.

    >>> z = torch.rand(6, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    >>> map_correlation([(z, -z.flip(1))]).round(4)[0, 1].item()
    -1.0
    """
    cross, n_images = CrossCorrelation(), 0
    for first, second in batches:
        if first.ndim != 4 or second.ndim != 4 or len(first) != len(second):
            shapes = (tuple(first.shape), tuple(second.shape))
            raise InputError("batches", shapes, "needs maps (image, unit, height, width) of the same images")
        grid = [max(a, b) for a, b in zip(first.shape[2:], second.shape[2:], strict=True)]
        x, y = (_over_places(maps, grid) for maps in (first, second.to(first.device)))
        n_images += len(first)
        cross.update(x, pd.DataFrame(index=range(len(x))), other=y)
    if not n_images:
        raise InputError("batches", "(none)", "give at least one batch of images")
    return np.asarray(cross.result()["correlation"].values, dtype=np.float64)


def mutual_neighbours(correlation: Any, *, k: int = 5) -> np.ndarray:
    """Which pairs are best buddies: each among the k most correlated of the other.

    Args:
        correlation: `(unit, other unit)`.
        k: neighbours.

    Returns:
        bool `(unit, other unit)`. A unit that correlates with nothing (0) has no buddy.

    Raises:
        InputError: for another shape, NaN, or `k` below 1.

    >>> mutual_neighbours([[0.9, 0.8], [0.7, 0.1]], k=1).tolist()
    [[True, False], [False, False]]
    """
    r = np.asarray(correlation, dtype=np.float64)
    if r.ndim != 2 or 0 in r.shape or np.isnan(r).any():
        raise InputError("correlation", r.shape, "needs numbers (unit, other unit), none of them NaN")
    if k < 1:
        raise InputError("k", k, "at least one neighbour")
    near = [np.argsort(np.argsort(-r, axis=axis, kind="stable"), axis=axis) < k for axis in (0, 1)]
    return near[0] & near[1] & (r != 0)


@method(kind="matching", source="arXiv:2306.09346", example=lambda rng: _example(rng))
def rosetta_units(
    correlations: Mapping[tuple[int, int], Any], *, k: int = 5, pivot: int = 0, least: float = 0.0
) -> pd.DataFrame:
    """Find the units of a pivot network that have a best buddy in every other network, all buddies of each other.

    A clique is one unit of each network, every two of them mutual k-nearest neighbours by correlation. Of the cliques
    of one pivot unit the one of highest mean correlation is kept.

    Args:
        correlations: (i, j) -> `(unit of i, unit of j)` for every two of the networks 0, 1, ... with i < j.
        k: neighbours; 5 in the paper.
        pivot: the network whose units are told.
        least: lowest correlation of a pair.

    Returns:
        One row a shared unit, best first: `network_0`, `network_1`, ... (unit numbers) and `agreement`, the mean
        correlation over the pairs.

    Raises:
        InputError: for a missing pair of networks, shapes that disagree, or a pivot that is none.

    Source: Dravid et al. 2023, arXiv:2306.09346; the authors join pairs through the pivot alone, here the others must
    be buddies too. Near-duplicates are not merged.

    >>> eye = 0.8 * np.eye(3)
    >>> rosetta_units({(0, 1): eye, (0, 2): eye[:, ::-1], (1, 2): eye[:, ::-1]}, k=1)["network_2"].tolist()
    [2, 1, 0]
    """
    n = 1 + max((j for _, j in correlations), default=0)
    r = {pair: np.asarray(values, dtype=np.float64) for pair, values in correlations.items()}
    missing = [(i, j) for j in range(n) for i in range(j) if (i, j) not in r]
    if n < 2 or missing:
        raise InputError("correlations", missing or list(correlations), "needs every pair (i, j) of networks, i < j")
    if not 0 <= pivot < n:
        raise InputError("pivot", pivot, f"must be one of the networks 0 to {n - 1}")
    sizes = [r[0, 1].shape[0], *(r[0, j].shape[1] for j in range(1, n))]
    for (i, j), values in r.items():
        if values.shape != (sizes[i], sizes[j]):
            raise InputError("correlations", ((i, j), values.shape), f"needs shape {(sizes[i], sizes[j])}")
    buddies = {pair: mutual_neighbours(values, k=k) & (values >= least) for pair, values in r.items()}
    full = {**buddies, **{(j, i): values.T for (i, j), values in buddies.items()}}
    both = {**r, **{(j, i): values.T for (i, j), values in r.items()}}
    others = [network for network in range(n) if network != pivot]
    rows = []
    for unit in range(sizes[pivot]):
        cliques = _grown({pivot: unit}, others, full)
        if cliques:
            scored = [(np.mean([both[i, j][c[i], c[j]] for i, j in r]), c) for c in cliques]
            agreement, best = max(scored, key=lambda found: found[0])
            rows.append({f"network_{i}": best[i] for i in range(n)} | {"agreement": float(agreement)})
    columns = [*(f"network_{i}" for i in range(n)), "agreement"]
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values("agreement", ascending=False, kind="stable", ignore_index=True)


def _grown(
    clique: dict[int, int], others: Sequence[int], buddies: Mapping[tuple[int, int], np.ndarray]
) -> list[dict[int, int]]:
    """All ways to add one unit of each other network that is a buddy of all units before it."""
    if not others:
        return [clique]
    network = others[0]
    fits = np.all([buddies[i, network][unit] for i, unit in clique.items()], axis=0)
    return [
        grown
        for candidate in np.flatnonzero(fits)
        for grown in _grown({**clique, network: int(candidate)}, others[1:], buddies)
    ]


def _over_places(maps: torch.Tensor, grid: Sequence[int]) -> torch.Tensor:
    """Maps on the grid, `(image and place, unit)`."""
    if list(maps.shape[2:]) != list(grid):
        maps = interpolate(maps.float(), size=tuple(grid), mode="bilinear", align_corners=False)
    return maps.movedim(1, -1).flatten(0, -2)


def _example(rng: np.random.Generator) -> tuple[tuple[dict[tuple[int, int], np.ndarray]], dict[str, int]]:
    return (
        {(0, 1): rng.uniform(-1, 1, (6, 8)), (0, 2): rng.uniform(-1, 1, (6, 7)), (1, 2): rng.uniform(-1, 1, (8, 7))},
    ), {"k": 3}
