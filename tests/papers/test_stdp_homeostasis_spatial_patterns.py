import numpy as np

from multiunit.core.paper import Scale
from multiunit.papers.stdp_homeostasis_spatial_patterns import claim


def test_one_pattern_is_told_from_near_misses_and_not_with_a_random_teacher():
    result = claim(Scale("smoke"), np.random.default_rng(0))
    assert result.measured["accuracy_1"] > result.control["random_teacher_accuracy"] + 0.1
    assert result.measured["false_alarms_4"] > result.measured["false_alarms_1"]
    assert result.measured["mixtures_2"] > result.measured["false_alarms_2"]
