import copy

import pytest
import torch

from multiunit.core.errors import InputError
from multiunit.networks.fused_leaky import LeakyLayer
from multiunit.networks.spiking_layer import SpikingLayer
from multiunit.networks.surrogate import (
    Surrogate,
    arctan,
    boxcar,
    clipped_tanh,
    fast_sigmoid,
    fast_sigmoid_shape,
    gaussian,
    triangle,
)

OWN = Surrogate("fast_sigmoid", lambda z: (-z.abs()).exp(), 0.3, 2.0, "here")  # a known name must not mislead it


def run(forward, layer, dtype, places=(2,)):
    """Spikes, final state, and all gradients: of input, initial state, time constant and threshold."""
    draw = torch.Generator().manual_seed(1)
    current, weights = (torch.randn(60, 5, 7, *places, generator=draw, dtype=torch.float64).to(dtype) for _ in range(2))
    current = (0.7 * current).requires_grad_()
    carried = torch.randn(5, 7, *places, generator=draw, dtype=torch.float64).to(dtype).requires_grad_()
    layer.zero_grad()
    spikes, final = forward(current, state={"carried": carried})
    ((spikes * weights).sum() + (final["carried"] * weights[0]).sum()).backward()
    return [
        spikes, final["carried"], current.grad, carried.grad,
        *(parameter.grad.clone() for parameter in layer.parameters()),
    ]  # fmt: skip


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("detach_reset", [True, False])
@pytest.mark.parametrize("reset", ["subtract", "soft", "zero"])
@pytest.mark.parametrize("surrogate", [fast_sigmoid(), arctan(), triangle(), boxcar(), gaussian(), clipped_tanh(), OWN])
def test_fused_equals_the_stepped_loop(surrogate, reset, detach_reset, dtype):
    tau = torch.rand(7, generator=torch.manual_seed(0)) * 0.02 + 0.005
    layer = LeakyLayer(
        7, reset=reset, surrogate=surrogate, detach_reset=detach_reset, tau_membrane=tau,
        learnable=("tau_membrane", "threshold", *(["spike_size"] if reset == "soft" else [])),
    ).to(dtype)  # fmt: skip
    fused = run(layer.forward, layer, dtype)
    stepped = run(lambda x, state: SpikingLayer.forward(layer, x, state=state), layer, dtype)
    assert 100 < fused[0].sum() < 1000
    assert torch.equal(fused[0], stepped[0])
    assert torch.equal(fused[1], stepped[1])
    bar = 1e-5 if dtype == torch.float32 else 1e-10
    for a, b in zip(fused[2:], stepped[2:], strict=True):
        assert b.abs().max() > 0
        assert (a - b).abs().max() <= bar * b.abs().max()


def test_more_columns_than_a_block_and_shared_parameters():
    layer = LeakyLayer(7, learnable=("tau_membrane",), shared=True, surrogate=fast_sigmoid(width=0.5)).double()
    fused = run(layer.forward, layer, torch.float64, places=(9, 5))
    stepped = run(lambda x, state: SpikingLayer.forward(layer, x, state=state), layer, torch.float64, places=(9, 5))
    for a, b in zip(fused, stepped, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)


def test_gradient_is_that_of_a_loop_written_by_hand():
    class Step(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return (x > 0).double()

        @staticmethod
        def backward(ctx, g):
            return g / (1 + 10 * ctx.saved_tensors[0].abs()) ** 2

    draw = torch.manual_seed(0)
    x = torch.randn(50, 3, 4, generator=draw, dtype=torch.float64).requires_grad_()
    beta = torch.tensor(0.9, dtype=torch.float64, requires_grad=True)
    threshold = torch.tensor(0.8, dtype=torch.float64, requires_grad=True)
    u, s, total = torch.zeros(3, 4, dtype=torch.float64), torch.zeros(3, 4, dtype=torch.float64), 0.0
    for t in range(50):
        u = beta * u + x[t] - threshold * s.detach()
        s = Step.apply(u - threshold)
        total = total + ((t % 7) * s).sum()
    total.backward()

    layer = LeakyLayer(4, learnable=("tau_membrane", "threshold"), shared=True).double()
    tau = -1e-3 / beta.detach().log()
    with torch.no_grad():
        layer.log_tau_membrane.copy_(tau.log())
        layer.threshold.fill_(0.8)
    y = x.detach().clone().requires_grad_()
    ((torch.arange(50)[:, None, None] % 7) * layer(y).spikes).sum().backward()
    torch.testing.assert_close(y.grad, x.grad, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(layer.threshold.grad, threshold.grad, rtol=1e-9, atol=0)
    # d beta / d log tau = beta dt / tau
    torch.testing.assert_close(layer.log_tau_membrane.grad, beta.grad * 0.9 * 1e-3 / tau, rtol=1e-9, atol=0)


def test_what_cannot_be_fused_is_stepped(monkeypatch):
    current = torch.randn(20, 2, 3, generator=torch.manual_seed(0))
    stepped = []
    original = SpikingLayer.forward
    monkeypatch.setattr(SpikingLayer, "forward", lambda self, *a, **k: stepped.append(1) or original(self, *a, **k))
    LeakyLayer(3)(current)
    assert not stepped
    LeakyLayer(3, recurrent=True)(current)
    plain = LeakyLayer(3, membrane=torch.nn.Identity())(current)
    LeakyLayer(3).to(torch.bfloat16)(current.to(torch.bfloat16))
    assert len(stepped) == 3
    assert torch.equal(plain.spikes, LeakyLayer(3)(current).spikes)
    assert torch.equal(LeakyLayer(3, gain=2.0)(current).spikes, LeakyLayer(3)(2 * current).spikes)


def test_going_on_copying_and_input_untouched():
    layer = LeakyLayer(3)
    current = torch.randn(30, 2, 3, generator=torch.manual_seed(0))
    before = current.clone()
    whole, first = layer(current), layer(current[:11])
    kept = first.final["carried"].clone()
    second = copy.deepcopy(layer)(current[11:], state=first.final)
    assert torch.equal(whole.spikes, torch.cat([first.spikes, second.spikes]))
    assert torch.equal(first.final["carried"], kept)
    assert torch.equal(current, before)


def test_bad_input_is_named():
    with pytest.raises(InputError, match="reset='none'"):
        LeakyLayer(3, reset="none")
    with pytest.raises(InputError, match="parameters='beta'"):
        LeakyLayer(3, beta=0.9)
    with pytest.raises(InputError, match="inputs="):
        LeakyLayer(3)(torch.zeros(3, 3))
    assert fast_sigmoid().shape is fast_sigmoid_shape
