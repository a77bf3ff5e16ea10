import numpy as np
import pytest
import torch

from multiunit.checks import check
from multiunit.core.errors import InputError
from multiunit.core.recording import Recording
from multiunit.units.value_neurons import (
    ValueProbe,
    dopamine_neurons,
    following,
    pruning_curve,
    surprises,
    value_neurons,
)

N, LENGTH = 300, 4


def episodes(rng, n_units=20):
    """The reward of an episode becomes likely (unit 3) or known (unit 5) at the second state; unit 8 is loud noise."""
    likely = rng.integers(2, size=N)
    reward = (rng.random(N) < np.where(likely, 0.9, 0.1)).astype(float)
    x = rng.normal(size=(N, LENGTH, n_units))
    x[:, :, 3] += 3 * likely[:, None]
    x[:, 1:, 5] += 3 * reward[:, None]
    x[:, :, 8] *= 50
    sequence = np.repeat(np.arange(N), LENGTH)
    return x.reshape(-1, n_units), sequence, np.repeat(reward, LENGTH), likely, reward


def test_the_value_at_the_start_is_the_share_of_rewards_to_come():
    x, sequence, reward, likely, _ = episodes(np.random.default_rng(0))
    probe = ValueProbe(n_steps=1500, random_state=1).fit(x, sequence, reward=reward)
    start = probe.value(x)[::LENGTH]
    assert 0.75 < start[likely == 1].mean() < 1
    assert 0 < start[likely == 0].mean() < 0.25
    assert set(np.argsort(-probe.importance_)[:2]) == {3, 5}


def test_the_probe_learns_from_differences_and_not_from_the_reward_alone():
    """With gamma 0 no reward reaches back: only the last state learns it."""
    x, sequence, reward, *_ = episodes(np.random.default_rng(0))
    x = np.c_[x, np.tile([0, 0, 0, 5.0], N)]
    blind = ValueProbe(gamma=0.0, n_steps=1500).fit(x, sequence, reward=reward).value(x).reshape(N, LENGTH)
    assert blind[:, 0].max() < 0.3
    assert np.corrcoef(blind[:, 3], reward[::LENGTH])[0, 1] > 0.8


def test_few_units_are_enough_and_random_ones_are_not():
    x, sequence, reward, _, final = episodes(np.random.default_rng(0))
    probe = ValueProbe(random_state=1).fit(x, sequence, reward=reward)
    second = x[1::LENGTH]
    curve = pruning_curve(lambda kept: probe.value(second, kept=kept), probe.importance_, reward=final, keep=(1, 0.1))
    least = pruning_curve(lambda kept: probe.value(second, kept=kept), -probe.importance_, reward=final, keep=(0.1,))
    assert curve[1] > 0.95 * curve[0] > 0.85
    assert least[0] < 0.65


def test_shuffled_rewards_teach_nothing():
    x, sequence, _, _, final = episodes(np.random.default_rng(0))
    shuffled = np.random.default_rng(1).permutation(final)
    half = LENGTH * N // 2
    probe = ValueProbe().fit(x[:half], sequence[:half], reward=np.repeat(shuffled, LENGTH)[:half])
    held_out = probe.value(x[half + 1 :: LENGTH])
    auc = pruning_curve(lambda kept: held_out, np.ones(20), reward=shuffled[N // 2 :], keep=(1,))
    assert 0.35 < auc[0] < 0.65


def test_surprises_belong_to_the_state_in_which_they_become_known():
    found = surprises([0.5, 0.9, 0.8, 0.2, 0.1], [7, 7, 7, 2, 2], gamma=0.5)
    np.testing.assert_allclose(found, [np.nan, -0.05, -0.5, np.nan, -0.15])
    assert following([7, 7, 7, 2, 2]).tolist() == [1, 2, -1, 4, -1]


def test_planted_units_are_found_and_the_control_is_other_units():
    x, sequence, reward, *_ = episodes(np.random.default_rng(0))
    columns = {"sequence_id": sequence, "reward": reward}
    found = value_neurons(Recording.from_activity(x, presentations=columns), top=0.1)
    assert set(np.flatnonzero(found["selected"])) == {3, 5}
    assert int(found["control"].sum()) == 2
    # A probe of one's own from the same seed is the one that gave the scores.
    np.testing.assert_array_equal(found["score"], ValueProbe().fit(x, sequence, reward=reward).importance_)
    error = np.where(np.arange(len(x)) % LENGTH == 1, np.where(reward > 0, 0.5, -0.5), 0.0)
    error[::LENGTH] = np.nan
    x[:, 11] += 2 * np.nan_to_num(error)
    x[:, 12] -= 4 * np.nan_to_num(error)
    shown = Recording.from_activity(x, presentations={"surprise": error})
    dopamine = dopamine_neurons(shown, top=0.1)
    # The unit that goes down with a brighter outlook is no dopamine unit.
    assert 11 in np.flatnonzero(dopamine["selected"])
    assert 12 not in np.flatnonzero(dopamine["selected"])
    assert dopamine["auroc"].values[11] > 0.6 > 0.4 > dopamine["auroc"].values[12]


def test_tensors_do_and_global_generators_are_left_alone():
    x, sequence, reward, *_ = episodes(np.random.default_rng(0))
    state = torch.get_rng_state()
    a, b = (ValueProbe(n_steps=20).fit(s, sequence, reward=reward) for s in (x, torch.tensor(x)))
    np.testing.assert_allclose(a.value(x), b.value(torch.tensor(x)))
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("found", [value_neurons, dopamine_neurons])
def test_the_measures_keep_their_promises(found):
    check(found)


def test_bad_input_is_named():
    x = np.ones((4, 2))
    for name, value in (("gamma", 2), ("n_hidden", 0), ("batch_size", 0), ("learning_rate", 0)):
        with pytest.raises(InputError, match=name):
            ValueProbe(**{name: value})
    probe = ValueProbe(n_steps=1).fit(x, [0, 0, 1, 1], reward=[1, 0, 1, 0])
    # One unit, or one bool, would otherwise be taken for all of them.
    with pytest.raises(InputError, match="states"):
        probe.value(x[:, :1])
    with pytest.raises(InputError, match="kept"):
        probe.value(x, kept=[True])
    with pytest.raises(InputError, match="value"):
        surprises([0.5], [0, 0])
    with pytest.raises(InputError, match="sequence"):
        ValueProbe().fit(x, [0, 1, 0, 1], reward=[1, 0, 1, 0])
    with pytest.raises(InputError, match="reward"):
        ValueProbe().fit(x, [0, 0, 1, 1], reward=[1, 0, 1])
    with pytest.raises(InputError, match="outside"):
        ValueProbe().fit(x, [0, 0, 1, 1], reward=[2, 2, 1, 1])
    with pytest.raises(InputError, match="sequence_id"):
        value_neurons(Recording.from_activity(x, presentations={"reward": [0.0, 0, 1, 1]}))
    constant = Recording.from_activity(x, presentations={"reward": np.ones(4), "surprise": np.ones(4)})
    with pytest.raises(InputError, match="variable"):
        value_neurons(constant)
    with pytest.raises(InputError, match="four errors"):
        dopamine_neurons(constant)
    with pytest.raises(InputError, match="no presentation column"):
        dopamine_neurons(constant, "delta")
    with pytest.raises(InputError, match="large"):
        dopamine_neurons(constant, large=0.7)
