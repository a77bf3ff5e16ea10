import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from multiunit.core.errors import InputError
from multiunit.maths.spike_matching import match_spikes, spike_f1


def test_no_matching_has_more_pairs():
    rng = np.random.default_rng(0)
    for _ in range(200):
        a, b = (np.sort(rng.random(rng.integers(0, 9))) for _ in range(2))
        window = rng.uniform(0, 0.2)
        of_a, of_b = match_spikes(a, b, window=window)
        near = np.abs(a[:, None] - b[None]) <= window
        rows, columns = linear_sum_assignment(near, maximize=True)
        assert of_a.sum() == of_b.sum() == near[rows, columns].sum()


def test_a_pair_a_window_apart_counts_whatever_the_rounding():
    steps = np.arange(1000)
    assert match_spikes(steps * 1e-3, steps * 1e-3 + 0.003, window=0.003)[0].all()


def test_f1():
    assert spike_f1([[0.1, 0.5], [0.3]], [[0.1], [0.301]], window=0.002) == 2 * 2 / 5
    assert spike_f1([[], []], [[], []], window=0.002) == 1.0
    assert spike_f1([[0.1]], [[0.2]], window=0.002) == 0.0


def test_what_is_refused():
    with pytest.raises(InputError, match="in order"):
        match_spikes(np.array([0.2, 0.1]), np.array([0.1]), window=0.1)
    with pytest.raises(InputError, match="in order"):
        match_spikes(np.array([0.2]), np.array([np.nan]), window=0.1)
    with pytest.raises(InputError, match="window"):
        match_spikes(np.array([0.2]), np.array([0.1]), window=-1.0)
    with pytest.raises(InputError, match="each of"):
        spike_f1([[0.1]], [], window=0.1)
