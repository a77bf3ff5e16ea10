import numpy as np
import pytest
import torch

from multiunit.core import InputError
from multiunit.networks.spiking_perceptron import SpikingPerceptron


def test_it_is_the_loop_over_steps_and_layers():
    net = SpikingPerceptron([12, 20, 15, 4], n_steps=5, decay=0.6)
    x = torch.as_tensor(np.random.default_rng(0).normal(size=(7, 12)), dtype=torch.float32)
    w = [layer.weight.detach().numpy() for layer in net.layers.values()]
    v = [np.zeros((7, n)) for n in (20, 15)]
    out, n_spikes = np.zeros((7, 4)), 0
    for _ in range(5):
        now = x.numpy()
        for k in range(2):
            v[k] = v[k] + now @ w[k].T
            now = (v[k] > 1).astype(np.float32)
            v[k] = 0.6 * (v[k] - now)
            n_spikes += now.sum()
        out += now @ w[2].T / 5
    assert n_spikes > 50
    np.testing.assert_allclose(net(x).detach().numpy(), out, atol=1e-5)


def test_weights_come_from_the_seed_and_all_learn():
    nets = [SpikingPerceptron([6, 8, 8, 3], random_state=s) for s in (0, 0, 1)]
    assert torch.equal(nets[0].readout.weight, nets[1].readout.weight)
    assert not torch.equal(nets[0].readout.weight, nets[2].readout.weight)
    nets[0](torch.randn(9, 6, generator=torch.Generator().manual_seed(0))).pow(2).sum().backward()
    assert all(layer.weight.grad.abs().sum() > 0 for layer in nets[0].layers.values())
    assert list(nets[0].layers) == ["linear.0", "linear.1", "readout"]


def test_errors_name_the_argument():
    with pytest.raises(InputError, match="sizes"):
        SpikingPerceptron([4, 2])
    with pytest.raises(InputError, match="n_steps"):
        SpikingPerceptron([4, 3, 2], n_steps=0)
