"""Conductance networks against the element they are made of, their linear form, and an independent integrator."""

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from multiunit.core import InputError
from multiunit.dynamics.liquid_time_constant import conductance_unit, open_fraction
from multiunit.networks.conductance_rnn import SYNAPSES, ConductanceRNN


def softplus(x):
    return np.logaddexp(0.0, x.detach().double().numpy())


@pytest.mark.parametrize("synapse", SYNAPSES)
def test_the_network_steps_as_its_own_linear_system(synapse):
    net = ConductanceRNN(2, 1, n_units=5, synapse=synapse, n_substeps=3, random_state=1).double()
    inputs = torch.randn(4, 6, 2, dtype=torch.float64)
    x = torch.zeros(4, 5, dtype=torch.float64)
    for t in range(6):
        for _ in range(3):
            rate, drive = net.state_dependent_system(x, inputs=inputs[:, t])
            assert (rate > 0).all()
            x = (x + drive / 3) / (1 + rate / 3)
    torch.testing.assert_close(x, net.states(inputs)[:, -1])
    torch.testing.assert_close(net.readout(x), net(inputs)[:, -1])


def test_units_are_conductance_units():
    net = ConductanceRNN(2, 1, n_units=3, n_substeps=4, dt=0.8, random_state=2).double()
    a, b, e = (value.detach().numpy() for value in (net.slope, net.offset, net.reversal))
    g, leak, rest = softplus(net.conductance), softplus(net.leak), net.leak_reversal.detach().numpy()
    inputs = np.random.default_rng(0).normal(size=(5, 2))
    x = np.zeros(3)
    for u in inputs:
        for _ in range(4):
            f = g * open_fraction(np.concatenate([u, x]), a=a, b=b)
            x = conductance_unit(x, f.sum(1), (f * e).sum(1), g_leak=leak, e_leak=rest, dt=0.2)
    np.testing.assert_allclose(net.states(torch.as_tensor(inputs)[None])[0, -1].detach(), x, rtol=1e-6)


def test_neurons_follow_the_equation_of_continuous_time_networks():
    net = ConductanceRNN(1, 1, n_units=4, synapse="neuron", n_substeps=2000, random_state=3).double()
    w, c, rate = net.weight.detach().numpy(), net.bias.detach().numpy(), softplus(net.leak)

    def slope(_, x):
        return -rate * x + w[:, 1:] @ np.tanh(x) + w[:, 0] * 0.7 + c

    expected = solve_ivp(slope, (0, 3), np.zeros(4), rtol=1e-9, atol=1e-9).y[:, -1]
    found = net.states(torch.full((1, 3, 1), 0.7, dtype=torch.float64))[0, -1].detach()
    np.testing.assert_allclose(found, expected, rtol=2e-3)


def test_contributions_and_leak_add_up_to_the_slope_and_shared_gates_are_equal():
    net = ConductanceRNN(2, 1, n_units=4, synapse="shared", random_state=4).double()
    x, u = torch.randn(3, 4, dtype=torch.float64), torch.randn(3, 2, dtype=torch.float64)
    rate, drive = net.state_dependent_system(x, inputs=u)
    leak = torch.nn.functional.softplus(net.leak) * (net.leak_reversal - x)
    torch.testing.assert_close(net.contributions(x, inputs=u).sum(2) + leak, drive - rate * x)
    table = net.synapse_table()
    assert len(table) == 4 * 6
    assert (table.groupby("source")[["slope", "offset"]].nunique() == 1).all(axis=None)
    assert table["conductance"].nunique() == 24
    row = table[(table["source"] == "unit/1") & (table["target"] == "unit/3")].iloc[0]
    assert row["reversal"] == net.reversal[3, 3].item()
    assert row["conductance"] == pytest.approx(softplus(net.conductance)[3, 3])


@pytest.mark.parametrize("synapse", SYNAPSES)
def test_a_missing_synapse_carries_nothing(synapse):
    mask = np.ones((3, 5), bool)
    mask[:, 1] = False
    net = ConductanceRNN(2, 1, n_units=3, synapse=synapse, mask=mask, random_state=5)
    inputs = torch.randn(1, 6, 2)
    other = inputs.clone()
    other[..., 1] += 3.0
    torch.testing.assert_close(net(inputs), net(other))
    other[..., 0] += 1.0
    assert (net(inputs) - net(other)).abs().max() > 1e-3
    if synapse != "neuron":
        assert set(net.synapse_table()["source"]) == {"input/0", "unit/0", "unit/1", "unit/2"}


def test_parameters_are_counted_as_said_and_seeds_repeat():
    for n in (4, 8, 16):
        sizes = {s: sum(p.numel() for p in ConductanceRNN(1, 1, n_units=n, synapse=s).parameters()) for s in SYNAPSES}
        assert sizes["biophysical"] == 4 * n * n + 7 * n + 1
        assert sizes["neuron"] == n * n + 4 * n + 1
    state = torch.get_rng_state()
    first, again, other = (ConductanceRNN(1, 1, n_units=4, random_state=k) for k in (1, 1, 2))
    assert torch.equal(state, torch.get_rng_state())
    assert torch.equal(first.slope, again.slope)
    assert not torch.equal(first.slope, other.slope)


def test_errors_name_the_argument():
    with pytest.raises(InputError, match="synapse"):
        ConductanceRNN(1, 1, n_units=3, synapse="electrical")
    with pytest.raises(InputError, match="n_units=0"):
        ConductanceRNN(1, 1, n_units=0)
    with pytest.raises(InputError, match="mask"):
        ConductanceRNN(1, 1, n_units=3, mask=np.ones((3, 3)))
    with pytest.raises(InputError, match="inputs"):
        ConductanceRNN(2, 1, n_units=3)(torch.zeros(1, 4, 1))
    with pytest.raises(InputError, match="no conductances"):
        ConductanceRNN(2, 1, n_units=3, synapse="neuron").synapse_table()
