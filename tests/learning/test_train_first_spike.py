import numpy as np
import pytest
import torch

from multiunit.core.errors import InputError
from multiunit.learning.train_first_spike import first_spikes, train_first_spike
from multiunit.networks.first_spike_layer import FirstSpikeLayer


def test_exclusive_or_in_time():
    """Two inputs, each early or late, and one that always spikes first: the class is whether they differ."""
    rng = np.random.default_rng(0)
    bits = rng.integers(2, size=(400, 2))
    z = np.exp(np.concatenate([np.zeros((400, 1)), 1.5 * bits + 0.05 * rng.random((400, 2))], axis=1))
    labels = bits.sum(axis=1) % 2
    layers = [FirstSpikeLayer(3, 20, random_state=0), FirstSpikeLayer(20, 2, random_state=1)]
    losses = train_first_spike(layers, z, labels=labels, n_steps=400, learning_rate=0.01)
    assert losses[-20:].mean() < 0.3 < losses[:20].mean()
    answers = first_spikes(layers, torch.tensor(z).float())[-1].argmin(1).numpy()
    assert (answers == labels).mean() > 0.97


def test_silent_units_are_brought_back():
    layers = [FirstSpikeLayer(4, 5, first_sum=-2.0, random_state=0), FirstSpikeLayer(5, 2, random_state=1)]
    z = np.ones((10, 4))
    assert torch.isinf(first_spikes(layers, torch.tensor(z).float())[0]).any()
    train_first_spike(layers, z, labels=np.arange(10) % 2, n_steps=300, learning_rate=0.02)
    assert torch.isfinite(first_spikes(layers, torch.tensor(z).float())[0]).all()


def test_what_is_refused():
    layers = [FirstSpikeLayer(2, 2)]
    with pytest.raises(InputError, match="labels"):
        train_first_spike(layers, np.ones((2, 2)), labels=[0], n_steps=1)
    with pytest.raises(InputError, match="classes"):
        train_first_spike(layers, np.ones((2, 2)), labels=[0, 2], n_steps=1)
    with pytest.raises(InputError, match="n_steps"):
        train_first_spike(layers, np.ones((2, 2)), labels=[0, 1], n_steps=0)
