def test_smoke_scale_coupling_helps_unless_noise_is_shared(smoke_claim):
    result = smoke_claim("synchronised-redundant-learning")
    assert result.measured["single_of_uncoupled"] < 0.3
    assert result.measured["digits_single_of_uncoupled"] < 0.2
    assert result.control["shared_noise_single_of_uncoupled"] > 0.7
    assert result.control["ring_dispersion"] > result.measured["random_graph_dispersion"]
    assert result.measured["digits_accuracy"] > result.control["digits_accuracy"] + 0.05
