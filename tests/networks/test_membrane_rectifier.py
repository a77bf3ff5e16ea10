import numpy as np
import torch

from multiunit.networks.fused_leaky import LeakyLayer
from multiunit.networks.membrane_rectifier import MembraneRectifier, rectified_membrane

U = np.concatenate([np.linspace(-8, 8, 401) + 1e-4, [0.0, 0.5, 1.0]])


def by_hand(u):
    if u < 0:
        return 1 - np.cbrt(1 - u)
    if u > 1:
        return np.cbrt(u)
    return 0.5 * np.tanh(3 * (u - 0.5)) / np.tanh(1.5) + 0.5


def test_it_is_the_published_formula_and_rises():
    found = rectified_membrane(torch.tensor(U)).numpy()
    assert np.allclose(found, [by_hand(u) for u in U], rtol=1e-12)
    assert (np.diff(found[:401]) > 0).all()
    assert np.array_equal(found > 0.5, U > 0.5)


def test_gradient_is_that_of_differences():
    u = torch.tensor(U[:401], requires_grad=True)
    rectified_membrane(u).sum().backward()
    h = 1e-6
    slope = [(by_hand(x + h) - by_hand(x - h)) / (2 * h) for x in U[:401]]
    assert np.allclose(u.grad, slope, rtol=1e-5)


def test_spikes_stay_and_gradients_change():
    current = torch.rand(10, 4, 3, generator=torch.manual_seed(0)).requires_grad_()
    plain, rectified = (
        LeakyLayer(3, reset="soft", threshold=0.5, membrane=membrane) for membrane in (None, MembraneRectifier())
    )
    gradients = []
    for layer in (plain, rectified):
        current.grad = None
        layer(current).spikes.sum().backward()
        gradients.append(current.grad)
    assert torch.equal(plain(current).spikes, rectified(current).spikes)
    assert not torch.allclose(*gradients)
