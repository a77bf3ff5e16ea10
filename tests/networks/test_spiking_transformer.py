"""Counts of spikes against rounding, against training's fake quantisation, and against networks of numbers."""

import numpy as np
import pytest
import torch
from torch import nn

from multiunit.core import InputError
from multiunit.learning.train_language_model import train_language_model
from multiunit.networks.fake_quantisation import fake_quantise
from multiunit.networks.spiking_transformer import (
    RampNeurons,
    count_operations,
    event_product,
    ramped_count,
    ramped_spikes,
    spiking_transformer,
)
from multiunit.networks.tiny_transformer import TinyTransformer


@pytest.mark.parametrize("bits", [2, 3, 8])
@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0, 1.7])
def test_the_count_is_the_sum_of_the_spikes(bits, alpha):
    x = torch.as_tensor(np.random.default_rng(bits).normal(size=5000) * 2.0**bits)
    halves = torch.arange(-260, 261, dtype=torch.float64) / 2
    for values in (x, halves, torch.zeros(3).double()):
        spikes = ramped_spikes(values, scale=0.5, bits=bits, alpha=alpha)
        assert spikes.shape == (2 ** (bits - 1) - 1, *values.shape)
        assert set(spikes.unique().tolist()) <= {-1.0, 0.0, 1.0}
        torch.testing.assert_close(spikes.sum(0), ramped_count(values, scale=0.5, bits=bits, alpha=alpha))


def test_counts_are_rounded_numbers_and_saturate():
    x = torch.tensor([0.49, 0.5, 1.49, 1.5, 2.5, -2.5, -0.5, 126.6, 127.4, 400.0, -400.0])
    expected = [0, 1, 1, 2, 3, -3, -1, 127, 127, 127, -127]
    assert ramped_count(x, scale=1.0).tolist() == expected


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_it_is_the_code_that_training_for_few_bits_uses(bits):
    x = torch.as_tensor(np.random.default_rng(1).normal(size=2000)).float()
    limit = 1.5
    scale = limit / (2 ** (bits - 1) - 1)
    expected = fake_quantise(x, bits=bits, limit=limit)
    torch.testing.assert_close(scale * ramped_count(x, scale=scale, bits=bits), expected)


def test_events_build_up_the_product_of_the_counts():
    rng = np.random.default_rng(2)
    a = torch.as_tensor(rng.integers(-1, 2, size=(9, 3, 4, 5)).astype(float))
    b = torch.as_tensor(rng.integers(-1, 2, size=(9, 3, 6, 5)).astype(float))
    torch.testing.assert_close(event_product(a, b), a.sum(0) @ b.sum(0).mT)
    printed = torch.einsum("tbid,tbjd->bij", a.cumsum(0), b.cumsum(0))
    assert float((printed - event_product(a, b)).abs().max()) > 1
    with pytest.raises(InputError, match="second"):
        event_product(a, b[:5])


def test_the_converted_network_is_the_network_of_rounded_numbers():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 9), nn.GELU(), nn.Linear(9, 4))
    x = torch.randn(50, 6)
    spiking = spiking_transformer(net, x, bits=5)
    y, limits = x, []
    h = x
    for part in net:
        if isinstance(part, nn.Linear):
            limits += [float(h.detach().abs().max()), float(part(h).detach().abs().max())]
        h = part(h)
    expected = iter(limits)
    with torch.no_grad():
        for part in net:
            if isinstance(part, nn.Linear):
                y = fake_quantise(y, bits=5, limit=next(expected))
                y = fake_quantise(part(y), bits=5, limit=next(expected))
            else:
                y = part(y)
        torch.testing.assert_close(spiking(x), y)
        other = spiking_transformer(net, 0.1 * x, bits=5)
        assert float(other(x).abs().max()) < float(spiking(x).abs().max())


@pytest.fixture(scope="module")
def cycling():
    net = TinyTransformer(6, max_positions=12, width=16, n_heads=2, n_layers=1)
    texts = [(k + np.arange(12)) % 6 for k in range(6)]
    train_language_model(net, texts, n_steps=80, batch_size=6, learning_rate=1e-2)
    return net, torch.as_tensor(np.stack(texts))


def test_many_bits_keep_a_transformer_and_few_or_a_flat_threshold_break_it(cycling):
    net, texts = cycling

    def loss(model):
        with torch.no_grad():
            return float(nn.functional.cross_entropy(model(texts)[:, :-1].flatten(0, 1), texts[:, 1:].flatten()))

    own = loss(net)
    assert own < 0.05
    assert abs(loss(spiking_transformer(net, texts, bits=10)) - own) < 0.01
    assert loss(spiking_transformer(net, texts, bits=2)) > own + 0.2
    assert loss(spiking_transformer(net, texts, bits=8, alpha=0.0)) > own + 0.2


def test_conversion_leaves_the_model_alone_and_keeps_ties(cycling):
    net, texts = cycling
    before = {name: value.clone() for name, value in net.state_dict().items()}
    spiking = spiking_transformer(net, texts, bits=4)
    assert spiking.head.layer.weight is spiking.token_embedding.layer.weight
    assert sum(isinstance(m, RampNeurons) for m in spiking.modules()) == 2 * 7 + 2
    with torch.no_grad():
        for parameter in spiking.parameters():
            parameter.zero_()
    for name, value in net.state_dict().items():
        torch.testing.assert_close(value, before[name])


def test_training_the_converted_model_mends_it(cycling):
    net, texts = cycling
    spiking = spiking_transformer(net, texts, bits=2)
    losses = train_language_model(spiking, list(texts.numpy()), n_steps=60, batch_size=6, learning_rate=3e-3)
    assert losses[0] > 0.3
    assert losses[-5:].mean() < 0.5 * losses[0]


def test_operations_are_counted_by_hand():
    layer = nn.Linear(2, 3, bias=False)
    spiking = spiking_transformer(nn.Sequential(layer), torch.tensor([[3.0, 3.0]]), bits=3)
    table = count_operations(spiking, torch.tensor([[1.0, -2.6], [0.2, 0.0]]))
    # Counts 1, -3, 0, 0: four spikes to three targets each, over four inputs.
    assert table.index.tolist() == ["0"]
    assert table.loc["0"].tolist() == [3 * 4 / 4, 3 * 4 / 4, 1.0]


def test_errors_name_the_argument():
    class Unused(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = nn.Linear(2, 2), nn.Linear(2, 2)

        def forward(self, x):
            return self.one(x)

    x = torch.ones(3, 2)
    for named, call in (
        ("model", lambda: spiking_transformer(nn.Sequential(nn.ReLU()), x)),
        ("calibration", lambda: spiking_transformer(Unused(), x)),
        ("calibration", lambda: spiking_transformer(nn.Sequential(nn.Linear(2, 2)), 0 * x)),
        ("bits", lambda: spiking_transformer(Unused(), x, bits=1)),
        ("alpha", lambda: spiking_transformer(Unused(), x, alpha=-1.0)),
        ("scale", lambda: ramped_spikes(x, scale=0.0)),
        ("model", lambda: count_operations(nn.Linear(2, 2), x)),
    ):
        with pytest.raises(InputError) as caught:
            call()
        assert caught.value.argument == named
