def test_smoke_scale_runs_and_training_moves_the_geometry_to_the_targets(smoke_claim):
    result = smoke_claim("task-nonlinearity-geometry")
    assert result.measured["tanh_accuracy"] > 0.9
    assert result.measured["tanh_target"] > result.control["frozen_tanh_target"] + 0.2
    assert result.control["frozen_tanh_input"] > 0.9
    assert result.control["aligned_lowest"] > 0.9
