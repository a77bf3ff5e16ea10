import numpy as np

from multiunit.core.paper import Scale
from multiunit.papers.memristive_crossbar import claim


def test_smoke_scale_runs_and_the_controls_fail():
    result = claim(Scale("smoke"), np.random.default_rng(0))
    assert result.measured["aware"] > result.control["shuffled"] + 0.3
    assert result.measured["volatile"] > result.control["never_forgets"] + 0.1
    assert result.measured["volatile"] > result.control["forgets_at_once"] + 0.1
