import numpy as np
import pytest
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr

from multiunit.core import InputError
from multiunit.similarity.curvature_similarity import curvature_similarity, node_correlation
from multiunit.similarity.neighbour_graph import neighbour_graph
from multiunit.similarity.ollivier_ricci import ollivier_ricci
from multiunit.similarity.rdm import rdm


def clusters(rng, scale):
    """Five clusters and what lies between two of them, at distances that are drawn anew."""
    centres = scale * rng.normal(size=(5, 12))
    between = np.linspace(0.2, 0.8, 10)[:, None]
    core = np.repeat(centres, 12, axis=0)
    return np.r_[core, centres[0] + between * (centres[1] - centres[0])] + rng.normal(size=(70, 12))


def test_it_is_the_rank_correlation_of_the_curvatures():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 5))
    y = x + 0.5 * rng.normal(size=(40, 5))
    nodes = [ollivier_ricci(np.sign(neighbour_graph(pdist(side), k=5))).node for side in (x, y)]
    assert abs(curvature_similarity(x, y, k=5) - spearmanr(*nodes)[0]) < 1e-3
    assert abs(node_correlation(rdm(x), rdm(y), k=5) - curvature_similarity(x, y, k=5)) < 1e-12


def test_bridges_in_common_are_seen_where_distances_between_clusters_differ():
    rng = np.random.default_rng(1)
    x, y = clusters(rng, 3.0), clusters(rng, 3.0)
    order = rng.permutation(70)
    assert curvature_similarity(x, y) > curvature_similarity(x, y[order]) + 0.3
    assert curvature_similarity(x, y) > 0.4
    assert abs(curvature_similarity(x, y[order])) < 0.25


def test_one_curvature_for_all_has_no_correlation():
    x = np.random.default_rng(2).normal(size=(8, 3))
    with pytest.raises(InputError, match="one curvature"):
        curvature_similarity(x, x, k=7)
