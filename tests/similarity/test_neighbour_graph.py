import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import pdist, squareform
from sklearn.neighbors import kneighbors_graph

from multiunit.core import InputError
from multiunit.similarity.neighbour_graph import neighbour_graph


@pytest.mark.parametrize("k", [1, 3, 8, 29])
def test_edges_are_the_neighbours_that_scikit_learn_finds_and_the_links_between_parts(k):
    x = np.random.default_rng(0).normal(size=(30, 4))
    found = squareform(neighbour_graph(pdist(x), k=k))
    near = kneighbors_graph(x, k, mode="distance").toarray()
    near = np.maximum(near, near.T)
    np.testing.assert_allclose(np.where(near > 0, found, 0.0), near)
    n_parts, part = connected_components(csr_array(near), directed=False)
    extra = (found > 0) & (near == 0)
    assert extra.sum() == 2 * (n_parts - 1)
    assert (part[np.nonzero(extra)[0]] != part[np.nonzero(extra)[1]]).all()
    assert connected_components(csr_array(found), directed=False)[0] == 1


def test_islands_are_joined_where_they_are_nearest():
    x = np.r_[np.arange(5), 20 + np.arange(5), 60 + np.arange(5)][:, None].astype(float)
    found = squareform(neighbour_graph(pdist(x), k=2))
    far = np.argwhere(np.triu(found) > 5).tolist()
    assert far == [[4, 5], [9, 10]]
    assert found[4, 5] == 16


def test_presentations_held_the_same_are_joined_and_not_lost():
    found = squareform(neighbour_graph(pdist([[0.0], [0.0], [1.0], [3.0]]), k=1))
    assert 0 < found[0, 1] < 1e-5
    assert found[1, 2] + found[0, 2] > 0


@pytest.mark.parametrize(
    ("values", "k", "named"),
    [
        ([0.0, 0.0, 0.0], 1, "some above 0"),
        ([1.0, -1.0, 1.0], 1, "below 0"),
        ([1.0, np.nan, 1.0], 1, "NaN"),
        (np.ones((3, 3)), 1, "pairs of one RDM"),
        ([1.0, 1.0], 1, "number of pairs"),
        ([1.0, 2.0, 3.0], 3, "between 1 and 2"),
        ([1.0, 2.0, 3.0], 0, "between 1 and 2"),
    ],
)
def test_errors_name_the_argument(values, k, named):
    with pytest.raises(InputError, match=named):
        neighbour_graph(values, k=k)
