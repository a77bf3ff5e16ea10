import numpy as np
import pytest
import torch

from multiunit.core import InputError
from multiunit.learning.train_in_order import train_in_order
from multiunit.networks.multilayer_perceptron import MultilayerPerceptron
from multiunit.tasks.feature_complexity import FeatureComplexity

TASK = FeatureComplexity(("linear", "linear"), 6)


def sample(n, rng):
    return TASK.sample(n, random_state=rng)


def accuracy(net):
    x, y = TASK.sample(1000, random_state=9)
    with torch.no_grad():
        return ((net(torch.from_numpy(x)) > 0).numpy() == (y > 0.5)).mean(axis=0)


def test_only_the_outputs_of_a_stage_are_learned():
    net = MultilayerPerceptron([6, 32, 2], random_state=1)
    readout = net.readout.weight[1].clone()
    steps = train_in_order(net, sample, order=[[0]], until=0.01, random_state=0)
    assert steps[0] < 1000
    assert accuracy(net)[0] == 1
    assert accuracy(net)[1] < 0.9
    assert torch.equal(net.readout.weight[1], readout)
    train_in_order(net, sample, order=[[1], [0, 1]], until=0.01, random_state=0)
    assert (accuracy(net) == 1).all()


def test_the_same_seed_gives_the_same_weights_and_a_stage_ends():
    nets = [MultilayerPerceptron([6, 8, 2], random_state=1) for _ in range(2)]
    state = torch.random.get_rng_state()
    steps = [train_in_order(net, sample, order=[[0], [1]], most_steps=12, random_state=3) for net in nets]
    assert torch.equal(torch.random.get_rng_state(), state)
    assert [s.tolist() for s in steps] == [[12, 12]] * 2
    assert torch.equal(nets[0].hidden_1.weight, nets[1].hidden_1.weight)
    assert train_in_order(nets[0], sample, order=[[0]], until=np.inf).tolist() == [10]


def test_refuses_what_does_not_fit():
    net = MultilayerPerceptron([6, 8, 2])
    for order in ([[2]], [[]], [[-1]]):
        with pytest.raises(InputError, match="order"):
            train_in_order(net, sample, order=order)
    with pytest.raises(InputError, match="batch_size"):
        train_in_order(net, sample, order=[[0]], batch_size=0)
