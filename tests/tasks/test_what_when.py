import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.tasks.what_when import expected_pulses, outcome_pulses, what_when

WORLD = {"latencies": [[0.2, 0.3], [0.3, 0.2]], "probabilities": [[0.2, 0.9], [0.7, 0.4]]}


def test_outcomes_come_as_likely_and_as_late_as_was_said():
    frame = what_when(20000, switch_at=[12000], random_state=0, **WORLD)
    assert (frame["block"] == (frame.index >= 12000)).all()
    for (block, cue), rows in frame.groupby(["block", "cue"]):
        assert (rows["latency"] == WORLD["latencies"][block][cue]).all()
        assert (rows["outcome"] == 0).mean() == pytest.approx(WORLD["probabilities"][block][cue], abs=0.02)


def test_pulses_stand_at_the_latency_in_one_channel_and_their_mean_is_what_is_expected():
    frame = what_when(4000, latencies=[[0.2]], probabilities=[[0.7]], random_state=1)
    times = np.arange(0, 0.5, 0.01)
    shown = outcome_pulses(frame, times, width=0.02)
    assert shown.shape == (4000, 50, 2)
    assert (shown.max(axis=1).argmax(axis=1) == frame["outcome"]).all()
    assert (shown.sum(axis=2).argmax(axis=1) == 20).all()
    assert (shown.min(axis=2) == 0).all()
    np.testing.assert_allclose(shown[:, 22].sum(axis=1), np.exp(-0.5))
    np.testing.assert_allclose(shown.mean(axis=0), expected_pulses(frame, times, width=0.02)[0], atol=0.03)


def test_what_is_refused():
    with pytest.raises(InputError, match="switch_at"):
        what_when(10, **WORLD)
    with pytest.raises(InputError, match="as latencies have"):
        what_when(10, latencies=[[0.2]], probabilities=[[0.5, 0.5]])
    with pytest.raises(InputError, match="from 0 to 1"):
        what_when(10, latencies=[[0.2]], probabilities=[[1.5]])
    with pytest.raises(InputError, match="width"):
        outcome_pulses(what_when(1, latencies=[[0.2]], probabilities=[[0.5]]), np.zeros(1), width=0.0)
