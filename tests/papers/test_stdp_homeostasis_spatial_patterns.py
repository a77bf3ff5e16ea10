def test_one_pattern_is_told_from_near_misses_and_not_with_a_random_teacher(smoke_claim):
    result = smoke_claim("stdp-homeostasis-spatial-patterns")
    assert result.measured["accuracy_1"] > result.control["random_teacher_accuracy"] + 0.1
    assert result.measured["false_alarms_4"] > result.measured["false_alarms_1"]
    assert result.measured["mixtures_2"] > result.measured["false_alarms_2"]
