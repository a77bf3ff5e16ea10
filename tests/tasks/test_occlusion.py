from itertools import pairwise

import numpy as np
import pytest

from multiunit.core import InputError
from multiunit.tasks.occlusion import central, occlude


@pytest.fixture
def images():
    return np.random.default_rng(0).random((2, 3, 32, 48)).astype(np.float32) + 1


@pytest.mark.parametrize("kind", ["scotoma", "glaucoma", "left", "top"])
@pytest.mark.parametrize("area", [0.0, 0.2, 0.5, 0.75, 1.0])
def test_the_hidden_share_is_the_area_and_the_rest_is_untouched(images, kind, area):
    before = images.copy()
    seen = occlude(images, kind=kind, area=area, fill=0.0)
    hidden = seen == 0
    assert abs(hidden.mean() - area) < 0.03
    np.testing.assert_array_equal(seen[~hidden], images[~hidden])
    np.testing.assert_array_equal(images, before)
    assert seen.dtype == images.dtype


@pytest.mark.parametrize("area", [0.1, 0.37, 0.8])
def test_a_scotoma_and_the_rest_as_glaucoma_hide_each_pixel_once(images, area):
    inner = occlude(images, kind="scotoma", area=area, fill=0.0) == 0
    outer = occlude(images, kind="glaucoma", area=1 - area, fill=0.0) == 0
    assert (inner ^ outer).all()


def test_each_kind_begins_where_its_name_says(images):
    def hidden(kind):
        return occlude(images, kind=kind, area=0.2, fill=0.0)[0, 0] == 0

    assert hidden("scotoma")[16, 24]
    assert not hidden("scotoma")[[0, 0, -1, -1], [0, -1, 0, -1]].any()
    assert hidden("glaucoma")[[0, 0, -1, -1], [0, -1, 0, -1]].all()
    assert not hidden("glaucoma")[16, 24]
    assert hidden("left")[:, 0].all()
    assert not hidden("left")[:, 20:].any()
    assert hidden("top")[0].all()
    assert not hidden("top")[10:].any()


def test_larger_patches_hold_the_smaller():
    patches = [central(30, 30, area=area) for area in (0.1, 0.3, 0.6, 0.9)]
    assert all((small <= large).all() for small, large in pairwise(patches))


@pytest.mark.parametrize(
    ("changed", "named"),
    [({"area": 1.2}, "from 0 to 1"), ({"area": np.nan}, "from 0 to 1"), ({"kind": "right"}, "none of scotoma")],
)
def test_errors_name_the_argument(images, changed, named):
    with pytest.raises(InputError, match=named):
        occlude(images, **({"kind": "left", "area": 0.5} | changed))


def test_a_line_of_pixels_is_no_image():
    with pytest.raises(InputError, match="height, width"):
        occlude(np.ones(4), kind="left", area=0.5)
