import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.tasks.stochastic_spike_trains import markov_trains, stochastic_spike_trains


def test_rate_and_memory_are_the_asked_ones_from_the_first_bin():
    x = markov_trains((4000, 30, 5), rate=0.2, stay=0.7, random_state=0)
    for t in (0, 1, 15, 29):
        assert x[:, t].mean() == pytest.approx(0.2, abs=0.01)
    # The correlation of a two-state chain falls as (stay - rises)^lag.
    rises = 0.2 * 0.3 / 0.8
    for lag in (1, 2, 3):
        r = np.corrcoef(x[:, 10].ravel(), x[:, 10 + lag].ravel())[0, 1]
        assert r == pytest.approx((0.7 - rises) ** lag, abs=0.02)
    units = np.corrcoef(x.reshape(-1, 5).T)
    assert np.abs(units - np.eye(5)).max() < 0.02


def test_without_stays_there_is_no_memory():
    trains = stochastic_spike_trains(400, rates=[0.1, 0.3], n_steps=100, n_units=4)
    for c, rate in enumerate((0.1, 0.3)):
        x = trains.spikes[trains.label == c]
        assert x.mean() == pytest.approx(rate, abs=0.01)
        assert np.corrcoef(x[:, 1:].ravel(), x[:, :-1].ravel())[0, 1] == pytest.approx(0, abs=0.01)


def test_each_class_has_its_own():
    trains = stochastic_spike_trains(
        401, rates=[0.1, 0.1, 0.2], stays=[0.1, 0.6, 0.6], n_steps=100, n_units=3, random_state=1
    )
    assert sorted(np.bincount(trains.label).tolist()) == [133, 134, 134]
    for c, (rate, stay) in enumerate(((0.1, 0.1), (0.1, 0.6), (0.2, 0.6))):
        x = trains.spikes[trains.label == c]
        assert x.mean() == pytest.approx(rate, abs=0.015)
        assert x[:, 1:][x[:, :-1]].mean() == pytest.approx(stay, abs=0.02)
    again = stochastic_spike_trains(
        401, rates=[0.1, 0.1, 0.2], stays=[0.1, 0.6, 0.6], n_steps=100, n_units=3, random_state=1
    )
    assert (again.spikes == trains.spikes).all()


def test_what_is_refused():
    with pytest.raises(InputError, match="stays"):
        stochastic_spike_trains(4, rates=[0.1, 0.2], stays=[0.1])
    with pytest.raises(InputError, match="rate"):
        markov_trains((4, 1), rate=1.2, stay=0.5)
    with pytest.raises(InputError, match="stay="):
        markov_trains((4, 1), rate=0.2, stay=-0.5)
    with pytest.raises(InputError, match="keep the rate"):
        markov_trains((4, 1), rate=0.9, stay=0.1)
