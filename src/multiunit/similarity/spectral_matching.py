"""Spectral matching: groups of units of two systems that vary together, many to many."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from sklearn.cluster import KMeans

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.similarity.canonical_correlation import canonical_correlation
from multiunit.similarity.one_to_one_matching import unit_correlation
from multiunit.similarity.paired import paired


def spectral_clusters(affinity: Any, *, n_clusters: int, random_state: int | np.random.Generator = 0) -> np.ndarray:
    """Cut a graph into groups that hold together, by the first eigenvectors of its normalised Laplacian.

    L = I - D^-1/2 W D^-1/2 with W of zero diagonal and D its row sums; the `n_clusters` eigenvectors of smallest
    eigenvalue as coordinates of every node, brought to length 1, then k-means.

    Args:
        affinity: `(node, node)`, symmetric, not negative; its diagonal plays no role.
        n_clusters: at least 2, at most the nodes that touch another.
        random_state: seed or generator of k-means' starts.

    Returns:
        int `(node,)`, numbered by first appearance; -1 for a node that touches no other.

    Raises:
        InputError: for a table that is no such affinity, or a number of clusters out of reach.

    Source: Ng, Jordan & Weiss 2002, Advances in Neural Information Processing Systems 14.

    >>> spectral_clusters(np.kron([[1, 0.01], [0.01, 1]], np.ones((3, 3))), n_clusters=2).tolist()
    [0, 0, 0, 1, 1, 1]
    """
    w = np.array(affinity, dtype=np.float64)
    if w.ndim != 2 or w.shape[0] != w.shape[1] or not np.isfinite(w).all() or (w < 0).any():
        raise InputError("affinity", w.shape, "needs finite numbers (node, node), none below 0")
    if not np.allclose(w, w.T):
        raise InputError("affinity", w.shape, "must be symmetric")
    np.fill_diagonal(w, 0.0)
    touching = np.flatnonzero(w.sum(axis=1) > 0)
    if not 2 <= n_clusters <= len(touching):
        raise InputError("n_clusters", n_clusters, f"must be from 2 to {len(touching)}, the nodes that touch another")
    w = w[np.ix_(touching, touching)]
    scale = 1 / np.sqrt(w.sum(axis=1))
    # The smallest eigenvalues of I - A are the largest of A.
    vectors = np.linalg.eigh(scale[:, None] * w * scale)[1][:, -n_clusters:]
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    rows = np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)
    seed = int(np.random.default_rng(random_state).integers(2**31))
    found = KMeans(n_clusters, n_init=10, random_state=seed).fit_predict(rows)
    _, where, number = np.unique(found, return_index=True, return_inverse=True)
    labels = np.full(len(affinity), -1)
    labels[touching] = np.argsort(np.argsort(where))[number]
    return labels


@method(
    kind="matching",
    source="arXiv:1511.07543",
    example=lambda rng: ((rng.normal(size=(40, 6)), rng.normal(size=(40, 8))), {"n_clusters": 3}),
)
def spectral_matching(x: Any, y: Any, *, n_clusters: int, random_state: int | np.random.Generator = 0) -> xr.Dataset:
    """Group the units of two systems together, and compare within each group the space that either system's span.

    `spectral_clusters` of the joint graph whose edges are |corr| within x, within y and between them.

    Args:
        x, y: `(presentation, unit)`, the same presentations, many more than units.
        n_clusters: at least 2.
        random_state: seed or generator of k-means' starts.

    Returns:
        `cluster_of(unit)` and `cluster_of_other(other_unit)`, -1 for a constant unit; over `cluster`: `n_units` and
        `n_other_units`, and `agreement`, the mean canonical correlation between the units of x and of y in it (0 if
        only one system has units there).

    Raises:
        InputError: for shapes that do not fit, numbers that are not finite, a constant system, or a number of
            clusters out of reach.

    Source: Li et al. 2016, arXiv:1511.07543; reconstructed: which Laplacian and which last step they take is unsure.
    The agreement of subspaces is ours.

    >>> rng = np.random.default_rng(0)
    >>> latent = rng.normal(size=(500, 2))
    >>> x, y = (latent[:, which] + 0.3 * rng.normal(size=(500, 4)) for which in ([0, 0, 1, 1], [1, 0, 1, 0]))
    >>> found = spectral_matching(x, y, n_clusters=2)
    >>> found["cluster_of"].values.tolist(), found["cluster_of_other"].values.tolist()
    ([0, 0, 1, 1], [1, 0, 1, 0])
    """
    x, y = paired(x, y)
    both = np.hstack([x, y])
    labels = spectral_clusters(np.abs(unit_correlation(both, both)), n_clusters=n_clusters, random_state=random_state)
    mine, theirs = labels[: x.shape[1]], labels[x.shape[1] :]
    agreement = np.zeros(n_clusters)
    for cluster in range(n_clusters):
        if (mine == cluster).any() and (theirs == cluster).any():
            agreement[cluster] = canonical_correlation(x[:, mine == cluster], y[:, theirs == cluster])[0].mean()
    return xr.Dataset(
        {
            "cluster_of": ("unit", mine),
            "cluster_of_other": ("other_unit", theirs),
            "n_units": ("cluster", np.bincount(mine[mine >= 0], minlength=n_clusters)),
            "n_other_units": ("cluster", np.bincount(theirs[theirs >= 0], minlength=n_clusters)),
            "agreement": ("cluster", agreement),
        }
    )
