import pytest
import torch

from multiunit.core.errors import InputError
from multiunit.networks import MultilayerPerceptron


def test_output_is_the_equation():
    net = MultilayerPerceptron([4, 5, 6, 3], activation="tanh", random_state=3)
    x = torch.arange(8.0).reshape(2, 1, 2, 2)
    hidden = torch.tanh(x.flatten(1) @ net.hidden_1.weight.T + net.hidden_1.bias)
    hidden = torch.tanh(hidden @ net.hidden_2.weight.T + net.hidden_2.bias)
    torch.testing.assert_close(net(x), hidden @ net.readout.weight.T + net.readout.bias)


def test_seed_and_global_generator():
    state = torch.random.get_rng_state()
    a, b, c = (MultilayerPerceptron([2, 3], random_state=s).readout.weight for s in (0, 0, 1))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_bad_input_is_named():
    with pytest.raises(InputError, match=r"sizes=\[4\]"):
        MultilayerPerceptron([4])
    with pytest.raises(InputError, match="activation='step'"):
        MultilayerPerceptron([4, 2], activation="step")
