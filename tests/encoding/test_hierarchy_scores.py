"""Whether layers follow areas and moments."""

import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.encoding.hierarchy_scores import spatial_score, temporal_score


def test_planted_orders_are_read_off_scores():
    depth = np.arange(4)
    position = np.repeat(depth, 5)
    scores = np.exp(-((depth[:, None] - position) ** 2.0))
    assert spatial_score(scores, position).correlation == pytest.approx(1.0)
    assert spatial_score(scores[::-1], position).correlation == pytest.approx(-1.0)
    assert spatial_score(np.ones((4, 20)), position).correlation == 0
    time = np.linspace(0.1, 0.4, 4)
    courses = np.exp(-((time[depth][:, None] - time) ** 2) / 0.01)[:, None] * np.ones((1, 3, 1))
    found = temporal_score(courses, time)
    assert found.correlation == pytest.approx(1.0)
    assert found.peak_time == pytest.approx(time)
    assert temporal_score(np.ones((4, 2, 4)), time).correlation == 0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: spatial_score(np.ones((2, 3)), np.ones(3)), "differ"),
        (lambda: spatial_score(np.ones(3), np.ones(3)), "layer, target"),
        (lambda: temporal_score(np.ones((1, 3, 2)), np.ones(2)), "two layers"),
        (lambda: temporal_score(np.ones((2, 3, 2)), np.ones(3)), "2 moments"),
    ],
)
def test_errors(call, words):
    with pytest.raises(InputError, match=words):
        call()
