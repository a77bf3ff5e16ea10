"""Units with astrocytes, against the element of `dynamics` and against gradients recorded step by step."""

import numpy as np
import pytest
import torch
from torch import nn

from multiunit.core import InputError
from multiunit.dynamics.astrocyte import astrocyte_gated_neuron
from multiunit.networks.astrocyte_leaky import AstroLIF


def stepped(layer, x, state):
    """The layer, each operation recorded by torch."""
    gain, relief = (layer.strength, 0.0) if layer.mode == "gain" else (0.0, layer.strength)
    keep = (-1 / layer.membrane.log_tau_membrane.exp()).exp()
    kept = (-1 / layer.tau_astrocyte()).exp()
    carried, a, fired = (state[name] for name in ("carried", "astrocyte", "fired"))
    spikes, astrocyte = [], []
    for now in x:
        current = now @ layer.current.weight.T + layer.current.bias
        drive = now @ layer.drive.weight.T + layer.drive.bias + fired @ layer.feedback.weight.T
        a = kept * a + (1 - kept) * drive.sigmoid()
        v = carried + (1 + gain * a) * current
        fired = layer.surrogate(v - (1 - relief * a))
        carried = keep * v * (1 - fired.detach())
        spikes.append(fired)
        astrocyte.append(a)
    return torch.stack(spikes), torch.stack(astrocyte), carried


@pytest.mark.parametrize("mode", ["gain", "threshold"])
def test_gradients_are_those_of_the_recorded_steps(mode):
    torch.manual_seed(0)
    layer = AstroLIF(5, 7, mode=mode, tau_membrane=(1.0, 8.0), tau_astrocyte=(2.0, 20.0), random_state=1).double()
    with torch.no_grad():
        layer.strength.uniform_(0.3, 1.2)
    x = (2 * torch.randn(12, 3, 5, dtype=torch.float64)).requires_grad_()
    state = {n: torch.rand(3, 7, dtype=torch.float64).requires_grad_() for n in ("carried", "astrocyte", "fired")}
    weights = [torch.randn(s, dtype=torch.float64) for s in ((12, 3, 7), (12, 3, 7), (3, 7))]
    inputs = [x, *state.values(), *layer.parameters()]
    found = layer(x, state=state)
    expected = stepped(layer, x, state)
    got = (found.spikes, found.astrocyte, found.final["carried"])
    assert 0.1 < float(found.spikes.detach().mean()) < 0.6
    for one, other in zip(got, expected, strict=True):
        torch.testing.assert_close(one, other)
    slopes = [
        torch.autograd.grad(sum((w * y).sum() for w, y in zip(weights, run, strict=True)), inputs)
        for run in (got, expected)
    ]
    for own, recorded in zip(*slopes, strict=True):
        assert recorded.abs().max() > 0
        torch.testing.assert_close(own, recorded)


@pytest.mark.parametrize("mode", ["gain", "threshold"])
def test_a_step_is_that_of_the_element(mode):
    layer = AstroLIF(4, 6, mode=mode, random_state=2)
    nn.init.zeros_(layer.feedback.weight)
    torch.manual_seed(1)
    x = 2 * torch.randn(40, 2, 4)
    with torch.no_grad():
        found = layer(x)
        current, drive = layer.current(x), layer.drive(x)
        keep = (-1 / layer.membrane.parameter("tau_membrane")).exp()
        kept = (-1 / layer.tau_astrocyte()).exp()
    v = a = fired = torch.zeros(2, 6)
    for t in range(40):
        v, a, fired, spike = astrocyte_gated_neuron(
            v,
            a,
            fired,
            current[t],
            drive[t],
            keep=keep,
            astrocyte_keep=kept,
            gain=1.0 if mode == "gain" else 0.0,
            relief=0.5 if mode == "threshold" else 0.0,
        )
        assert torch.equal(spike, found.spikes[t] > 0)
        torch.testing.assert_close(a, found.astrocyte[t])
    assert 0.05 < float(found.spikes.detach().mean()) < 0.6


@pytest.mark.parametrize("mode", ["gain", "threshold", "none"])
def test_a_run_can_be_cut_in_two_and_does_not_look_ahead(mode):
    layer = AstroLIF(3, 5, mode=mode, random_state=3)
    torch.manual_seed(2)
    x = 2 * torch.randn(20, 4, 3)
    with torch.no_grad():
        whole, first = layer(x), layer(x[:8])
        second = layer(x[8:], state=first.final)
    torch.testing.assert_close(torch.cat([first.spikes, second.spikes]), whole.spikes)
    torch.testing.assert_close(second.final, whole.final)
    assert whole.spikes.sum() > 5


def test_astrocytes_keep_what_membranes_forget():
    """After a pulse and 60 silent steps only the astrocyte tells two inputs apart, and it decays as planted."""
    layer = AstroLIF(2, 1, tau_astrocyte=(39.0, 41.0))
    nn.init.zeros_(layer.feedback.weight)
    layer.drive.weight.data = torch.tensor([[50.0, 0.0]])
    x = torch.zeros(61, 2, 2)
    x[0, 0, 0], x[0, 1, 1] = 1.0, 1.0
    with torch.no_grad():
        run = layer(x)
        difference = (run.astrocyte[:, 0] - run.astrocyte[:, 1])[:, 0]
        tau = float(layer.tau_astrocyte())
    assert tau == pytest.approx(np.sqrt(39 * 41), rel=1e-4)
    expected = 0.5 * (1 - np.exp(-1 / tau)) * np.exp(-np.arange(61) / tau)
    np.testing.assert_allclose(difference, expected, rtol=1e-3)
    assert float((run.final["carried"][0] - run.final["carried"][1]).abs()) < 1e-6


def test_bounds_hold_and_nothing_is_wasted():
    layer = AstroLIF(3, 50, tau_astrocyte=(10.0, 1000.0))
    taus = layer.tau_astrocyte().detach()
    assert bool((taus.diff() > 0).all())
    assert 10 < float(taus[0]) < 11
    assert 950 < float(taus[-1]) < 1000
    with torch.no_grad():
        layer.place += 30
        assert float(layer.tau_astrocyte().max()) <= 1000.01
    assert {name.split(".")[0] for name, _ in AstroLIF(3, 5, mode="none").named_parameters()} == {"current", "membrane"}


@pytest.mark.parametrize(
    ("named", "options"),
    [
        ("mode", {"mode": "fast"}),
        ("n_units", {"n_units": 0}),
        ("tau_membrane", {"tau_membrane": 0.0}),
        ("tau_membrane", {"tau_membrane": (3.0, 2.0)}),
        ("tau_astrocyte", {"tau_astrocyte": (5.0, 5.0)}),
    ],
)
def test_errors_name_the_argument(named, options):
    with pytest.raises(InputError) as caught:
        AstroLIF(3, **options)
    assert caught.value.argument == named


def test_wrong_shapes_are_refused():
    layer = AstroLIF(3, 4)
    for x in (torch.zeros(5, 3), torch.zeros(5, 2, 4), torch.zeros(0, 2, 3)):
        with pytest.raises(InputError, match="x="):
            layer(x)
    with pytest.raises(InputError, match="state="):
        layer(torch.zeros(5, 2, 3), state=layer(torch.zeros(5, 1, 3)).final)
