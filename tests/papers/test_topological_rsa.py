import numpy as np

from multiunit.papers.topological_rsa import _layers, _network


def test_smoke_scale_runs_and_layers_are_told_apart_by_what_they_hold(smoke_claim):
    result = smoke_claim("topological-rsa")
    assert result.measured["rdm_high_noise"] > result.control["shuffled_entries"] + 0.2
    assert result.measured["rgtm_high_noise"] > result.control["nearly_empty_high_noise"] + 0.1
    assert abs(result.control["shuffled_entries"] - 1 / 6) < 0.15


def test_networks_differ_by_seed_and_have_six_layers():
    rng = np.random.default_rng(0)
    images = rng.random((5, 1, 8, 8)).astype(np.float32)
    one, other = (_layers(_network(rng), images) for _ in range(2))
    assert [x.shape for x in one] == [(5, 1024), (5, 1024), (5, 512), (5, 512), (5, 64), (5, 10)]
    assert all(np.abs(x - y).max() > 0.01 for x, y in zip(one, other, strict=True))
