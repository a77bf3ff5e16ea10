def test_smoke_scale_runs_and_the_controls_fail(smoke_claim):
    result = smoke_claim("memristive-crossbar")
    assert result.measured["aware"] > result.control["shuffled"] + 0.3
    assert result.measured["volatile"] > result.control["never_forgets"] + 0.1
    assert result.measured["volatile"] > result.control["forgets_at_once"] + 0.1
