import numpy as np
import pytest
import torch

from multiunit.core.errors import InputError
from multiunit.learning import train_classifier
from multiunit.networks import MultilayerPerceptron
from multiunit.tasks import digits


def test_digits_are_learned():
    frame = digits()
    train, test = frame[frame["split"] == "train"], frame[frame["split"] == "test"]
    net = MultilayerPerceptron([64, 64, 10])
    train_classifier(net, train["stimulus"], labels=train["label"], n_steps=400, learning_rate=3e-3)
    with torch.no_grad():
        named = net(torch.as_tensor(np.stack(test["stimulus"]))).argmax(1).numpy()
    assert np.mean(named == test["label"]) > 0.95


def test_same_seed_same_losses_and_global_generator_untouched():
    x, y = np.random.default_rng(0).normal(size=(20, 3)), np.arange(20) % 2
    state = torch.random.get_rng_state()
    a, b, c = (
        train_classifier(MultilayerPerceptron([3, 4, 2]), x, labels=y, n_steps=5, random_state=s) for s in (0, 0, 1)
    )
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_bad_input_is_named():
    net = MultilayerPerceptron([3, 2])
    with pytest.raises(InputError, match="inputs"):
        train_classifier(net, [[np.nan, 0, 0]], labels=[0], n_steps=1)
    with pytest.raises(InputError, match="labels"):
        train_classifier(net, np.zeros((2, 3)), labels=[0.5, 1.0], n_steps=1)
    with pytest.raises(InputError, match="batch_size=0"):
        train_classifier(net, np.zeros((2, 3)), labels=[0, 1], n_steps=1, batch_size=0)
