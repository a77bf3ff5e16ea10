import copy

import numpy as np
import pytest
import torch
from torch import nn

from multiunit.core.errors import InputError
from multiunit.learning.train_classifier import train_classifier
from multiunit.networks.fused_leaky import LeakyLayer
from multiunit.networks.multilayer_perceptron import MultilayerPerceptron
from multiunit.networks.to_spiking import to_spiking
from multiunit.tasks.digits import digits


def held(x, n_steps):
    return x.expand(n_steps, *x.shape)


def real_digits():
    frame = digits()
    x, y = torch.from_numpy(np.stack(frame["stimulus"])), torch.tensor(frame["label"].to_numpy(copy=True))
    train = torch.tensor((frame["split"] == "train").to_numpy(copy=True))
    return x[train], y[train], x[~train], y[~train]


def test_the_first_layer_counts_its_activation_to_within_a_spike():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(8, 30), nn.ReLU())
    x = torch.randn(50, 8)
    activation = network(x).detach()
    spiking = to_spiking(network, x, percentile=100)
    threshold = spiking[1].parameter("threshold")
    assert float(threshold) == float(activation.max())
    for n_steps in (10, 100):
        rate = spiking(held(x, n_steps)).detach().mean(0) * threshold
        assert float((rate - activation).abs().max()) <= float(threshold) / n_steps * 1.001
    lower = to_spiking(network, x, percentile=90)
    assert float(lower[1].parameter("threshold")) == pytest.approx(np.percentile(activation, 90), rel=1e-6)
    saturated = activation > lower[1].parameter("threshold")
    assert (lower(held(x, 20))[:, saturated] == 1).all()


def test_accuracy_on_real_digits_approaches_the_networks():
    x_train, y_train, x, y = real_digits()
    network = MultilayerPerceptron([64, 32, 10])
    train_classifier(network, x_train, labels=y_train.numpy(), n_steps=400, learning_rate=5e-3)
    wanted = network(x).argmax(1)
    spiking = to_spiking(network, x_train)
    with torch.no_grad():
        agreement = {n: float((spiking(held(x, n)).mean(0).argmax(1) == wanted).float().mean()) for n in (2, 16, 256)}
    accuracy = float((wanted == y).float().mean())
    assert accuracy > 0.93
    assert agreement[2] < 0.95 < agreement[16] < agreement[256]
    assert agreement[256] > 0.99
    with torch.no_grad():
        assert abs(float((spiking(held(x, 256)).mean(0).argmax(1) == y).float().mean()) - accuracy) < 0.01


def test_convolutions_batch_norms_and_pools_keep_the_answer():
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Sequential(nn.Conv2d(1, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(inplace=True)),
        nn.AvgPool2d(2),
        nn.Dropout(0.5),
        nn.Conv2d(4, 3, 2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(12, 8),
        nn.BatchNorm1d(8),
        nn.ReLU(),
        nn.Linear(8, 5),
    )
    x = torch.randn(64, 1, 8, 8)
    network(x)  # batch statistics
    before = copy.deepcopy(network.state_dict())
    spiking = to_spiking(network, x, percentile=100)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert sum(isinstance(part, LeakyLayer) for part in spiking) == 3
    network.eval()
    with torch.no_grad():
        wanted, far, near = network(x), spiking(held(x, 10)).mean(0), spiking(held(x, 1000)).mean(0)
    spread = float(wanted.std(0).mean())
    assert float((near - wanted).abs().max()) < 0.1 * spread
    assert float((near - wanted).abs().mean()) < 0.1 * float((far - wanted).abs().mean())


def test_what_cannot_be_converted_is_named():
    x = torch.ones(2, 4)
    linear = nn.Linear(4, 4)
    for layer in (nn.Sigmoid(), nn.MaxPool2d(2), nn.LayerNorm(4)):
        with pytest.raises(InputError, match=type(layer).__name__):
            to_spiking(nn.Sequential(linear, layer), x)
    with pytest.raises(InputError, match="ReLU 2"):
        to_spiking(nn.Sequential(linear, nn.ReLU(), nn.ReLU()), x + torch.rand(2, 4))
    with pytest.raises(InputError, match="BatchNorm1d"):
        to_spiking(nn.Sequential(nn.BatchNorm1d(4), linear), x)
    with pytest.raises(InputError, match="percentile=0"):
        to_spiking(linear, x, percentile=0)
    with pytest.raises(InputError, match="calibration"):
        to_spiking(linear, x[:0])
    silent = nn.Linear(4, 4)
    nn.init.constant_(silent.weight, -1.0)
    nn.init.zeros_(silent.bias)
    with pytest.raises(InputError, match="threshold of ReLU 1"):
        to_spiking(nn.Sequential(silent, nn.ReLU()), x)
