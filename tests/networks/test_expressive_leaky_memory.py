"""The leaky memory neuron against the element it is made of, and a plain loop."""

import numpy as np
import pytest
import torch

from multiunit.core import InputError
from multiunit.dynamics.elm import leaky_memory
from multiunit.dynamics.synapses import exponential_synapse
from multiunit.networks.expressive_leaky_memory import ExpressiveLeakyMemory

ROUTING = np.array([[0, 3, 1], [2, 2, 4]])


def neuron(**options):
    return ExpressiveLeakyMemory(5, 2, n_memory=4, **{"routing": ROUTING, "random_state": 1, **options}).double()


def test_memories_are_those_of_the_elements():
    net = neuron()
    torch.nn.init.uniform_(net.synapse, -0.5, 1.0)
    x = np.random.default_rng(0).integers(-1, 2, size=(30, 5)).astype(float)
    w = np.maximum(net.synapse.detach().numpy(), 0.0)
    (w1, b1), (w2, b2) = ((m.weight.detach().numpy(), m.bias.detach().numpy()) for m in (net.hidden, net.proposal))
    tau = np.geomspace(1e-3, 1.0, 4)
    g, m = np.zeros((2, 3)), np.zeros(4)
    expected = []
    for now in x:
        # The element lets a spike decay within its own step, the source from the next one on.
        g = exponential_synapse(g, 0.0, tau=5e-3, dt=1e-3) + w * now[ROUTING]
        hidden = np.maximum(w1 @ np.concatenate([g.sum(1), np.exp(-1e-3 / tau) * m]) + b1, 0.0)
        m = leaky_memory(m, w2 @ hidden + b2, tau=tau, gain=5.0, dt=1e-3)
        expected.append(m)
    found = net.memories(torch.as_tensor(x)[None])[0]
    np.testing.assert_allclose(found.detach(), expected, rtol=1e-4, atol=1e-4)
    assert np.abs(expected).max() > 0.1
    torch.testing.assert_close(net(torch.as_tensor(x)[None])[0], net.readout(found))


def test_a_spike_decays_in_its_branch_and_only_there():
    net = neuron()
    x = torch.zeros(1, 6, 5, dtype=torch.float64)
    x[0, 1, 2] = 1.0  # twice on the second branch
    traces = net.branches(x)[0].detach().numpy()
    np.testing.assert_array_equal(traces[:, 0], 0.0)
    np.testing.assert_allclose(traces[:, 1], [0.0, *np.exp(-0.2 * np.arange(5))], rtol=1e-6)


def test_outputs_do_not_look_ahead_and_versions_agree_for_slow_memories():
    net = neuron()
    x = torch.randn(2, 20, 5, dtype=torch.float64)
    other = x.clone()
    other[:, 12:] += 1.0
    torch.testing.assert_close(net(x)[:, :12], net(other)[:, :12])
    assert (net(x) - net(other))[:, 12:].abs().max() > 1e-3
    slow, fast = (100.0, 200.0), (1e-3, 2e-3)
    for tau, alike in ((slow, True), (fast, False)):
        one, two = (neuron(tau_memory=tau, version=v).memories(x) for v in (1, 2))
        assert torch.allclose(one, two, rtol=1e-3, atol=0.0) == alike


def test_time_constants_are_trained_on_request_and_stay_within_their_bounds():
    net = neuron(learn_tau=True, tau_memory=(1e-3, 0.1))
    assert not neuron().tau_logit.requires_grad
    before = net.tau_memory.detach().clone()
    optimiser = torch.optim.Adam(net.parameters(), lr=5.0)
    for _ in range(5):
        optimiser.zero_grad()
        net(torch.ones(1, 20, 5, dtype=torch.float64)).sum().backward()
        optimiser.step()
    assert (net.tau_memory - before).abs().max() > 1e-3
    assert net.tau_memory.min() >= 1e-3
    assert net.tau_memory.max() <= 0.1


def test_seeds_repeat_and_leave_the_global_generator_alone():
    state = torch.get_rng_state()
    first, again, other = (neuron(random_state=k) for k in (1, 1, 2))
    assert torch.equal(state, torch.get_rng_state())
    assert torch.equal(first.hidden.weight, again.hidden.weight)
    assert not torch.equal(first.hidden.weight, other.hidden.weight)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("n_memory=0", {"n_memory": 0}),
        ("tau_memory", {"tau_memory": (1.0, 0.5)}),
        ("tau_memory", {"tau_synapse": 0.0}),
        ("version=3", {"version": 3}),
        ("routing", {"routing": np.array([[0, 5]])}),
        ("routing", {"routing": np.arange(5)}),
    ],
)
def test_errors_name_the_argument(name, options):
    with pytest.raises(InputError, match=name):
        ExpressiveLeakyMemory(5, 2, **options)


def test_inputs_of_another_shape_are_refused():
    with pytest.raises(InputError, match="inputs"):
        neuron()(torch.zeros(1, 4, 3))
