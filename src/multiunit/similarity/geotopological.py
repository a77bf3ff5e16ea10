"""Topological RSA: dissimilarities of which only a middle range keeps its geometry, and distances along neighbours."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.sparse.csgraph import csgraph_from_dense, shortest_path
from scipy.spatial.distance import squareform

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.similarity.compare_rdms import n_conditions


@method(
    kind="population", source="arXiv:2309.11028", example=lambda rng: ((rng.random(28),), {"low": 0.1, "high": 0.7})
)
def geotopological(dissimilarity: Any, *, low: float = 0.2, high: float = 0.8) -> np.ndarray:
    """Flatten small and large dissimilarities: the representational geo-topological matrix (RGTM).

    With a, b the `low` and `high` quantiles of the dissimilarities of one RDM:
    g(d) = 0 below a, (d - a) / (b - a) from a to b, 1 above b; if a = b, 1 where d > b. The quantiles 0 and 1 leave the
    geometry as it is (but for offset and scale); equal ones leave a graph of neighbours, and so the topology.

    The quantiles are those of each RDM for itself, which makes g blind to offset and scale; rsatoolbox takes them over
    all RDMs together. The authors' own code ranks first: that is `geotopological(rankdata(d), ...)`.

    Args:
        dissimilarity: `(..., pair)`, condensed as `rdm` gives it; one RDM along the last axis.
        low, high: quantiles, 0 <= low <= high <= 1.

    Returns:
        `(..., pair)`, from 0 to 1.

    Raises:
        InputError: for no pairs, dissimilarities that are not finite, or quantiles out of order.

    Source: Lin & Kriegeskorte 2023, arXiv:2309.11028.

    >>> geotopological([0.0, 1.0, 2.0, 3.0, 4.0], low=0.25, high=0.75).tolist()
    [0.0, 0.0, 0.5, 1.0, 1.0]
    >>> geotopological([0.0, 1.0, 2.0, 3.0, 4.0], low=0.5, high=0.5).tolist()
    [0.0, 0.0, 0.0, 1.0, 1.0]
    """
    d = _dissimilarities(dissimilarity)
    if not 0 <= low <= high <= 1:
        raise InputError("low", (low, high), "needs quantiles 0 <= low <= high <= 1")
    a, b = np.quantile(d, [low, high], axis=-1, keepdims=True)
    width = b - a
    return np.where(width > 0, np.clip((d - a) / np.where(width > 0, width, 1.0), 0.0, 1.0), d > b)


class Geodesic(NamedTuple):
    """The geodesic distances `(pair,)`, and how many pairs no path joins."""

    distance: np.ndarray
    n_unreachable: int


@method(kind="population", source="arXiv:2309.11028", example=lambda rng: ((rng.random(28),), {"cut": 0.6}))
def geodesic(dissimilarity: Any, *, cut: float = 1.0) -> Geodesic:
    """Distances along neighbours: the representational geodesic distance matrix (RGDM).

    Pairs of dissimilarity `cut` or more are no neighbours; the distance of two presentations is the length of the
    shortest path over neighbours. Pairs that no path joins get the longest of these lengths plus `cut`.

    Pairs at distance 0 are neighbours, so that an RGTM of a larger lower quantile joins chains of near pairs, or all
    presentations, at length 0. rsatoolbox and the authors' code lose such pairs by way of a graph library, to which 0
    is no edge. The value of what cannot be reached is our choice.

    Args:
        dissimilarity: `(pair,)`, condensed, none below 0; as a rule an RGTM, whose saturated pairs are 1.
        cut: above 0.

    Returns:
        `distance`, in the unit of the dissimilarity, and `n_unreachable`.

    Raises:
        InputError: for a length that is no number of pairs, dissimilarities that are not finite or below 0, or a cut
            that leaves no neighbours.

    Source: Lin & Kriegeskorte 2023, arXiv:2309.11028.

    >>> geodesic([0.25, 1.0, 1.0, 0.5, 1.0, 1.0])    # 0 and 2 have 1 between them; 3 is alone
    Geodesic(distance=array([0.25, 0.75, 1.75, 0.5 , 1.75, 1.75]), n_unreachable=3)
    """
    d = _dissimilarities(dissimilarity)
    if d.ndim != 1:
        raise InputError("dissimilarity", d.shape, "needs the pairs of one RDM")
    n = n_conditions(d.size)
    if (d < 0).any():
        raise InputError("dissimilarity", float(d.min()), "paths need lengths of 0 or more")
    if not (d < cut).any():
        raise InputError("cut", cut, f"leaves no neighbours; the smallest dissimilarity is {d.min():.4g}")
    lengths = squareform(np.where(d < cut, d, np.inf))
    np.fill_diagonal(lengths, np.inf)
    # Infinity, not 0, stands for no edge: two presentations held the same are the closest neighbours.
    graph = csgraph_from_dense(lengths, null_value=np.inf)
    found = shortest_path(graph, method="D", directed=False)[np.triu_indices(n, 1)]
    apart = np.isinf(found)
    found[apart] = found[~apart].max() + cut
    return Geodesic(found, int(apart.sum()))


def _dissimilarities(value: Any) -> np.ndarray:
    d = np.asarray(value, dtype=np.float64)
    if d.ndim < 1 or not d.size:
        raise InputError("dissimilarity", d.shape, "needs (..., pair), one pair or more")
    if not np.isfinite(d).all():
        raise InputError("dissimilarity", "NaN or infinity", "drop the presentations without a dissimilarity first")
    return d
