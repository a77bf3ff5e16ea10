import numpy as np

from multiunit.core.paper import Scale
from multiunit.papers.heterogeneous_delays import claim


def test_motion_is_told_and_not_from_events_at_other_times():
    result = claim(Scale("smoke"), np.random.default_rng(0))
    assert result.measured["accuracy"] > result.control["time_shuffled"] + 0.15
    assert result.measured["accuracy"] > result.measured["chance"] + 0.15
