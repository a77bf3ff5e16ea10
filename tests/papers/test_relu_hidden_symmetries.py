def test_smoke_scale_runs_and_the_estimator_is_exact_where_the_answer_is_known(smoke_claim):
    result = smoke_claim("relu-hidden-symmetries")
    assert result.control == {"linear_errors": 0, "tanh_errors": 0}
    assert result.measured["ratio_depth_2"] > result.measured["ratio_depth_5"]
    assert 0 < result.measured["ratio_depth_5"] < 1
