def test_units_match_beyond_chance_and_a_networks_own_order_is_found(smoke_claim):
    result = smoke_claim("convergent-learning-unit-matching")
    assert result.measured["matched"] > result.control["permuted_matched"] + 0.15
    assert result.measured["best_with_reuse"] >= result.measured["matched"]
    assert result.measured["linear_r2"] > result.measured["sparse_r2"]
    assert result.control["own_order_found"] == 1
    assert abs(result.control["own_rotation_canonical"] - 1) < 1e-6
    assert result.control["own_rotation_matched"] < 0.95
