import numpy as np
import pytest
import torch

from multiunit.core import InputError
from multiunit.learning.train_reconstruction import train_reconstruction
from multiunit.networks.convolutional_autoencoder import ConvolutionalAutoencoder


def test_images_come_back_and_the_same_seed_gives_the_same_network():
    images = torch.rand(32, 1, 8, 8, generator=torch.Generator().manual_seed(0)).cumsum(3) / 4
    nets = [ConvolutionalAutoencoder([16, 16], n_channels=1, random_state=1) for _ in range(2)]
    state = torch.random.get_rng_state()
    losses = [train_reconstruction(net, images, n_steps=150, learning_rate=5e-3, random_state=2) for net in nets]
    assert torch.equal(state, torch.random.get_rng_state())
    np.testing.assert_array_equal(*losses)
    assert losses[0][-10:].mean() < 0.3 * losses[0][0]
    assert nets[0].training


def test_what_cannot_be_trained_on_is_refused():
    net = ConvolutionalAutoencoder([4], n_channels=1)
    with pytest.raises(InputError, match="finite"):
        train_reconstruction(net, np.full((2, 1, 4, 4), np.nan), n_steps=1)
    with pytest.raises(InputError, match="sides"):
        net(torch.zeros(1, 1, 5, 4))
