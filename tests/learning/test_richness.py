import copy

import numpy as np
import pytest
import torch
from torch import nn

from multiunit.core import InputError
from multiunit.learning.richness import richness, tangent_kernel


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2)).double()


def test_tangent_kernel_agrees_with_finite_differences():
    net, x = network(), torch.randn(4, 3).double()
    found = tangent_kernel(lambda m: m(x), net)
    start = nn.utils.parameters_to_vector(net.parameters()).detach()
    columns = []
    for i in range(len(start)):
        step = torch.zeros_like(start)
        step[i] = 1e-5
        sides = []
        for sign in (1, -1):
            moved = copy.deepcopy(net)
            nn.utils.vector_to_parameters(start + sign * step, moved.parameters())
            sides.append(moved(x).detach().flatten())
        columns.append((sides[0] - sides[1]) / 2e-5)
    jacobian = torch.stack(columns, dim=1).numpy()
    np.testing.assert_allclose(found, jacobian @ jacobian.T, rtol=1e-7)


def test_weights_that_do_not_learn_do_not_count():
    net, x = network(), torch.randn(4, 3).double()
    net[0].requires_grad_(False)
    hidden = torch.cat([net[:2](x), torch.ones(4, 1)], dim=1).detach().numpy()
    np.testing.assert_allclose(tangent_kernel(lambda m: m(x)[:, 0], net), hidden @ hidden.T)


def test_nothing_moved_is_lazy_and_a_new_network_is_not():
    net, x = network(), torch.randn(30, 3).double()
    before = copy.deepcopy(net.state_dict())

    def measure():
        return richness(net, before=before, output=lambda m: m(x), hidden=lambda m: m[:2](x))

    assert measure() == pytest.approx((1, 1, 0))
    with torch.no_grad():
        net[2].bias += 3.0
    found = measure()
    size = np.sqrt(sum(float((w**2).sum()) for w in before.values()))
    # A bias of the readout moves neither kernel.
    assert found == pytest.approx((1, 1, 3 * np.sqrt(2) / size))
    with torch.no_grad():
        net[0].weight.copy_(torch.randn(5, 3) * 3)
    found = measure()
    one = network()
    one.load_state_dict(before)
    h = [m[:2](x).detach().numpy() for m in (one, net)]
    k = [a @ a.T for a in h]
    expected = np.trace(k[0] @ k[1]) / np.sqrt(np.trace(k[0] @ k[0]) * np.trace(k[1] @ k[1]))
    assert found.representation_alignment == pytest.approx(expected)
    assert found.kernel_alignment < 0.99


def test_refuses_what_does_not_fit():
    net = network()
    with pytest.raises(InputError, match="output"):
        tangent_kernel(lambda m: torch.ones(3), net)
    x = torch.ones(2, 3).double()
    with pytest.raises(InputError, match="hidden"):
        richness(net, before=net.state_dict(), output=lambda m: m(x), hidden=lambda m: torch.zeros(2, 4))
