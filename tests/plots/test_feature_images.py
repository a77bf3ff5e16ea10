import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.image import imread

from multiunit.core import InputError, StoreError
from multiunit.plots.feature_images import add_to_atlas, feature_images, image_grid, save_feature_images
from multiunit.units import Atlas


@pytest.fixture
def found():
    rng = np.random.default_rng(0)
    images = rng.random((7, 3, 8, 8))
    over = ("facet", "channel", "y", "x")
    return xr.Dataset(
        {
            "image": (over, images),
            "start": (over, images / 2),
            "activation": ("facet", np.arange(7.0)),
            "start_activation": ("facet", np.zeros(7)),
            "size": ("facet", np.arange(7, 0, -1)),
        },
        attrs={"unit_id": "layer.3/17"},
    )


def test_the_grid_shows_the_images():
    images = np.zeros((3, 3, 4, 4))
    images[1, 0] = 2.0
    drawn = image_grid(images, titles=["a", "$b", "c"], bounds=(0, 2), n_columns=2, heading="$x")
    assert [axes.get_title(loc="left") for axes in drawn.axes] == ["a", r"\$b", "c"]
    shown = np.asarray(drawn.axes[1].images[0].get_array())
    np.testing.assert_allclose(shown, np.broadcast_to([1.0, 0.0, 0.0], (4, 4, 3)))
    grey = image_grid(np.random.default_rng(0).normal(size=(1, 2, 4, 4)))
    assert np.asarray(grey.axes[0].images[0].get_array()).shape == (4, 4)
    assert not image_grid(np.full((1, 1, 2, 2), np.nan)).axes[0].images
    broken = np.array([[[[1.0, np.nan, np.inf, -np.inf, 0.5]]]])
    shown = np.asarray(image_grid(broken, bounds=(0, 1)).axes[0].images[0].get_array())
    assert shown.tolist() == [[1.0, 0.0, 0.0, 0.0, 0.5]]


def test_facets_stand_below_what_they_started_from(found, tmp_path):
    drawn = feature_images(found)
    titles = [axes.get_title(loc="left") for axes in drawn.axes]
    assert titles[:5] == [f"mean {i}: 0" for i in range(5)]
    assert titles[5:10] == [f"made {i}: {i}" for i in range(5)]
    assert titles[10:12] == ["mean 5: 0", "mean 6: 0"]
    assert titles[15:17] == ["made 5: 5", "made 6: 6"]
    single = feature_images(found.drop_vars(["start", "start_activation", "size"]))
    assert len(single.axes) == 7
    assert [len(axes.images) for axes in drawn.axes[10:15]] == [1, 1, 0, 0, 0]


def test_images_are_drawn_within_the_bounds_they_were_made_in(found):
    dark = found.assign_attrs(bounds=[[-1.0, 0.0, 0.0], [1.0, 2.0, 2.0]])
    shown = np.asarray(feature_images(dark).axes[5].images[0].get_array())
    expected = (found["image"].values[0].transpose(1, 2, 0) - [-1, 0, 0]) / 2
    np.testing.assert_allclose(shown, expected)
    other = np.asarray(feature_images(dark, bounds=(0, 1)).axes[5].images[0].get_array())
    np.testing.assert_allclose(other, found["image"].values[0].transpose(1, 2, 0))


def test_it_is_written_as_a_picture_beside_an_atlas(found, tmp_path):
    with pytest.raises(StoreError, match="no atlas"):
        add_to_atlas(tmp_path, found)
    folder = Atlas(pd.DataFrame({"site": ["layer.3"]}, index=["layer.3/17"])).save(tmp_path / "atlas")
    with pytest.raises(InputError, match=r"layer\.3/18"):
        add_to_atlas(folder, found.assign_attrs(unit_id="layer.3/18"))
    assert not (folder / "pictures").exists()
    path = add_to_atlas(folder, found)
    assert path == folder / "pictures" / "layer.3_17.png"
    picture = imread(path)
    assert picture.shape[0] > 300
    assert picture.std() > 0.1
    assert len(Atlas.load(folder).table) == 1


def test_what_is_refused(tmp_path):
    with pytest.raises(InputError, match="images"):
        image_grid(np.zeros((3, 4, 4)))
    with pytest.raises(InputError, match="titles"):
        image_grid(np.zeros((3, 1, 4, 4)), titles=["a"])
    with pytest.raises(InputError, match="bounds"):
        image_grid(np.zeros((3, 1, 4, 4)), bounds=3)
    with pytest.raises(InputError, match="n_columns"):
        image_grid(np.zeros((3, 1, 4, 4)), n_columns=0)
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreError, match="cannot write"):
        save_feature_images(image_grid(np.zeros((1, 1, 2, 2))), tmp_path / "folder")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
