import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.tasks.captioned_digits import WORDS, captioned_digits, prompts


def test_styles_are_the_same_image_changed():
    frame = captioned_digits()
    of_one = {(r.contrast, r.orientation): r.stimulus.reshape(8, 8) for r in frame[frame["image"] == 17].itertuples()}
    assert len(of_one) == 4
    plain = of_one["plain", "upright"]
    assert np.array_equal(of_one["inverted", "upright"], -plain)
    assert np.array_equal(of_one["plain", "turned"], np.rot90(plain))
    assert plain.min() >= -1
    assert plain.max() <= 1
    assert frame.groupby("image")["split"].nunique().max() == 1


def test_words_are_right_or_left_out():
    frame = captioned_digits(omitted=0.4, random_state=1)
    said, full = np.stack(list(frame["prompt"])), prompts(frame)
    assert ((said == full) | (said == 0)).all()
    assert (said == 0).mean() == pytest.approx(0.4, abs=0.02)
    assert WORDS[full[0][0]] == frame["digit"][0]


def test_errors():
    with pytest.raises(InputError, match="omitted"):
        captioned_digits(omitted=1.0)
