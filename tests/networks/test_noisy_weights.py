import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils.parametrize import register_parametrization

from multiunit.core.errors import InputError
from multiunit.learning.train_classifier import train_classifier
from multiunit.networks.multilayer_perceptron import MultilayerPerceptron
from multiunit.networks.noisy_weights import NoisyWeights
from multiunit.tasks.digits import digits


def test_noise_is_relative_to_each_weight_and_gone_in_evaluation():
    torch.manual_seed(0)
    layer = nn.Linear(50, 40)
    plain = layer.weight.detach().clone()
    register_parametrization(layer, "weight", NoisyWeights(0.2))
    relative = torch.stack([layer.weight.detach() for _ in range(100)]) / plain - 1
    assert abs(float(relative.std()) - 0.2) < 0.005
    assert abs(float(relative.mean())) < 0.005
    assert torch.equal(layer.eval().weight, plain)
    layer.train()(torch.ones(1, 50)).sum().backward()
    assert layer.parametrizations.weight.original.grad.abs().min() > 0
    with pytest.raises(InputError, match="noise=-1"):
        NoisyWeights(-1.0)


def test_a_network_trained_with_much_noise_stands_more_of_it():
    frame = digits()
    x, y = torch.from_numpy(np.stack(list(frame["stimulus"]))), frame["label"].to_numpy()
    train = frame["split"].to_numpy() == "train"
    right = {}
    for noise in (0.0, 0.8):
        network = MultilayerPerceptron([64, 64, 10])
        linear = [part for part in network if isinstance(part, nn.Linear)]
        for layer in linear:
            register_parametrization(layer, "weight", NoisyWeights(noise))
        train_classifier(network, x[train], labels=y[train], n_steps=1000, learning_rate=2e-3)
        for layer in linear:
            layer.parametrizations.weight[0].noise = 0.8
        torch.manual_seed(0)
        with torch.no_grad():
            right[noise] = np.mean([network(x[~train]).argmax(1).numpy() == y[~train] for _ in range(20)])
    assert right[0.8] > right[0.0] + 0.03
