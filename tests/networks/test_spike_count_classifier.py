import numpy as np
import pytest
import torch

from multiunit.core.errors import InputError
from multiunit.learning.train_classifier import train_classifier
from multiunit.networks.spike_count_classifier import SpikeCountClassifier


def test_it_is_the_loop_over_steps():
    net = SpikeCountClassifier(5, 7, 3, tau_membrane=0.02, threshold=0.8, scale=0.6, random_state=2)
    x = (np.random.default_rng(0).random((4, 30, 5)) < 0.3).astype(np.float32)
    w, out = net.weights.weight.detach().numpy(), net.readout
    v, counts = np.zeros((4, 7)), np.zeros((4, 7))
    fired = np.zeros((4, 7))
    spikes = net.spikes(torch.as_tensor(x)).detach().numpy()
    for t in range(30):
        v = np.exp(-1e-3 / 0.02) * v - 0.8 * fired + x[:, t] @ w.T
        fired = (v > 0.8).astype(float)
        assert (spikes[:, t] == fired).all()
        counts += fired
    assert counts.sum() > 50
    expected = counts / np.sqrt(30) @ out.weight.detach().numpy().T + out.bias.detach().numpy()
    np.testing.assert_allclose(net(torch.as_tensor(x)).detach(), expected, atol=1e-5)


def test_parameters_of_units_are_learnt_only_if_asked():
    rng = np.random.default_rng(0)
    x, y = rng.random((60, 40, 6)) < 0.2, rng.integers(2, size=60)
    for learnable in ((), ("tau_membrane", "threshold")):
        net = SpikeCountClassifier(6, 8, 2, learnable=learnable, scale=1.0)
        before = {name: net.layer.parameter(name).detach().clone() for name in ("tau_membrane", "threshold")}
        train_classifier(net, torch.as_tensor(x), labels=y, n_steps=20, learning_rate=0.01)
        for name, old in before.items():
            changed = (net.layer.parameter(name).detach() - old).abs() > 1e-6
            assert changed.any() == (name in learnable)
            assert net.layer.parameter(name).shape == ((8,) if learnable else ())


def test_rates_are_learnt():
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=300)
    x = rng.random((300, 100, 10)) < np.where(y, 0.08, 0.03)[:, None, None]
    net = SpikeCountClassifier(10, 16, 2)
    train_classifier(net, torch.as_tensor(x[:200]), labels=y[:200], n_steps=150, learning_rate=0.01)
    with torch.no_grad():
        named = net(torch.as_tensor(x[200:]).float()).argmax(1).numpy()
    assert (named == y[200:]).mean() > 0.9


def test_bad_input_is_named():
    with pytest.raises(InputError, match="n_hidden"):
        SpikeCountClassifier(4, 0, 2)
    with pytest.raises(InputError, match="learnable"):
        SpikeCountClassifier(4, 3, 2, learnable=("spike_size",))
