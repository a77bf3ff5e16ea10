import numpy as np

from multiunit.papers.stochastic_shape_metrics import _broken_triangles, _level_r2


def test_smoke_scale_runs_and_noise_tells_its_level(smoke_claim):
    result = smoke_claim("stochastic-shape-metrics")
    assert result.measured["level_r2"] > 0.3 > result.control["permuted_level_r2"]
    assert result.control["means_level_r2"] != result.measured["level_r2"]


def test_neighbours_and_triangles_of_a_line():
    place = np.array([0.0, 0.1, 0.2, 0.3, 5.0, 5.1, 5.2, 5.3])
    d = np.abs(place[:, None] - place)
    assert _level_r2(d, (place > 1).astype(float)) == 1
    assert _broken_triangles(d) == 0
    d[0, 7] = d[7, 0] = 6
    assert abs(_broken_triangles(d) - 6 / 56) < 1e-12
