"""The branched neuron against its two elements, run one trial at a time, and closed forms."""

import numpy as np
import pytest

from multiunit.core import InputError
from multiunit.dynamics.branched_neuron import branched_neuron
from multiunit.dynamics.leaky_integrate_and_fire import leaky_integrate_and_fire
from multiunit.dynamics.simulate import simulate


def test_the_soma_is_the_leaky_neuron_and_inhibition_keeps_plateaus_away():
    rng = np.random.default_rng(0)
    inputs = rng.random((4, 300, 6)) < 0.06
    options = {"weights": np.full(6, 0.6), "branch": np.array([0, 0, 0, 1, 1, 1]), "active": 0.05}
    found = branched_neuron(inputs, passive=0.0, **options)
    assert 0.005 < found.spikes.mean() < 0.1
    for trial in range(4):
        current = 0.05 * found.plateaus[trial].sum(1)
        alone = simulate(
            leaky_integrate_and_fire, duration=0.3, dt=1e-3, inputs={"current": current[:, None]}, backend="numpy"
        )
        np.testing.assert_allclose(alone.dataset["activity"].values[:, 0], found.voltage[trial], atol=1e-12)
        np.testing.assert_array_equal(np.flatnonzero(found.spikes[trial]), np.round(alone.spike_trains[0] * 1e3) - 1)
    less = branched_neuron(inputs, **{**options, "weights": np.array([0.6, 0.6, -0.6] * 2)})
    assert less.plateaus.mean() < 0.6 * found.plateaus.mean()


def test_spikes_on_one_branch_do_more_than_the_same_spikes_on_many():
    inputs = np.zeros((1, 60, 8))
    inputs[0, 10] = 1.0
    weights = np.full(8, 0.4)
    one = branched_neuron(inputs, weights=weights, branch=np.zeros(8, int))
    many = branched_neuron(inputs, weights=weights, branch=np.arange(8))
    assert one.plateaus.sum(2).max() > 1.5 * many.plateaus.sum(2).max()
    # After the trace is gone a plateau decays with its own time constant, towards the little that is open at rest.
    rest = 1 / (1 + np.exp(5.0))
    tail = one.plateaus[0, 45:60:14, 0] - rest
    assert tail[1] / tail[0] == pytest.approx(np.exp(-14 / 80), rel=0.02)


def test_without_a_step_the_neuron_stays_at_rest_below_threshold():
    found = branched_neuron(np.zeros((2, 500, 1)), weights=np.ones(1), branch=np.zeros(1, int), passive=1.0)
    assert not found.spikes.any()
    expected = -0.06 + 0.02 / (1 + np.exp(5.0))
    np.testing.assert_allclose(found.voltage[:, -1], expected, atol=2e-6)


def test_errors_name_the_argument():
    good = {"weights": np.ones(2), "branch": np.array([0, 1])}
    with pytest.raises(InputError, match="inputs"):
        branched_neuron(np.zeros((1, 4, 3)), **good)
    with pytest.raises(InputError, match="branch"):
        branched_neuron(np.zeros((1, 4, 2)), **{**good, "branch": np.array([0.0, 1.0])})
    with pytest.raises(InputError, match="branch"):
        branched_neuron(np.zeros((1, 4, 2)), **{**good, "branch": np.array([-1, 1])})
