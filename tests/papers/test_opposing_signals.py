def test_smoke_scale_runs_and_only_conflicting_labels_make_groups_oppose(smoke_claim):
    result = smoke_claim("opposing-signals")
    assert result.measured["opposing_correlation"] < result.control["consistent_correlation"]
    assert result.measured["opposing_correlation"] < result.control["random_correlation"]
    assert result.measured["opposing_sharpness"] > result.control["none_sharpness"] > 0
