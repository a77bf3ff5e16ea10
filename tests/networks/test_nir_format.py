import builtins
import math

import numpy as np
import pytest
import torch
from torch import nn

from multiunit.core.errors import InputError, MissingDependencyError, StoreError
from multiunit.dynamics.izhikevich import izhikevich
from multiunit.dynamics.leaky_integrate_and_fire import leaky_integrate_and_fire
from multiunit.networks.discrete_leaky import leaky_zero
from multiunit.networks.fused_leaky import LeakyLayer
from multiunit.networks.multilayer_perceptron import MultilayerPerceptron
from multiunit.networks.nir_format import from_nir, to_nir
from multiunit.networks.spike_linear import SpikeLinear
from multiunit.networks.spiking_layer import SpikingLayer
from multiunit.networks.spiking_sequential import SpikingSequential
from multiunit.networks.to_spiking import to_spiking


def spikes_of_all(network, x):
    """The output of every layer."""
    found = []
    with torch.no_grad():
        for part in network:
            x = SpikingSequential(part)(x)
            found.append(x)
    return found


def chains():
    torch.manual_seed(0)
    learnt = LeakyLayer(40, reset="soft", learnable=("tau_membrane",), spike_size=0.7, gain=1.5)
    with torch.no_grad():
        learnt.log_tau_membrane += 0.5 * torch.randn(40)
    places = LeakyLayer(3, reset="zero")
    places.hold("threshold", 0.5 + torch.rand(3, 6, 6))
    volts = SpikingLayer(
        leaky_integrate_and_fire, 5, refractory_period=0.0, gain=1.0, v_reset=torch.linspace(-0.07, -0.06, 5)
    )
    return {
        "linear": (
            SpikingSequential(nn.Linear(6, 40), learnt, SpikeLinear(40, 33), LeakyLayer(33), volts_in(), volts),
            (6,),
        ),
        "convolution": (
            nn.Sequential(
                nn.Conv2d(2, 4, 3, padding="same", dilation=2, groups=2),
                LeakyLayer(4, reset="zero"),
                nn.Conv2d(4, 3, 3, bias=False),
                places,
                nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(3, 4, 3, stride=2, padding=1)),
                SpikingLayer(leaky_zero, 4, threshold=torch.linspace(0.1, 0.4, 4), tau_membrane=0.02),
                nn.Flatten(),
                nn.Linear(16, 7, bias=False),
                LeakyLayer(7, tau_membrane=1e15, threshold=0.3),
            ),
            (2, 8, 8),
        ),
    }


def volts_in():
    return nn.Linear(33, 5)


@pytest.mark.parametrize("name", ["linear", "convolution"])
def test_the_same_spikes_after_the_round_trip(name, tmp_path):
    pytest.importorskip("nir", reason="the package nir is not installed")
    network, shape = chains()[name]
    to_nir(network, tmp_path / "net.nir", input_shape=shape)
    again = from_nir(tmp_path / "net.nir")
    x = 3 * torch.randn(100, 4, *shape)
    flat = [part for child in network for part in (child if type(child) is nn.Sequential else [child])]
    pairs = list(zip(spikes_of_all(flat, x), spikes_of_all(again, x), flat, strict=True))
    for before, after, part in pairs:
        assert torch.equal(before, after), part
    fired = [float(before.mean()) for before, _, part in pairs if isinstance(part, SpikingLayer)]
    assert all(0.01 < rate < 0.99 for rate in fired), fired


def test_what_is_written_is_the_equation_of_the_units(tmp_path):
    nir = pytest.importorskip("nir", reason="the package nir is not installed")
    tau, dt = 0.012, 1e-3
    layers = SpikingSequential(
        nn.Linear(2, 3), LeakyLayer(3, reset="zero", tau_membrane=tau, gain=2.0), LeakyLayer(3, tau_membrane=1e15)
    )
    to_nir(layers, tmp_path / "net.nir", input_shape=(2,))
    nodes = list(nir.read(tmp_path / "net.nir").nodes.values())
    assert [type(node).__name__ for node in nodes if not isinstance(node, nir.Input | nir.Output)] == [
        "Affine", "LIF", "IF",
    ]  # fmt: skip
    lif, integrate = (next(n for n in nodes if isinstance(n, kind)) for kind in (nir.LIF, nir.IF))
    # A fine Euler integration of tau v' = -v + r I over one step from v = 0.3 with I = 0.2.
    v, n = 0.3, 20_000
    for _ in range(n):
        v += dt / n / lif.tau[0] * (-v + lif.r[0] * 0.2)
    assert v == pytest.approx(math.exp(-dt / tau) * 0.3 + 2.0 * 0.2, rel=1e-5)
    assert lif.v_threshold.tolist() == [1.0] * 3
    assert integrate.r.tolist() == [pytest.approx(1000.0)] * 3


def test_a_graph_of_another_program_is_integrated_by_its_equations(tmp_path):
    nir = pytest.importorskip("nir", reason="the package nir is not installed")
    rng = np.random.default_rng(0)
    tau, r = np.array([0.01, 0.02, 0.05]), np.array([1.0, 2.0, 0.5])
    v_leak, v_threshold = np.array([0.1, -0.2, 0.0]), np.array([0.8, 0.7, 0.3])
    lif = nir.LIF(tau=tau, r=r, v_leak=v_leak, v_threshold=v_threshold, v_reset=v_leak)
    counts = nir.IF(r=np.array([300.0, 500.0, 100.0]), v_threshold=np.ones(3))
    weight = rng.normal(size=(3, 3)) + 2
    nodes = {"a": nir.Input({"input": np.array([3])}), "b": nir.Linear(weight), "c": lif, "d": counts}
    nodes["e"] = nir.Output({"output": np.array([3])})
    nir.write(tmp_path / "net.nir", nir.NIRGraph(nodes, [("a", "b"), ("b", "c"), ("c", "d"), ("d", "e")]))
    dt, x = 2e-3, rng.normal(size=(200, 3)) + 0.5
    v, u, expected = v_leak.copy(), np.zeros(3), []
    for now in x:
        target = v_leak + r * (weight @ now)
        v = target + (v - target) * np.exp(-dt / tau)
        spike = v > v_threshold
        v = np.where(spike, v_leak, v)
        u = u + counts.r * dt * spike
        second = u > 1
        u = np.where(second, 0, u)
        expected.append(second)
    found = from_nir(tmp_path / "net.nir", dt=dt)(torch.tensor(x[:, None], dtype=torch.float32))
    assert 5 < np.sum(expected) < 500
    np.testing.assert_array_equal(found[:, 0].detach().numpy(), np.array(expected, float))


def test_what_cannot_be_written_or_read_is_named(tmp_path, monkeypatch):
    nir = pytest.importorskip("nir", reason="the package nir is not installed")
    path = tmp_path / "net.nir"
    for part, message in (
        (nn.MaxPool1d(1), "MaxPool1d"),
        (SpikingLayer(izhikevich, 3), "izhikevich"),
        (LeakyLayer(3, recurrent=True), "recurrent"),
        (SpikingLayer(leaky_integrate_and_fire, 3), "refractory_period"),
        (nn.Linear(4, 2), "does not fit layer 0"),
    ):
        with pytest.raises(InputError, match=message):
            to_nir(nn.Sequential(part), path, input_shape=(3,))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(StoreError, match="cannot read"):
        from_nir(path)
    path.write_bytes(b"no such thing")
    with pytest.raises(StoreError, match="cannot read"):
        from_nir(path)
    ends = {"a": nir.Input({"input": np.array([3])}), "z": nir.Output({"output": np.array([3])})}
    filters = nir.LI(tau=np.ones(3), r=np.ones(3), v_leak=np.zeros(3))
    nir.write(path, nir.NIRGraph({**ends, "b": filters}, [("a", "b"), ("b", "z")]))
    with pytest.raises(InputError, match="b: LI"):
        from_nir(path)
    scale = [nir.Scale(np.ones(3)) for _ in range(2)]
    edges = [("a", "b"), ("a", "c"), ("b", "z"), ("c", "z")]
    nir.write(path, nir.NIRGraph({**ends, "b": scale[0], "c": scale[1]}, edges))
    with pytest.raises(InputError, match="no chain"):
        from_nir(path)
    away = nir.LIF(*(np.ones(3) for _ in range(3)), v_threshold=2 * np.ones(3), v_reset=np.zeros(3))
    nir.write(path, nir.NIRGraph({**ends, "b": away}, [("a", "b"), ("b", "z")]))
    with pytest.raises(InputError, match="resets to another"):
        from_nir(path)


def test_without_the_package_the_install_line_is_given(tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "nir":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingDependencyError, match=r"pip install 'multiunit\[nir\]'"):
        from_nir(tmp_path / "net.nir")
    with pytest.raises(MissingDependencyError, match=r"pip install 'multiunit\[nir\]'"):
        to_nir(nn.Sequential(), tmp_path / "net.nir", input_shape=(1,))


def test_a_converted_network_becomes_integrate_and_fire_nodes(tmp_path):
    nir = pytest.importorskip("nir", reason="the package nir is not installed")
    network = MultilayerPerceptron([16, 8, 3])
    x = torch.rand(20, 1, 4, 4, generator=torch.manual_seed(0))
    spiking = to_spiking(network, x)
    to_nir(spiking, tmp_path / "net.nir", input_shape=(1, 4, 4))
    kinds = {type(node) for node in nir.read(tmp_path / "net.nir").nodes.values()}
    assert kinds == {nir.Input, nir.Flatten, nir.Affine, nir.IF, nir.Output}
    current = x.expand(30, *x.shape)
    assert torch.equal(from_nir(tmp_path / "net.nir")(current), spiking(current))
