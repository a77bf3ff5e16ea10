import numpy as np

from multiunit.core.paper import Scale
from multiunit.papers.relative_representations import claim


def test_smoke_scale_runs_and_shared_anchors_carry_over():
    result = claim(Scale("smoke"), np.random.default_rng(0))
    assert result.measured["relative_own"] > 0.5
    assert result.measured["relative_stitched"] > result.control["apart_stitched"] + 0.2
    assert result.measured["relative_similarity"] > 0.5 > abs(result.control["shuffled_similarity"]) + 0.2
