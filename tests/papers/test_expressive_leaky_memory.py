import numpy as np

from multiunit.papers.expressive_leaky_memory import BRANCH, N_STEPS, SETTLED, Trials, _scores, draw_trials


def test_smoke_scale_runs(smoke_claim):
    result = smoke_claim("expressive-leaky-memory")
    assert 0 < result.measured["auc"] < 1
    assert result.measured["n_parameters"] < 2000
    # Twenty updates are not enough to learn anything.
    assert not result.holds


def test_excitation_as_a_whole_has_a_constant_rate_that_branches_share_unevenly():
    trials = draw_trials(300, np.random.default_rng(1))
    spikes = np.maximum(trials.inputs, 0.0).reshape(300, N_STEPS // 100, 100, BRANCH.size)
    per_branch = np.stack([spikes[..., b == BRANCH].sum((2, 3)) for b in range(8)], -1)
    total = per_branch.sum(-1)
    assert abs(total.mean() - 48 * 15.0 * 0.1) < 2.0
    assert total.var() < 1.3 * total.mean()  # as of a Poisson process
    assert per_branch.var() > 5 * per_branch.mean()
    assert 1 < trials.targets[..., 0].mean() * 1e3 < 10


def test_scores_leave_out_the_beginning():
    targets = np.random.default_rng(2).normal(size=(3, N_STEPS, 2))
    targets[..., 0] = targets[..., 0] > 1
    found = targets.copy()
    found[:, :SETTLED] = 7.0
    scores = _scores(found[..., 0], found[..., 1], Trials(targets, targets))
    assert scores == {"auc": 1.0, "voltage_r2": 1.0}
