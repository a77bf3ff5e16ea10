def test_smoke_scale_runs_and_training_writes_the_easy_feature(smoke_claim):
    result = smoke_claim("biased-feature-representations")
    assert result.measured["xor_easy_share"] > result.control["untrained_easy_share"] + 0.1
    assert result.measured["xor_easy_share"] > result.measured["xor_other_share"]
    assert 0.7 < result.control["equal_ratio"] < 1.4
    assert result.control["permuted_share"] < 0.01
