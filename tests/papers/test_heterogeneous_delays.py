def test_motion_is_told_and_not_from_events_at_other_times(smoke_claim):
    result = smoke_claim("heterogeneous-delays")
    assert result.measured["accuracy"] > result.control["time_shuffled"] + 0.15
    assert result.measured["accuracy"] > result.measured["chance"] + 0.15
