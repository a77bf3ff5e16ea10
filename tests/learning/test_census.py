import numpy as np
import pytest
import torch
from torch import nn

from multiunit.core import InputError
from multiunit.learning.census import census
from multiunit.networks.multilayer_perceptron import MultilayerPerceptron
from multiunit.tasks.boolean_functions import boolean_functions


def build(rng):
    return MultilayerPerceptron([2, 8, 1], activation="tanh", random_state=rng)


def test_each_network_ends_where_it_would_alone():
    x, y, _ = boolean_functions(2)
    found = census(build, x, targets=y[:5], n_steps=20, learning_rate=0.1, random_state=3)
    rng = np.random.default_rng(3)
    for labels, logits in zip(y[:5], found.logits, strict=True):
        net = build(rng)
        optimiser = torch.optim.Adam(net.parameters(), lr=0.1)
        for _ in range(20):
            optimiser.zero_grad()
            loss = nn.functional.binary_cross_entropy_with_logits(net(torch.tensor(x))[:, 0], torch.tensor(labels))
            loss.backward()
            optimiser.step()
        np.testing.assert_allclose(logits, net(torch.tensor(x))[:, 0].detach().numpy(), atol=1e-4)


def test_a_line_solves_what_a_line_can():
    x, y, _ = boolean_functions(2)
    found = census(lambda rng: MultilayerPerceptron([2, 1], random_state=rng), x, targets=y, n_steps=400)
    assert np.flatnonzero(~found.solved).tolist() == [6, 9]  # exclusive or, and its complement
    assert (found.accuracy[[6, 9]] <= 0.75).all()


def test_refuses_what_does_not_fit():
    with pytest.raises(InputError, match="targets"):
        census(build, np.zeros((4, 2)), targets=np.full((3, 4), 0.5), n_steps=1)
    with pytest.raises(InputError, match="targets"):
        census(build, np.zeros((4, 2)), targets=np.zeros((3, 5)), n_steps=1)
    with pytest.raises(InputError, match="build"):
        census(lambda rng: MultilayerPerceptron([2, 2]), np.zeros((4, 2)), targets=np.zeros((3, 4)), n_steps=1)
    with pytest.raises(InputError, match="n_steps"):
        census(build, np.zeros((4, 2)), targets=np.zeros((3, 4)), n_steps=0)
