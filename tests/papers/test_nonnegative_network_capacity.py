import numpy as np

from multiunit.core.paper import Scale
from multiunit.papers.nonnegative_network_capacity import claim


def test_smoke_scale_runs_and_no_rising_network_learns_what_falls(shared_data, monkeypatch):
    monkeypatch.setenv("MULTIUNIT_DATA", str(shared_data("worm_connectome").parent))
    result = claim(Scale("smoke"), np.random.default_rng(0))
    # What is proven holds at any scale.
    assert result.measured["not_monotone_solved"] == 0
    assert result.control["worm_falling_share_without_gaba"] == 0
    assert result.control["worm_inverting_path_share_without_gaba"] == 0
    assert 0 < result.measured["worm_falling_share"] <= result.measured["worm_inverting_path_share"]
    assert result.control["free_solved_2_bits"] > 6
    assert result.control["complement_solves_xor"] == 1
