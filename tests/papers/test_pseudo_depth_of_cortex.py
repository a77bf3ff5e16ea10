import numpy as np

from multiunit.papers.pseudo_depth_of_cortex import _layers, _network


def test_smoke_scale_runs_and_whole_layers_are_placed_better_than_permuted_ones(smoke_claim):
    result = smoke_claim("pseudo-depth-of-cortex")
    assert result.measured["error_all"] < result.control["error_permuted"] - 0.5
    assert result.measured["error_all"] < result.control["error_3"]
    assert result.control["unrelated_svcca"] > result.control["unrelated_guarded_svcca"] + 0.2


def test_networks_differ_by_seed_and_have_six_layers_of_more_than_100_units():
    rng = np.random.default_rng(0)
    images = rng.random((5, 1, 28, 28)).astype(np.float32)
    one, other = (_layers(_network(rng), images) for _ in range(2))
    assert [x.shape[1] for x in one.values()] == [3136, 3136, 1568, 1568, 128, 128]
    assert all(np.abs(one[name] - other[name]).max() > 0.01 for name in one)
