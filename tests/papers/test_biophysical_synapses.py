import pytest
import torch

from multiunit.networks.conductance_rnn import ConductanceRNN
from multiunit.papers.biophysical_synapses import linear_form_error


def test_smoke_scale_runs(smoke_claim):
    result = smoke_claim("biophysical-synapses")
    assert 0 < result.measured["mse_4"] < 3
    assert result.measured["linear_form_error"] < 1e-4
    assert result.control["shuffled_mse"] > 0.5
    # One size is not two of three.
    assert not result.holds


def test_another_network_is_not_taken_for_its_own_linear_form():
    net = ConductanceRNN(1, 1, n_units=4, random_state=0)
    inputs = torch.randn(5, 10, 1)
    assert linear_form_error(net, inputs) < 1e-5
    states = net.states

    def changed(given):
        return states(given) + 0.01

    net.states = changed
    assert linear_form_error(net, inputs) == pytest.approx(0.01, rel=1e-3)
