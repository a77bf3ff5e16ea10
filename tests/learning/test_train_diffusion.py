import numpy as np
import pytest
import torch

from multiunit.core.errors import InputError
from multiunit.learning.train_diffusion import train_diffusion
from multiunit.networks.tiny_diffusion import TinyDiffusion

IMAGES = np.array([[1.0, 1.0, -1.0, -1.0], [-1.0, -1.0, 1.0, 1.0]])


def small():
    return TinyDiffusion(4, n_words=2, n_context=1, width=16, attention_width=8, context_width=8)


def test_training_lowers_the_loss_and_is_reproducible():
    losses, weights = [], []
    state = torch.get_rng_state()
    for _ in range(2):
        net = small()
        losses.append(train_diffusion(net, IMAGES, prompts=[[0], [1]], n_steps=60, batch_size=16, random_state=4))
        weights.append(net.out.weight.detach().clone())
    assert torch.equal(torch.get_rng_state(), state)
    assert losses[0].tolist() == losses[1].tolist()
    assert torch.equal(*weights)
    assert losses[0][-10:].mean() < 0.7 * losses[0][:10].mean()


def test_errors_name_the_argument():
    net = small()
    for images, prompts, steps, name in (
        (IMAGES * np.nan, [[0], [1]], 1, "images"),
        (IMAGES[0], [[0]], 1, "images"),
        (IMAGES, [[0]], 1, "prompts"),
        (IMAGES, [[0.5], [1.0]], 1, "prompts"),
        (IMAGES, [[0], [1]], 0, "n_steps"),
    ):
        with pytest.raises(InputError, match=name):
            train_diffusion(net, images, prompts=prompts, n_steps=steps)
    with pytest.raises(InputError, match="learning_rate"):
        train_diffusion(net, IMAGES * 1e30, prompts=[[0], [1]], n_steps=3)
