def test_smoke_scale_runs_and_two_heads_work_together(smoke_claim):
    result = smoke_claim("icl-linear-regression-softmax")
    assert result.measured["loss"] < result.control["loss_single"]
    assert result.measured["loss"] < 0.9 * result.control["loss_flipped"]
    assert result.measured["loss"] < 0.9 * result.control["loss_one_head_taken"]
    assert result.measured["loss_ridge"] < 0.5 * result.measured["loss_gradient_step"]
    # The noise of the answer that is asked for, which nobody can know.
    assert 0.5 * 0.1**2 < result.measured["loss_ridge"] < 2 * 0.1**2
