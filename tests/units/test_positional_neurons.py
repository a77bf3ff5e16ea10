"""Units planted on position are found with their pattern; shuffled positions leave none."""

import numpy as np
import pytest

from multiunit.core import InputError
from multiunit.units.positional_neurons import (
    information_bias,
    needs,
    pattern,
    position_information,
    positional_neurons,
)
from multiunit.units.question import Question

T, N_SEQUENCES = 32, 60
SWITCH, WAVE, RAMP = 1, 4, 9


@pytest.fixture(scope="module")
def position():
    return np.tile(np.arange(T), N_SEQUENCES)


@pytest.fixture(scope="module")
def activity(position):
    rng = np.random.default_rng(0)
    p = np.full((len(position), 12), 0.3)
    p[:, SWITCH] = position >= 20
    p[:, WAVE] = 0.5 + 0.45 * np.sin(2 * np.pi * position / 8)
    p[:, RAMP] = 0.1 + 0.8 * position / T
    return (rng.random(p.shape) < p).astype(float)


def test_planted_units_are_found_with_their_pattern(counted, activity, position):
    stored = counted(activity)
    found = positional_neurons(profile=stored.profile(position, T), moments=stored.moments())
    assert np.flatnonzero(found["selected"].values).tolist() == [SWITCH, WAVE, RAMP]
    assert found["pattern"].values[[SWITCH, WAVE, RAMP, 0]].tolist() == ["switch", "oscillating", "graded", ""]
    assert found["control"].values.sum() == 3
    share = 20 / T
    expected = -(share * np.log(share) + (1 - share) * np.log(1 - share))
    assert found["information"].values[SWITCH] == pytest.approx(expected, abs=1e-12)


def test_shuffled_positions_leave_none(counted, activity, position):
    stored = counted(activity)
    shuffled = np.random.default_rng(1).permutation(position)
    found = positional_neurons(profile=stored.profile(shuffled, T), moments=stored.moments())
    assert not found["selected"].any()
    # The bias that is subtracted is what information a shuffle has left, on average over units.
    assert abs(float(found["score"].mean())) < 0.1 * found.attrs["bias"]


def test_information_equals_the_sum_written_out():
    frequency = np.random.default_rng(2).random((5, 7))
    frequency[0, :3], frequency[1] = 0.0, 1.0
    slow = np.zeros(5)
    for j in range(5):
        f = frequency[j].mean()
        for t in range(7):
            for p, q in ((frequency[j, t], f), (1 - frequency[j, t], 1 - f)):
                slow[j] += p * np.log(p / q) / 7 if p > 0 else 0.0
    np.testing.assert_allclose(position_information(frequency), slow, rtol=0, atol=1e-12)


def test_bias_for_even_positions_is_the_textbook_one():
    assert information_bias(np.full(48, 10)) == pytest.approx(47 / (2 * 480), abs=1e-15)


def test_positions_that_few_sequences_reach_are_left_out(counted):
    stored = counted(np.ones((45, 2)))
    profile = stored.profile([0] * 20 + [1] * 20 + [2] * 5, 3)
    found = positional_neurons(profile=profile, moments=stored.moments())
    assert np.isnan(found["frequency"].values).tolist() == [[False, False, True]] * 2
    assert found["information"].values.tolist() == [0.0, 0.0]


def test_too_few_positions_are_an_error(counted):
    stored = counted(np.ones((30, 2)))
    with pytest.raises(InputError, match="two positions"):
        positional_neurons(profile=stored.profile([0] * 30, 4), moments=stored.moments())
    assert needs(Question(n_positions=1)) is None


def test_a_flat_profile_is_graded():
    assert pattern(np.full(8, 0.5)) == "graded"
