import numpy as np
import pytest
import xarray as xr
from scipy.spatial.distance import pdist, squareform

from multiunit.core import InputError
from multiunit.plots.similarity_matrix import (
    as_distances,
    layer_heatmap,
    principal_coordinates,
    similarity_matrix,
)


def matrix(values, **attrs):
    names = [[f"{side}{i}" for i in range(n)] for side, n in zip("ab", np.shape(values), strict=True)]
    dims = ("system", "other_system")
    return xr.DataArray(values, dims=dims, coords=dict(zip(dims, names, strict=True)), attrs=attrs)


@pytest.fixture
def families():
    """Three systems of one family and three of another, shuffled."""
    same = np.array([0, 1, 0, 1, 0, 1])
    return matrix(np.where(same[:, None] == same, 0.9, 0.1) + 0.1 * np.eye(6), metric="x.linear_cka")


def test_layers_keep_their_order_and_the_best_is_outlined():
    scores = matrix([[0.2, 0.9, 0.1], [0.8, 0.3, np.nan]], metric="somewhere.linear_cka")
    drawn = layer_heatmap(scores, title="one $ other")
    axes, bar = drawn.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a0", "a1"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["b0", "b1", "b2"]
    assert bar.get_ylabel() == "linear_cka"
    assert [patch.get_xy() for patch in axes.patches] == [(0.5, -0.5), (-0.5, 0.5)]
    assert [text.get_text() for text in axes.texts] == ["0.20", "0.90", "0.10", "0.80", "0.30"]
    far = layer_heatmap(scores.assign_attrs(distance=True))
    assert [patch.get_xy() for patch in far.axes[0].patches] == [(1.5, -0.5), (0.5, 0.5)]
    assert far.axes[0].images[0].get_cmap().name == "cividis_r"


def test_numbers_are_legible_on_their_cells():
    for attrs in ({}, {"distance": True}):
        axes = layer_heatmap(matrix([[0.0, 1.0]], **attrs)).axes[0]
        image = axes.images[0]
        for text, value in zip(axes.texts, (0.0, 1.0), strict=True):
            brightness = np.mean(image.cmap(image.norm(value))[:3])
            assert (text.get_color() == "white") == (brightness < 0.5)


def test_families_stand_together_in_tree_matrix_and_map(families):
    drawn = similarity_matrix(families, title="families")
    tree, heat, places = drawn.axes[:3]
    order = [label.get_text() for label in heat.get_yticklabels()]
    assert sorted(order[:3]) in (["a0", "a2", "a4"], ["a1", "a3", "a5"])
    assert np.asarray(heat.images[0].get_array())[:3, :3].min() >= 0.9
    assert len(tree.lines) == 5
    points = {a.get_text(): np.array(a.xy) for a in places.texts}
    assert np.linalg.norm(points["a0"] - points["a2"]) < 0.3 < np.linalg.norm(points["a0"] - points["a1"])


def test_the_tree_stands_beside_the_rows_it_joins(families):
    drawn = similarity_matrix(families)
    tree, heat = drawn.axes[:2]
    first = min(tree.lines, key=lambda line: line.get_xdata().max())
    rows = np.unique(np.asarray(first.get_ydata()))
    assert set(rows) <= set(range(6))
    assert np.allclose(tree.get_ylim(), heat.get_ylim())


def test_the_map_of_points_in_a_plane_keeps_their_distances():
    places = np.random.default_rng(0).normal(size=(7, 2))
    points, share = principal_coordinates(squareform(pdist(places)))
    np.testing.assert_allclose(pdist(points), pdist(places))
    np.testing.assert_allclose(share.sum(), 1)


def test_distances_of_scores():
    assert as_distances(np.array([[0.0, 2.0], [4.0, 0.1]]), distance=True).tolist() == [[0, 3], [3, 0]]


def test_many_names_and_equal_systems(tmp_path):
    drawn = similarity_matrix(matrix(np.random.default_rng(0).random((90, 90))))
    assert len(drawn.axes[1].get_yticklabels()) == 30
    assert not drawn.axes[1].texts
    drawn.savefig(tmp_path / "many.png")
    similarity_matrix(matrix(np.ones((2, 2)))).savefig(tmp_path / "two.png")
    assert (tmp_path / "two.png").stat().st_size > 5000


def test_what_is_refused():
    with pytest.raises(InputError, match="scores"):
        layer_heatmap(matrix(np.full((2, 2), np.nan)))
    for values in (np.ones((2, 3)), np.ones((1, 1)), [[1.0, np.nan], [0.0, 1.0]]):
        with pytest.raises(InputError, match="every two"):
            similarity_matrix(matrix(values))
