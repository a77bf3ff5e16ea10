import numpy as np
import pytest
import torch

from multiunit.core.errors import InputError
from multiunit.networks.spike_linear import SpikeLinear, _SpikeLinear, spike_linear


def spikes_of(density, *, shape=(20, 8, 120), dtype=torch.float64):
    return (torch.rand(*shape, generator=torch.manual_seed(0)) < density).to(dtype)


@pytest.fixture
def taken(monkeypatch):
    """How often the sparse way was taken."""
    count = []
    original = _SpikeLinear.apply
    monkeypatch.setattr(_SpikeLinear, "apply", lambda *a: count.append(1) or original(*a))
    return count


@pytest.mark.parametrize(("dtype", "bar"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
@pytest.mark.parametrize("density", [0.0, 0.02, 0.5, 1.0])
@pytest.mark.parametrize("with_bias", [True, False])
def test_output_and_gradients_are_those_of_the_matrix_product(density, with_bias, dtype, bar, taken):
    draw = torch.manual_seed(1)
    x = spikes_of(density, dtype=dtype).requires_grad_()
    weight = torch.randn(40, 120, generator=draw, dtype=dtype).requires_grad_()
    bias = torch.randn(40, generator=draw, dtype=dtype).requires_grad_() if with_bias else None
    to_out = torch.randn(20, 8, 40, generator=draw, dtype=dtype)
    out = spike_linear(x, weight, bias=bias, sparse_below=1.0)
    out.backward(to_out)
    assert taken == [1]
    exact = x.detach().double() @ weight.detach().double().T + (0.0 if bias is None else bias.detach().double())
    to_weight = torch.einsum("tbo,tbi->oi", to_out.double(), x.detach().double())
    to_x = to_out.double() @ weight.detach().double()
    pairs = [(out, exact), (weight.grad, to_weight), (x.grad, to_x)]
    if bias is not None:
        pairs.append((bias.grad, to_out.double().sum((0, 1))))
    for found, expected in pairs:
        assert found.dtype == dtype
        assert (found.double() - expected).abs().max() <= bar * max(expected.abs().max(), 1e-3)


def test_what_is_dense_or_no_spikes_or_narrow_goes_to_the_matrix_product(taken):
    layer = SpikeLinear(120, 40).double()
    for x in (spikes_of(0.3), 2 * spikes_of(0.02), torch.full((3, 120), 0.5, dtype=torch.float64)):
        torch.testing.assert_close(layer(x), x @ layer.weight.T + layer.bias)
    assert not taken
    narrow = SpikeLinear(120, 10).double()
    narrow(spikes_of(0.02))
    SpikeLinear(120, 40, sparse_below=0.0).double()(spikes_of(0.02))
    assert not taken
    layer(spikes_of(0.02))
    layer(spikes_of(0.1))
    assert len(taken) == 2
    assert layer(torch.zeros(0, 120, dtype=torch.float64)).shape == (0, 40)


def test_nan_is_not_lost():
    x = spikes_of(0.02)
    x[3, 2, 5] = float("nan")
    assert SpikeLinear(120, 40).double()(x)[3, 2].isnan().all()


def test_inputs_that_are_no_blocks_in_memory():
    layer = SpikeLinear(120, 40).double()
    x = spikes_of(0.05, shape=(120, 20, 8)).permute(1, 2, 0)
    assert not x.is_contiguous()
    torch.testing.assert_close(layer(x), x @ layer.weight.T + layer.bias)


def test_weights_are_seeded_and_bad_input_is_named():
    state = torch.random.get_rng_state()
    a, b, c = (SpikeLinear(5, 3, random_state=np.random.default_rng(s)).weight for s in (0, 0, 1))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
    assert torch.equal(torch.random.get_rng_state(), state)
    with pytest.raises(InputError, match=r"weight=\(3, 5\)"):
        spike_linear(torch.zeros(2, 4), torch.zeros(3, 5))
    with pytest.raises(InputError, match="sparse_below=20"):
        SpikeLinear(5, 3, sparse_below=20)
