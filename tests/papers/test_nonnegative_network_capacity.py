def test_smoke_scale_runs_and_no_rising_network_learns_what_falls(smoke_claim):
    result = smoke_claim("nonnegative-network-capacity")
    # What is proven holds at any scale.
    assert result.measured["not_monotone_solved"] == 0
    assert result.control["worm_falling_share_without_gaba"] == 0
    assert result.control["worm_inverting_path_share_without_gaba"] == 0
    assert 0 < result.measured["worm_falling_share"] <= result.measured["worm_inverting_path_share"]
    assert result.control["free_solved_2_bits"] > 6
    assert result.control["complement_solves_xor"] == 1
