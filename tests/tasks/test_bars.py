import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.tasks.bars import bars, single_bars


def test_an_image_is_the_union_of_its_bars_which_are_independent():
    frame = bars(5000, side=3, probability=0.3, random_state=1)
    present, images = np.stack(frame["present"]), np.stack(frame["stimulus"])
    assert images.shape == (5000, 1, 3, 3)
    patterns = single_bars(3)
    for shown, image in zip(present[:50], images[:50, 0], strict=True):
        assert np.array_equal(image, patterns[shown].max(axis=0, initial=0))
    assert np.allclose(present.mean(axis=0), 0.3, atol=0.03)
    assert np.abs(np.corrcoef(present.T) - np.eye(6)).max() < 0.06


def test_a_seed_gives_the_same_images():
    assert np.array_equal(np.stack(bars(5)["stimulus"]), np.stack(bars(5)["stimulus"]))


def test_single_bars_are_rows_then_columns():
    patterns = single_bars(4)
    assert np.array_equal(patterns[4:], patterns[:4].transpose(0, 2, 1))
    assert patterns.sum(axis=(1, 2)).tolist() == [4] * 8


@pytest.mark.parametrize("changes", [{"n_images": 0}, {"side": 1}, {"probability": 1.0}])
def test_numbers_out_of_range_are_refused(changes):
    with pytest.raises(InputError, match="n_images"):
        bars(**changes)


def test_a_side_of_one_has_no_bars():
    with pytest.raises(InputError, match="side"):
        single_bars(1)
