def test_smoke_scale_runs_and_aligned_weights_hardly_move_the_kernel(smoke_claim):
    result = smoke_claim("rich-lazy-initial-rank")
    assert result.measured["n_failed"] == 0
    assert result.control["aligned_1"] < 0.5 * result.measured["linear_2"]
    assert result.measured["linear_2"] > result.measured["linear_20"]
