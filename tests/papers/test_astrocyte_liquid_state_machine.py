import numpy as np

from multiunit.circuits.liquid_state_machine import LiquidStateMachine
from multiunit.papers.astrocyte_liquid_state_machine import _accuracy, _watched


def test_balance_is_of_liquid_and_inputs():
    rng = np.random.default_rng(0)
    silent = LiquidStateMachine(20, grid=(3, 3, 3), weight=1e-6, learning_rate=0.0, astrocyte=0.0)
    assert _watched(silent, np.full((2, 20), 0.2), 0) == (0.0, -1.0)
    loud = LiquidStateMachine(20, grid=(5, 5, 5), weight=3.0, learning_rate=0.0, astrocyte=0.0)
    branching, balance = _watched(loud, rng.random((2, 20)), 0)
    assert branching > 0
    assert -1 < balance < 1


def test_readout_reads_what_is_there_and_nothing_else():
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=200)
    states = rng.normal(size=(200, 10)) + 3 * np.eye(10)[labels]
    assert _accuracy(states[:100], labels[:100], states[100:], labels[100:]) > 0.9
    assert _accuracy(states[:100], rng.permutation(labels[:100]), states[100:], labels[100:]) < 0.6


def test_smoke_scale_runs(smoke_claim):
    result = smoke_claim("astrocyte-liquid-state-machine")
    assert all(np.isfinite(value) for value in (*result.measured.values(), *result.control.values()))
    assert result.measured["spread"] != result.control["static_spread"]
    assert result.control["pixels_accuracy"] > 0.3
