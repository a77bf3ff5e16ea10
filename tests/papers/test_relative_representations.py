def test_smoke_scale_runs_and_shared_anchors_carry_over(smoke_claim):
    result = smoke_claim("relative-representations")
    assert result.measured["relative_own"] > 0.5
    assert result.measured["relative_stitched"] > result.control["apart_stitched"] + 0.2
    assert result.measured["relative_similarity"] > 0.5 > abs(result.control["shuffled_similarity"]) + 0.2
