import numpy as np

from multiunit.core.paper import Scale
from multiunit.papers.are_we_back_in_1924 import claim


def test_at_smoke_scale_the_pairs_are_known_by_heart_and_nothing_more():
    result = claim(Scale("smoke"), np.random.default_rng(0))
    assert result.measured["memorised_step"] <= 300
    assert result.control["train_accuracy_without_decay"] == 1
    assert result.control["test_accuracy_without_decay"] < 0.3
    assert not result.holds
