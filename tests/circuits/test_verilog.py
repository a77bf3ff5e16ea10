import shutil
from dataclasses import replace

import numpy as np
import pytest

from multiunit.circuits.fixed_point import FixedPointSNN, FixedPointSTDP
from multiunit.circuits.verilog import verify_verilog, verilog_source
from multiunit.core.errors import InputError, MultiunitError

needs_iverilog = pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus Verilog is not installed")


def random_network(seed, *, n=6, stdp=True):
    rng = np.random.default_rng(seed)
    network = FixedPointSNN(
        rng.integers(-64, 128, size=(n, n)),
        threshold=rng.integers(100, 300, size=n),
        leak_shift=rng.integers(1, 6, size=n),
        refractory=rng.integers(0, 3, size=n),
        v_reset=None if seed % 2 else -20,
        synapse_shift=seed % 3,
        v_bits=10,
        stdp=FixedPointSTDP(potentiation=5, depression=3, shift=3, plastic=rng.random((n, n)) < 0.5) if stdp else None,
    )
    return network, (rng.random((80, n)) < 0.2).astype(int)


@needs_iverilog
@pytest.mark.parametrize(("seed", "stdp"), [(0, True), (1, True), (2, True), (3, False)])
def test_verilog_does_what_the_emulator_does(seed, stdp):
    network, spikes = random_network(seed, stdp=stdp)
    assert network.run(spikes).spikes.sum() > 1.3 * spikes.sum()
    assert verify_verilog(network, spikes)


@needs_iverilog
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("v[j] >>> leak[j]", "v[j] >>> (leak[j] + 1)"),
        ("now >= theta[j]", "now > theta[j] + 5"),
        ("w[0] = ", "w[0] = 1 + "),
        ("w[i*N+j] = total;", ""),
        ("spikes = fired | given", "spikes = fired"),
        ("v[j] = now;", "v[j] = now + 1;"),
    ],
)
def test_altered_verilog_is_found_out(right, wrong):
    network, spikes = random_network(0)
    source = verilog_source(network)
    assert right in source
    assert not verify_verilog(network, spikes, source=source.replace(right, wrong))


@needs_iverilog
def test_another_network_is_found_out_and_what_does_not_compile_is_named():
    network, spikes = random_network(0)
    assert network.stdp is not None
    for other in (
        replace(network, leak_shift=network.leak_shift + 1),
        replace(network, stdp=replace(network.stdp, trace_shift=2)),
    ):
        assert not verify_verilog(network, spikes, source=verilog_source(other))
    with pytest.raises(InputError, match="does not compile"):
        verify_verilog(network, spikes, source=verilog_source(network).replace("endmodule", ""))


def test_without_the_simulator_the_install_line_is_given(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(MultiunitError, match="install Icarus Verilog"):
        verify_verilog(*random_network(0))


def test_every_number_of_the_network_is_in_the_source():
    network, _ = random_network(0)
    lines = {line.strip() for line in verilog_source(network).splitlines()}
    assert {f"w[{k}] = {w};" for k, w in enumerate(network.weights.ravel())} <= lines
    assert {f"theta[{k}] = {w};" for k, w in enumerate(network.threshold)} <= lines
    assert not any("<" in line and ">" in line and "<N" in line for line in lines)
