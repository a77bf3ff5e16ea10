import numpy as np
import pytest

from multiunit.circuits.izhikevich_reservoir import izhikevich_reservoir
from multiunit.core.errors import InputError


@pytest.fixture
def cues():
    cues = np.zeros((12, 2))
    cues[2, 0] = cues[6, 1] = 1.0
    return cues


def test_the_trace_is_the_filtered_spike_train(cues):
    run = izhikevich_reservoir(cues, width=0.05, n_units=60).run(0.6, states=["trace.g"], every=0.01)
    trace = run.states["trace.g"].activity[0]
    times = np.arange(1, 61) * 0.01
    for unit in (0, 20, 55):
        spikes = run.spikes.spike_trains[unit]
        # A spike reaches the trace in the step after it.
        since = times[:, None] - spikes - 5e-4
        wanted = np.where(since >= -1e-9, np.exp(-(since + 5e-4) / 0.05), 0.0).sum(axis=1)
        np.testing.assert_allclose(trace[unit], wanted, atol=1e-6)
    assert trace.max() > 0.5


def test_signs_are_those_of_the_senders_and_balance_in_number(cues):
    circuit = izhikevich_reservoir(cues, width=0.05, n_units=200, density=0.3, excitatory=0.75)
    rows, weight = circuit.edges["neurons->synapses"].rows, circuit.weights("neurons->synapses")
    pre = np.repeat(np.arange(200), rows[:, -1] - rows[:, 0])
    assert (weight[pre < 150] >= 0).all()
    assert (weight[pre >= 150] <= 0).all()
    assert abs(weight.sum()) < 0.1 * np.abs(weight).sum()


def test_a_seed_gives_the_same_and_each_cue_a_course_of_its_own(cues):
    def traces(**changes):
        circuit = izhikevich_reservoir(cues, width=0.05, n_units=60, **changes)
        return circuit.run(0.6, spikes=(), states=["trace.g"], every=0.05).states["trace.g"].activity[0]

    np.testing.assert_array_equal(traces(), traces())
    assert not np.array_equal(traces(), traces(random_state=1))
    first, second = traces()[:, 2], traces()[:, 6]
    assert np.corrcoef(first, second)[0, 1] < 0.8
    apart = np.abs(traces(noise=0.0) - traces(noise=0.0, strength=1.0))
    assert apart.max() > 0.5


def test_what_is_refused(cues):
    with pytest.raises(InputError, match="inputs"):
        izhikevich_reservoir(cues[:, 0], width=0.05)
    with pytest.raises(InputError, match="excitatory"):
        izhikevich_reservoir(cues, width=0.05, excitatory=1.0)
    with pytest.raises(InputError, match="density"):
        izhikevich_reservoir(cues, width=0.05, density=0.0)
