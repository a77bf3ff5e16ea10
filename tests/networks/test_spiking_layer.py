import copy
import importlib
import pickle
import pkgutil

import numpy as np
import pytest
import torch

import multiunit.dynamics
from multiunit.core.errors import InputError
from multiunit.dynamics.element import element
from multiunit.dynamics.elementary import where
from multiunit.dynamics.izhikevich import izhikevich
from multiunit.dynamics.leaky_integrate_and_fire import leaky_integrate_and_fire
from multiunit.networks.discrete_leaky import leaky_subtract, leaky_zero
from multiunit.networks.spiking_layer import SpikingLayer
from multiunit.networks.surrogate import arctan, fast_sigmoid, triangle


@element(kind="neuron", states={"v": 0.0}, spikes=True, source="here", example={"current": 2.0})
def own(v, current, *, tau=0.005, threshold=1.0, v_reset=0.1, dt=1e-3):
    """A user's own neuron."""
    v = v + dt * (current - v) / tau
    v = where(v < -1.0, -1.0, v)
    spike = v >= threshold
    return where(spike, v_reset, v), spike


@element(kind="neuron", states={"v": 0.0, "w": 0.0}, spikes=True, source="here")
def joined(v, w, current, *, threshold=1.0, dt=1e-3):
    """Spikes between two bounds, and counts its spikes by arithmetic."""
    v = 0.9 * v + current
    spike = (v > threshold) & ~(2.0 * threshold < v) | (v < -3.0)
    return v - 0.5 * spike, w + 1.0 * spike, spike


@element(kind="neuron", states={"v": 0.0}, spikes=True, noise=("noise",), source="here")
def noisy(v, current, noise, *, dt=1e-3):
    """A random walk."""
    v = v + current + noise
    return v, v > 100.0


def spiking_elements():
    found = {}
    for info in pkgutil.iter_modules(multiunit.dynamics.__path__):
        for value in vars(importlib.import_module(f"multiunit.dynamics.{info.name}")).values():
            record = getattr(value, "element", None)
            if record is not None and record.spikes and record.inputs:
                found[record.name] = value
    return found


class Step(torch.autograd.Function):
    """Heaviside with the triangle, by hand."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return (x >= 0).to(x.dtype)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * 0.3 * (1 - x.abs()).clamp(min=0)


@pytest.mark.parametrize("detach_reset", [True, False])
def test_gradients_are_those_of_a_loop_written_by_hand(detach_reset):
    torch.manual_seed(0)
    layer = SpikingLayer(
        own, 3, surrogate=triangle(), detach_reset=detach_reset, learnable=("tau", "threshold", "v_reset")
    ).double()
    with torch.no_grad():  # parameters are kept in float32 when the layer is made
        for value, name in ((np.log(0.005), "log_tau"), (1.0, "threshold"), (0.1, "v_reset")):
            getattr(layer, name).fill_(value)
    current = (5 * torch.randn(40, 2, 3, dtype=torch.float64)).requires_grad_()
    weights = torch.randn(40, 2, 3, dtype=torch.float64)
    found = layer(current)
    ((found.spikes * weights).sum() + found.final["v"].sum()).backward()

    tau, threshold, reset = (torch.full((3,), x, dtype=torch.float64, requires_grad=True) for x in (0.005, 1.0, 0.1))
    x = current.detach().clone().requires_grad_()
    v, total, spikes = torch.zeros(2, 3, dtype=torch.float64), 0.0, []
    for t in range(40):
        v = v + 1e-3 * (x[t] - v) / tau
        v = torch.maximum(v, torch.tensor(-1.0, dtype=torch.float64))
        s = Step.apply(v - threshold)
        spikes.append(s)
        total = total + (s * weights[t]).sum()
        r = s.detach() if detach_reset else s
        v = r * reset + (1 - r) * v
    (total + v.sum()).backward()
    assert torch.equal(found.spikes, torch.stack(spikes))
    assert 10 < found.spikes.sum() < 200
    close = {"rtol": 1e-10, "atol": 1e-12}
    torch.testing.assert_close(current.grad, x.grad, **close)
    torch.testing.assert_close(layer.threshold.grad, threshold.grad, **close)
    torch.testing.assert_close(layer.v_reset.grad, reset.grad, **close)
    torch.testing.assert_close(layer.log_tau.grad, tau.grad * 0.005, **close)


@pytest.mark.parametrize("name", sorted(spiking_elements()))
def test_every_spiking_element_is_a_layer_that_does_what_the_element_does(name):
    function = spiking_elements()[name]
    record = function.element
    layer = SpikingLayer(function, 2, surrogate=arctan(width=5.0)).double()
    for parameter, value in record.parameters.items():
        layer.hold(parameter, torch.tensor(value, dtype=torch.float64))
    n_steps = 150
    inputs = {n: torch.full((n_steps, 1, 2), record.example.get(n, 0.0), dtype=torch.float64) for n in record.inputs}
    for value in inputs.values():
        value.requires_grad_()
    found = layer(inputs)
    states = [np.full(2, value) for value in record.states.values()]
    for t in range(n_steps):
        now = [value[t, 0].detach().numpy() for value in inputs.values()]
        states, fired = record.advance(states, now, parameters=record.parameters, dt=record.dt)
        assert np.array_equal(found.spikes[t, 0].detach(), np.broadcast_to(fired, 2))
    for state, value in zip(record.states, states, strict=True):
        assert np.allclose(found.final[state].detach(), value, rtol=1e-8)
    found.spikes.sum().backward()
    gradients = torch.stack([value.grad for value in inputs.values() if value.grad is not None])
    assert gradients.isfinite().all()
    assert gradients.abs().max() > 0


def test_joined_comparisons_and_arithmetic_with_spikes():
    x = torch.tensor([0.5, 1.6, 2.5, -3.5]).reshape(1, 1, 4).requires_grad_()
    layer = SpikingLayer(joined, 4, surrogate=fast_sigmoid(width=1.0), detach_reset=False)
    found = layer(x)
    assert found.spikes.flatten().tolist() == [0, 1, 0, 1]
    assert found.final["w"].flatten().tolist() == [0, 1, 0, 1]
    found.final["w"].sum().backward()

    def slope(distance):
        return 1 / (1 + abs(distance)) ** 2

    # The condition that binds: v > 1; ~(2 < v); ~(2 < v); v < -3.
    expected = [slope(0.5), -slope(0.4), -slope(0.5), -slope(0.5)]
    assert x.grad.flatten().tolist() == pytest.approx(expected)
    detached = SpikingLayer(joined, 4, detach_reset=True)(x).final["w"]
    assert not detached.requires_grad


def test_going_on_from_the_final_state_is_the_same_run():
    current = torch.randn(30, 2, 3, generator=torch.manual_seed(0))
    layer = SpikingLayer(leaky_zero, 3, recurrent=True)
    whole = layer(current)
    first = layer(current[:13])
    second = layer(current[13:], state=first.final)
    assert torch.equal(whole.spikes, torch.cat([first.spikes, second.spikes]))
    assert torch.equal(whole.final["carried"], second.final["carried"])


def test_recurrent_weights_carry_spikes_and_are_seeded():
    state = torch.random.get_rng_state()
    layer, same, other = (SpikingLayer(leaky_zero, 2, recurrent=True, random_state=s) for s in (0, 0, 1))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(layer.recurrent.weight, same.recurrent.weight)
    assert not torch.equal(layer.recurrent.weight, other.recurrent.weight)
    with torch.no_grad():
        layer.recurrent.weight.copy_(torch.tensor([[0.0, 0.0], [2.0, 0.0]]))  # unit 0 drives unit 1
    current = torch.zeros(3, 1, 2)
    current[0, 0, 0] = 2.0
    spikes = layer(current).spikes
    assert spikes[:, 0].tolist() == [[1, 0], [0, 1], [0, 0]]
    spikes[1, 0, 1].backward()
    assert layer.recurrent.weight.grad[1, 0] > 0


def test_parameters_of_units_gain_places_and_noise():
    layer = SpikingLayer(own, 2, threshold=[0.5, 100.0], gain=3.0)
    current = torch.ones(20, 1, 2, 4)
    assert layer(current).spikes.sum((0, 1, 3)).tolist() == [80.0, 0.0]
    assert 0 < SpikingLayer(own, 2, threshold=[0.5, 100.0])(current).spikes.sum() < 80


def test_noise_is_drawn_for_each_unit_and_step():
    layer = SpikingLayer(noisy, 2)
    found = layer(torch.zeros(5, 1, 2)).final["v"]
    assert found[0, 0] != found[0, 1]
    assert not torch.equal(layer(torch.zeros(5, 1, 2)).final["v"], found)
    kept = layer({"current": torch.zeros(5, 1, 2), "noise": torch.ones(5, 1, 2)}).final["v"]
    assert kept.tolist() == [[5.0, 5.0]]


def test_a_layer_can_be_copied_pickled_and_trained_in_volts():
    layer = SpikingLayer(
        leaky_integrate_and_fire, 1, surrogate=fast_sigmoid(width=0.005, height=100.0), gain=0.02,
        learnable=("tau_membrane",), dt=1e-3,
    )  # fmt: skip
    current = torch.full((100, 1, 1), 0.7)
    for again in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert torch.equal(again(current).spikes, layer(current).spikes)
    optimiser = torch.optim.Adam(layer.parameters(), lr=0.05)
    before = layer(current).spikes.sum().item()
    for _ in range(30):
        optimiser.zero_grad()
        (-layer(current).spikes.mean()).backward()
        optimiser.step()
    assert layer(current).spikes.sum().item() > before
    assert 0 < layer.parameter("tau_membrane").item() < 0.02


def test_membrane_changes_only_what_is_compared():
    class Half(torch.nn.Module):
        def forward(self, u):
            return 0.5 * u

    current = torch.full((4, 1, 1), 0.8)
    plain = SpikingLayer(leaky_subtract, 1, tau_membrane=1e9)(current)
    halved = SpikingLayer(leaky_subtract, 1, tau_membrane=1e9, membrane=Half())(current)
    assert plain.spikes.flatten().tolist() == [0, 1, 1, 1]
    assert halved.spikes.flatten().tolist() == [0, 0, 1, 1]
    assert halved.final["carried"].item() == pytest.approx(4 * 0.8 - 2)


def test_bad_input_is_named():
    @element(kind="neuron", states={"v": 0.0}, spikes=True, source="here")
    def odd(v, current, *, dt=1e-3):
        return v + current, v == current

    with pytest.raises(InputError, match="must return last a comparison"):
        SpikingLayer(odd, 1)
    with pytest.raises(InputError, match="learnable='tua'"):
        SpikingLayer(own, 1, learnable=("tua",))
    with pytest.raises(InputError, match=r"tau=-1\.0: is a time constant"):
        SpikingLayer(own, 1, learnable=("tau",), tau=-1.0)
    with pytest.raises(InputError, match="drives='currant'"):
        SpikingLayer(izhikevich, 1, drives="currant")
    with pytest.raises(InputError, match="threshold"):
        SpikingLayer(own, 2, threshold=[1.0, 2.0, 3.0])
    layer = SpikingLayer(own, 2, recurrent=True)
    with pytest.raises(InputError, match=r"inputs=\(5, 1, 3\)"):
        layer(torch.zeros(5, 1, 3))
    with pytest.raises(InputError, match="inputs='voltage'"):
        layer({"voltage": torch.zeros(5, 1, 2)})
    with pytest.raises(InputError, match="state"):
        layer(torch.zeros(5, 1, 2), state={"v": torch.zeros(1, 2)})
    with pytest.raises(InputError, match="membrane='Identity'"):
        SpikingLayer(joined, 1, membrane=torch.nn.Identity())
