import numpy as np
import pytest

from multiunit.core import InputError
from multiunit.tasks.cue_conflict import cue_conflict, swap_area


@pytest.mark.parametrize("area", [0.0, 0.1, 0.33, 0.9, 1.0])
def test_the_disc_takes_its_share_and_is_round(area):
    found = cue_conflict(np.ones((40, 40)), np.zeros((40, 40)), area=area)
    assert found.sum() == round(1600 * area)
    radius = np.hypot(*(np.indices((40, 40)) - 19.5))
    if 0 < area < 1:
        assert radius[found == 1].max() <= radius[found == 0].min()


def test_pixels_come_from_where_they_are():
    rng = np.random.default_rng(0)
    centre, surround = rng.random((2, 3, 16, 12)), 2 + rng.random((2, 3, 16, 12))
    found = cue_conflict(centre, surround, area=0.4)
    np.testing.assert_array_equal(found, np.where(found < 2, centre, surround))


def test_choices_that_follow_the_larger_part_swap_at_one_half():
    areas = np.linspace(0.1, 0.9, 9)
    assert abs(swap_area(areas, areas) - 0.5) < 1e-12
    assert abs(swap_area(areas, areas**0.5) - 0.25) < 0.02
    assert swap_area([0.1, 0.5], [0.7, 0.9]) == 0.1
    assert swap_area([0.1, 0.5], [0.0, 0.4]) == 1.0


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: cue_conflict(np.ones((4, 4)), np.ones((4, 5)), area=0.5), "as centre"),
        (lambda: cue_conflict(np.ones((4, 4)), np.ones((4, 4)), area=-0.1), "from 0 to 1"),
        (lambda: swap_area([0.5, 0.1], [0.2, 0.3]), "increasing"),
        (lambda: swap_area([0.1, 0.5], [0.2, np.nan]), "share from 0 to 1"),
        (lambda: swap_area([0.1, 0.5], [0.2]), "each of 2"),
    ],
)
def test_errors_name_the_argument(call, named):
    with pytest.raises(InputError, match=named):
        call()
