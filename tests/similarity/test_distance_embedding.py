import networkx
import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from scipy.spatial.distance import pdist, squareform
from sklearn.base import clone
from sklearn.metrics import label_ranking_average_precision_score

from multiunit.core import InputError
from multiunit.networks.poincare_ball import from_tangent, poincare_distance
from multiunit.similarity.distance_embedding import DistanceEmbedding, _loss, average_precision, distortion


def shortest(graph):
    return squareform(networkx.floyd_warshall_numpy(graph))


def ball_distances(points):
    x = torch.as_tensor(points)
    full = poincare_distance(x[:, None], x[None])
    return full[tuple(torch.triu_indices(len(x), len(x), 1))]


@pytest.mark.parametrize("hyperbolic", [True, False])
def test_loss_and_slope_are_those_of_autograd_through_the_poincare_ball(hyperbolic):
    rng = np.random.default_rng(0)
    free, inverse = np.append(rng.normal(size=24), 0.3), rng.random(28)
    tensor = torch.as_tensor(free).requires_grad_()
    v = tensor[:-1].reshape(8, 3)
    d = ball_distances(from_tangent(v / 2)) if hyperbolic else torch.pdist(v)
    loss = ((tensor[-1].exp() * d * torch.as_tensor(inverse) - 1) ** 2).mean()
    loss.backward()
    value, slope = _loss(free, inverse, 8, hyperbolic)
    assert abs(value - loss.item()) < 1e-6
    np.testing.assert_allclose(slope, tensor.grad, atol=1e-6)


@pytest.mark.parametrize("geometry", ["hyperbolic", "euclidean"])
def test_distances_of_planted_points_are_found_in_their_own_geometry(geometry):
    v = np.random.default_rng(0).normal(size=(25, 2)) * 1.5
    planted = ball_distances(from_tangent(torch.as_tensor(v) / 2)).numpy() if geometry == "hyperbolic" else pdist(v)
    found = DistanceEmbedding(geometry=geometry).fit(7 * planted)
    other = DistanceEmbedding(geometry="euclidean" if geometry == "hyperbolic" else "hyperbolic").fit(7 * planted)
    assert found.distortion_ < 0.01
    assert found.average_precision_ > 0.95
    assert found.loss_[-1] < 0.001 < found.loss_[0]
    again = ball_distances(found.embedding_).numpy() if geometry == "hyperbolic" else pdist(found.embedding_)
    np.testing.assert_allclose(found.scale_ * again, 7 * planted, rtol=0.1)
    # The flat plane is the limit of hyperbolic ones, which the scale can come near to; the reverse is not so.
    assert other.distortion_ > found.distortion_ + (0.03 if geometry == "hyperbolic" else -0.01)


def test_a_tree_fits_into_the_hyperbolic_plane_and_not_the_flat_one():
    d = shortest(networkx.balanced_tree(3, 3))
    deep = DistanceEmbedding(random_state=0).fit(d)
    flat = DistanceEmbedding(geometry="euclidean", random_state=0).fit(d)
    assert deep.distortion_ < 0.6 * flat.distortion_
    assert deep.average_precision_ > flat.average_precision_
    assert np.linalg.norm(deep.embedding_, axis=1).max() < 1


def test_the_same_seed_gives_the_same_points_and_the_unit_of_distances_drops_out():
    d = pdist(np.random.default_rng(3).normal(size=(10, 4)))
    one = DistanceEmbedding(n_components=3, n_steps=50)
    two = clone(one)
    np.testing.assert_array_equal(one.fit(d).embedding_, two.fit(d).embedding_)
    three = clone(one).fit(1000 * d)
    np.testing.assert_allclose(three.embedding_, one.embedding_, rtol=1e-6)
    np.testing.assert_allclose(three.scale_, 1000 * one.scale_, rtol=1e-6)


def test_more_components_than_points_are_filled():
    found = DistanceEmbedding(n_components=5, n_steps=300, geometry="euclidean").fit([3.0, 4.0, 5.0])
    assert found.embedding_.shape == (3, 5)
    assert found.distortion_ < 0.01


def test_distortion_is_the_least_over_scales_and_precision_that_of_scikit_learn():
    rng = np.random.default_rng(4)
    embedded, d = rng.random(45) + 0.1, rng.random(45) + 0.1
    best = minimize_scalar(lambda s: np.abs(s * embedded / d - 1).mean(), bounds=(0, 10), method="bounded").fun
    assert abs(distortion(embedded, d) - best) < 1e-5
    graph = networkx.connected_watts_strogatz_graph(10, 4, 0.3, seed=0)
    apart = ~np.eye(10, dtype=bool)
    truth = networkx.to_numpy_array(graph)[apart].reshape(10, 9)
    score = -squareform(embedded)[apart].reshape(10, 9)
    expected = label_ranking_average_precision_score(truth, score)
    assert abs(average_precision(embedded, shortest(graph)) - expected) < 1e-12


@pytest.mark.parametrize(
    ("options", "values", "named"),
    [
        ({}, [1.0], "three points"),
        ({}, [1.0, 0.0, 1.0], "above 0"),
        ({}, [1.0, np.inf, 1.0], "infinity"),
        ({"geometry": "spherical"}, [1.0, 1.0, 1.0], "geometry"),
        ({"n_components": 0}, [1.0, 1.0, 1.0], "n_components"),
        ({"n_steps": 0}, [1.0, 1.0, 1.0], "n_components"),
    ],
)
def test_errors_name_the_argument(options, values, named):
    with pytest.raises(InputError, match=named):
        DistanceEmbedding(**options).fit(values)
