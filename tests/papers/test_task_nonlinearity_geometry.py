import numpy as np

from multiunit.core.paper import Scale
from multiunit.papers.task_nonlinearity_geometry import claim


def test_smoke_scale_runs_and_training_moves_the_geometry_to_the_targets():
    result = claim(Scale("smoke"), np.random.default_rng(0))
    assert result.measured["tanh_accuracy"] > 0.9
    assert result.measured["tanh_target"] > result.control["frozen_tanh_target"] + 0.2
    assert result.control["frozen_tanh_input"] > 0.9
    assert result.control["aligned_lowest"] > 0.9
