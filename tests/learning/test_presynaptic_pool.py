import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.learning.presynaptic_pool import fit_by_pools, pool_update


def test_changes_are_where_a_loop_finds_members_of_pools():
    rng = np.random.default_rng(0)
    spikes, target = rng.random((2, 120, 5)) < 0.04
    target[10:20] = spikes[10:20]
    found = pool_update(spikes, target, window=0.0, pool=0.008, probability=1.0, random_state=1)
    more, less = np.zeros((5, 5)), np.zeros((5, 5))
    for t in range(120):
        for i in range(5):
            if spikes[t, i] == target[t, i]:
                continue
            for j in range(5):
                if i != j and spikes[max(0, t - 8) : t, j].any():
                    (more if target[t, i] else less)[i, j] += 1
    assert (found[(more == 0) & (less == 0)] == 0).all()
    assert (found[(more > 0) & (less == 0)] > 0).all()
    assert (found[(more == 0) & (less > 0)] < 0).all()
    # Of mean 1/2 and of the probability given.
    draws = [pool_update(spikes, target, window=0.0, pool=0.008, probability=0.3, random_state=s) for s in range(300)]
    assert np.allclose(np.mean(draws, axis=0), 0.15 * (more - less), atol=0.15)


def test_nothing_changes_where_all_spikes_match():
    spikes = np.random.default_rng(0).random((100, 4)) < 0.05
    late = np.pad(spikes, ((2, 2), (0, 0)))
    assert not pool_update(late[:-2], late[2:], window=0.002).any()
    assert pool_update(late[:-2], late[2:], window=0.001).any()
    assert not pool_update(spikes, spikes).any()


def test_forced_pools_are_the_target_s():
    spikes, target = np.zeros((40, 3), dtype=bool), np.zeros((40, 3), dtype=bool)
    target[10, 0] = target[14, 1] = True
    spikes[12, 2] = True
    own = pool_update(spikes, target, probability=1.0)
    forced = pool_update(spikes, target, probability=1.0, forced=True)
    assert own[1, 2] > 0 == own[1, 0]
    assert forced[1, 0] > 0 == forced[1, 2]


def threshold_units(inputs):
    """Units that spike a step after their drive passed 1."""

    def simulate(weights):
        spikes = np.zeros(inputs.shape, dtype=bool)
        for t in range(1, len(inputs)):
            spikes[t] = inputs[t] + weights @ spikes[t - 1] > 1
        return spikes

    return simulate


def test_targets_are_learned_by_pools_and_not_by_shuffled_ones():
    rng = np.random.default_rng(0)
    simulate = threshold_units(np.where(rng.random((400, 8)) < 0.03, 1.5, 0.0))
    true = np.zeros((8, 8))
    true[np.arange(1, 8), np.arange(7)] = 1.5
    target = simulate(true)
    options = {
        "weights": np.zeros((8, 8)),
        "n_iterations": 60,
        "rate": 0.05,
        "window": 0.0,
        "pool": 0.001,
        "bound": 3.0,
    }
    right = fit_by_pools(simulate, target, **options)
    wrong = fit_by_pools(simulate, target, shuffled=True, **options)
    assert right.curve[-1] > 0.95 > right.curve[0] + 0.3
    assert right.curve[-1] > wrong.curve[-1] + 0.2
    assert (np.diff(right.curve) >= 0).all()
    again = fit_by_pools(simulate, target, **options)
    assert (again.weights == right.weights).all()


def test_homeostasis_brings_counts_to_their_target():
    rng = np.random.default_rng(0)
    simulate = threshold_units(rng.uniform(0, 1.02, size=(500, 6)))
    true = np.full((6, 6), 0.06)
    np.fill_diagonal(true, 0)
    target = simulate(true)
    found = fit_by_pools(
        simulate, target, weights=np.zeros((6, 6)), n_iterations=80, rate=0.0, homeostatic_rate=0.01, greedy=False,
        decay=0.97,
    )  # fmt: skip
    start, end = simulate(np.zeros((6, 6))), simulate(found.weights)
    off = [np.abs(spikes.sum(axis=0) - target.sum(axis=0)).mean() for spikes in (start, end)]
    assert off[1] < 0.3 * off[0]


def test_what_is_refused():
    target = np.zeros((10, 2), dtype=bool)
    with pytest.raises(InputError, match="weights"):
        fit_by_pools(lambda w: target, target, weights=np.zeros((3, 3)), n_iterations=1, rate=0.1)
    with pytest.raises(InputError, match="n_iterations"):
        fit_by_pools(lambda w: target, target, weights=np.zeros((2, 2)), n_iterations=0, rate=0.1)
    with pytest.raises(InputError, match="simulate"):
        fit_by_pools(lambda w: target[:5], target, weights=np.zeros((2, 2)), n_iterations=1, rate=0.1)
    with pytest.raises(InputError, match="target"):
        pool_update(target, target[:5])
    with pytest.raises(InputError, match="probability"):
        pool_update(target, target, probability=0.0)
