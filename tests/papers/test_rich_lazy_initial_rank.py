import numpy as np

from multiunit.core.paper import Scale
from multiunit.papers.rich_lazy_initial_rank import claim


def test_smoke_scale_runs_and_aligned_weights_hardly_move_the_kernel():
    result = claim(Scale("smoke"), np.random.default_rng(0))
    assert result.measured["n_failed"] == 0
    assert result.control["aligned_1"] < 0.5 * result.measured["linear_2"]
    assert result.measured["linear_2"] > result.measured["linear_20"]
