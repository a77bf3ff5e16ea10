"""When a score has come half of its way."""

import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.encoding.half_time import half_time


def test_half_times_are_those_of_planted_courses():
    steps = np.array([0, 1, 3, 10, 30, 100, 300, 1000])
    # Linear in the logarithm: half-way is the square root, exactly, wherever the checkpoints lie.
    course = np.log1p(steps) / np.log1p(1000)
    late = np.where(steps >= 300, 1.0, 0.0)
    found = half_time(np.stack([0.3 + 0.5 * course, 0.2 + late, -course], axis=1), steps)
    assert found[0] == pytest.approx(np.sqrt(1001) - 1)
    assert found[1] == pytest.approx(np.sqrt(101 * 301) - 1)
    assert np.isnan(found[2])
    assert half_time(course, steps).shape == ()
    # A score that falls back counts from its first crossing.
    assert half_time([0.0, 1.0, 0.2, 1.0], [0, 3, 8, 20]) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: half_time([0.0, 1.0], [0, 0]), "rising"),
        (lambda: half_time([0.0], [0]), "two checkpoints"),
        (lambda: half_time([0.0, np.nan], [0, 1]), "finite"),
    ],
)
def test_errors(call, words):
    with pytest.raises(InputError, match=words):
        call()
