import numpy as np

from multiunit.papers.chialvo_rulkov_chain import centre_correlation, kinds_of_attractors


def test_smoke_scale_runs_and_coupling_correlates_the_units(smoke_claim):
    result = smoke_claim("chialvo-rulkov-chain")
    assert result.measured["largest_centre_correlation"] > 2 * result.control["uncoupled_centre_correlation"]
    assert result.measured["end_to_end_correlation"] > 0.99
    assert result.control["surrogate_entropy"] > result.measured["lowest_entropy"]


def two_worlds(points):
    """The second state, which never moves, says which map the first follows: chaos, or a cycle of three."""
    x, world = points.T
    return np.stack([np.clip(np.where(world > 0, 4.0, 3.8319) * x * (1 - x), 0, 1), world], axis=1)


def test_planted_attractors_are_told_apart():
    rng = np.random.default_rng(1)
    starts = np.stack([rng.uniform(0.1, 0.9, 16), np.repeat([0.0, 1.0], 8)], axis=1)
    assert kinds_of_attractors(two_worlds, starts, n_transient=2000) == {"chaos", "period 3"}
    assert kinds_of_attractors(two_worlds, starts[:8], n_transient=2000) == {"period 3"}
    # One start of a kind is not enough.
    assert kinds_of_attractors(two_worlds, starts[[0, 8, 9]], n_transient=2000) == {"chaos"}


def test_a_unit_at_rest_is_correlated_with_nothing():
    samples = np.stack([np.ones(50), np.arange(50.0), np.ones(50)], axis=1)
    assert centre_correlation(samples) == 0
