"""Clusters, loops and voids of a representation, and how alike those of two representations are."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from scipy.spatial.distance import squareform

from multiunit.core.errors import InputError, MissingDependencyError
from multiunit.core.method import method
from multiunit.similarity.compare_rdms import n_conditions
from multiunit.similarity.rdm import rdm

By = Literal["betti", "bottleneck", "wasserstein"]


@method(kind="population", source="edelsbrunner2002", example=lambda rng: ((rng.random(28),), {}))
def persistence_diagrams(dissimilarity: Any, *, max_dimension: int = 1, cut: float = np.inf) -> list[np.ndarray]:
    """When clusters (dimension 0), loops (1) and voids (2) appear and vanish as presentations are joined.

    The Vietoris-Rips complex at t holds each set of presentations whose dissimilarities are all at most t. A feature is
    born at the t where it comes in, and dies at the t where it is filled or, for a cluster, joined to an older one.
    Homology is over the field of 11 elements, the default of gudhi.

    Args:
        dissimilarity: `(pair,)`, condensed as `rdm` gives it, none below 0; no triangle inequality is asked for. Of
            points take `rdm(points)`.
        max_dimension: the highest. Time and memory grow steeply with it: some hundred presentations for 1, about a
            hundred for 2.
        cut: no pair farther apart is joined, which saves time; what lives on there has no death.

    Returns:
        One array a dimension, `(feature, 2)`: birth and death, in the unit of the dissimilarity, in the order of birth,
        then death. One cluster at least never dies: its death is infinite. Features that die as they are born are left
        out.

    Raises:
        InputError: for a length that is no number of pairs, dissimilarities that are not finite or below 0, a dimension
            below 0, or a cut that is not above 0.
        MissingDependencyError: without gudhi.

    Source: Edelsbrunner, Letscher & Zomorodian, Discrete & Computational Geometry 28:511 (2002); computed by gudhi
    (GUDHI Project 2015) after collapsing edges, which leaves the diagrams as they are.

    >>> square = rdm([[0.0, 0.0], [3.0, 0.0], [3.0, 4.0], [0.0, 4.0]])
    >>> [diagram.tolist() for diagram in persistence_diagrams(square)]    # the loop is filled by the diagonals
    [[[0.0, 3.0], [0.0, 3.0], [0.0, 4.0], [0.0, inf]], [[4.0, 5.0]]]
    """
    d = _dissimilarities("dissimilarity", dissimilarity)
    if max_dimension < 0:
        raise InputError("max_dimension", max_dimension, "needs 0 for clusters, 1 for loops, 2 for voids")
    if not cut > 0:
        raise InputError("cut", cut, "must be above 0")
    tree = _gudhi().SimplexTree.create_from_array(squareform(d), max_filtration=float(cut))
    if max_dimension:
        tree.collapse_edges()
        tree.expansion(max_dimension + 1)
    # gudhi leaves out the dimension of the complex itself, which is one too high unless few presentations are joined.
    tree.compute_persistence(persistence_dim_max=tree.dimension() <= max_dimension)
    found = []
    for dimension in range(max_dimension + 1):
        intervals = np.asarray(tree.persistence_intervals_in_dimension(dimension)).reshape(-1, 2)
        found.append(intervals[np.lexsort((intervals[:, 1], intervals[:, 0]))])
    return found


@method(
    kind="population",
    source="edelsbrunner2002",
    example=lambda rng: ((np.sort(rng.random((5, 2)), axis=1),), {"radii": np.linspace(0, 1, 11)}),
    empty="a diagram without features",
)
def betti_curve(diagram: Any, *, radii: Any) -> np.ndarray:
    """How many features there are at each t: born at or before it, and not yet dead.

    Args:
        diagram: `(feature, 2)`, one of those of `persistence_diagrams`.
        radii: t, `(radius,)`.

    Returns:
        Betti numbers, int64 `(radius,)`.

    Raises:
        InputError: for a diagram of another shape, NaN, or features that die before they are born.

    >>> betti_curve([[0.0, 3.0], [0.0, np.inf]], radii=[0.0, 2.9, 3.0]).tolist()
    [2, 2, 1]
    """
    bars = _diagram(diagram)
    t = np.asarray(radii, dtype=np.float64)
    if t.ndim != 1 or np.isnan(t).any():
        raise InputError("radii", t.shape, "needs (radius,), without NaN")
    births, deaths = np.sort(bars[:, 0]), np.sort(bars[:, 1])
    return np.searchsorted(births, t, side="right") - np.searchsorted(deaths, t, side="right")


@method(
    kind="population",
    source="cohensteiner2010",
    example=lambda rng: ((np.sort(rng.random((5, 2)), axis=1),), {}),
    empty="a diagram without features",
)
def total_persistence(diagram: Any, *, power: float = 1.0) -> float:
    """How long all features live together: sum (death - birth)^power over those that die.

    Args:
        diagram: `(feature, 2)`.
        power: above 0; the larger, the less brief features count.

    Returns:
        0 if nothing dies.

    Raises:
        InputError: as `betti_curve`, and for a power not above 0.

    Source: Cohen-Steiner, Edelsbrunner, Harer & Mileyko, Foundations of Computational Mathematics 10:127 (2010).

    >>> total_persistence([[0.0, 3.0], [1.0, 3.0], [0.0, np.inf]], power=2)
    13.0
    """
    bars = _diagram(diagram)
    if not 0 < power < np.inf:
        raise InputError("power", power, "must be above 0")
    died = np.isfinite(bars[:, 1])
    return float(((bars[died, 1] - bars[died, 0]) ** power).sum())


@method(kind="matching", source="arXiv:2309.11028", symmetric=True, distance=True)
def compare_topology(a: Any, b: Any, *, dimension: int = 1, by: By = "betti") -> float:
    """How far apart two representational dissimilarity matrices are in their clusters, loops or voids.

    Both are divided by their largest dissimilarity, so that t goes from 0 to 1. `betti` is the area between the two
    Betti curves, int_0^1 |beta_a(t) - beta_b(t)| dt, exact and without a grid. Of the ways to match features of one
    diagram with features of the other or with the diagonal, by the largest difference of births and deaths:
    `bottleneck` is the longest match of the best way, `wasserstein` the sum of all matches, at its least.

    Topology does not know which presentation is which: a permutation of the presentations changes nothing, and the two
    need not be as many.

    Args:
        a, b: `(pair,)` each, as `rdm` gives them.
        dimension: 0 for clusters, 1 for loops, 2 for voids.
        by: which distance.

    Returns:
        0 for the same topology at all t.

    Raises:
        InputError: as `persistence_diagrams`, for dissimilarities that are all 0, or an unknown `by`.
        MissingDependencyError: without gudhi.

    Source: Lin & Kriegeskorte 2023, arXiv:2309.11028, name persistent homology as one more descriptor; the distances
    are those of Cohen-Steiner, Edelsbrunner & Harer, Discrete & Computational Geometry 37:103 (2007), and scale and
    area are ours.

    >>> angle = 2 * np.pi * np.arange(12) / 12
    >>> ring, line = rdm(np.c_[np.cos(angle), np.sin(angle)]), rdm(angle[:, None])
    >>> compare_topology(ring, 5 * ring), round(compare_topology(ring, line), 3)
    (0.0, 0.607)
    """
    if by not in ("betti", "bottleneck", "wasserstein"):
        raise InputError("by", by, "is none of betti, bottleneck, wasserstein")
    first, second = (
        persistence_diagrams(_scaled(name, value), max_dimension=dimension)[dimension]
        for name, value in (("a", a), ("b", b))
    )
    if by == "betti":
        return betti_area(first, second)
    if by == "bottleneck":
        return float(_gudhi().bottleneck_distance(first, second))
    from gudhi.hera import wasserstein_distance

    # Relative error; the default of 0.01 would tell two equal diagrams in another order apart.
    return float(wasserstein_distance(first, second, order=1, internal_p=np.inf, delta=1e-6))


def betti_area(first: Any, second: Any) -> float:
    """The area between two Betti curves from 0 to 1, `compare_topology` by `betti`, of two diagrams.

    >>> betti_area([[0.0, 0.5], [0.0, np.inf]], [[0.25, np.inf]])
    0.75
    """
    bars = [np.clip(_diagram(diagram), 0.0, 1.0) for diagram in (first, second)]
    t = np.unique(np.concatenate([[0.0, 1.0], *(one.ravel() for one in bars)]))
    heights = [betti_curve(one, radii=t[:-1]) for one in bars]
    return float(np.abs(heights[0] - heights[1]) @ np.diff(t))


@method(
    kind="similarity",
    source="arXiv:2309.11028",
    symmetric=True,
    distance=True,
    invariant=("permutation", "rotation", "reflection", "translation", "isotropic_scaling"),
    not_invariant=("scaling", "linear", "monotonic"),
    nan="the unit was not observed in that presentation",
    exceptions={"noise_takes_it_away": "the topology of presentations in another order is the same"},
)
def topological_distance(x: Any, y: Any, *, dimension: int = 1, by: By = "betti") -> float:
    """How far apart two systems are in the clusters, loops or voids of their activity: `compare_topology` of the
    Euclidean distances of presentations.

    Args:
        x, y: arrays or recordings, `(presentation, unit)`; neither units nor presentations need to be as many. Units
            not observed are left out as `rdm` does.
        dimension, by: as in `compare_topology`.

    Returns:
        0 for the same topology at all scales.

    Raises:
        InputError: as `rdm` and `compare_topology`.
        MissingDependencyError: without gudhi.

    >>> angle = 2 * np.pi * np.arange(12) / 12
    >>> ring, ellipse = np.c_[np.cos(angle), np.sin(angle)], np.c_[np.cos(angle), 0.9 * np.sin(angle)]
    >>> topological_distance(ring, 3 * ring[:, ::-1]) < 1e-9, 0.01 < topological_distance(ring, ellipse) < 0.2
    (True, True)
    """
    return compare_topology(rdm(x), rdm(y), dimension=dimension, by=by)


def _gudhi() -> Any:
    try:
        import gudhi
    except ImportError as error:
        raise MissingDependencyError("gudhi", "topology") from error
    return gudhi


def _dissimilarities(name: str, value: Any) -> np.ndarray:
    d = np.asarray(value, dtype=np.float64)
    if d.ndim != 1 or not d.size:
        raise InputError(name, d.shape, "needs the pairs of one RDM, as a vector")
    if not np.isfinite(d).all() or (d < 0).any():
        raise InputError(name, "NaN, infinity or below 0", "needs dissimilarities of 0 or more for all pairs")
    n_conditions(d.size)
    return d


def _scaled(name: str, value: Any) -> np.ndarray:
    d = _dissimilarities(name, value)
    if not d.max() > 0:
        raise InputError(name, "all 0", "presentations that are all held the same have no topology to scale")
    return d / d.max()


def _diagram(value: Any) -> np.ndarray:
    bars = np.asarray(value, dtype=np.float64)
    if not bars.size:
        bars = bars.reshape(0, 2)
    if bars.ndim != 2 or bars.shape[1] != 2 or np.isnan(bars).any() or (bars[:, 1] < bars[:, 0]).any():
        raise InputError("diagram", bars.shape, "needs (feature, 2): birth and death, no death before the birth")
    return bars
