import copy

import pytest
import torch
from torch import nn

from multiunit.core import InputError
from multiunit.learning.powerprop import PowerpropSGD, powerprop


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1)).double()


def descend(net, optimiser, n_steps):
    torch.manual_seed(1)
    x = torch.randn(50, 3).double()
    y = x.prod(1, keepdim=True)
    for _ in range(n_steps):
        loss = ((net(x) - y) ** 2).mean()
        net.zero_grad()
        loss.backward()
        optimiser.step()


def test_the_function_stays_the_same_and_biases_are_left_alone():
    net = network()
    x = torch.randn(5, 3).double()
    before, bias = net(x).detach(), net[0].bias
    powerprop(net, alpha=3.0)
    torch.testing.assert_close(net(x), before)
    assert net[0].bias is bias
    torch.testing.assert_close(net[0].weight, net[0].parametrizations.weight.original ** 3)


@pytest.mark.parametrize("alpha", [1.0, 1.5, 2.0, 3.0])
def test_both_forms_take_the_same_path_and_the_closer_the_smaller_the_steps(alpha):
    gaps, moved = [], 0.0
    for n_steps in (20, 200):
        one = powerprop(network(), alpha=alpha)
        descend(one, torch.optim.SGD(one.parameters(), lr=2.0 / n_steps), n_steps)
        other = network()
        weights = [layer.weight for layer in (other[0], other[2])]
        biases = [layer.bias for layer in (other[0], other[2])]
        groups = [{"params": weights}, {"params": biases, "alpha": 1.0}]
        descend(other, PowerpropSGD(groups, lr=2.0 / n_steps, alpha=alpha), n_steps)
        moved = float((other[0].weight - network()[0].weight).detach().abs().max())
        gaps.append(float((one[0].weight - other[0].weight).detach().abs().max()))
    assert moved > 0.05
    if alpha == 1:
        assert gaps[1] < 1e-12
    else:
        assert gaps[1] < 0.02 * moved
        assert gaps[1] < 0.2 * gaps[0]


def test_one_step_is_the_gradient_times_its_factor():
    torch.manual_seed(2)
    net = network()
    plain = copy.deepcopy(net)
    descend(net, PowerpropSGD(net.parameters(), lr=0.1, alpha=4.0), 1)
    descend(plain, torch.optim.SGD(plain.parameters(), lr=1.0), 1)
    start = network()
    for w, p, s in zip(net.parameters(), plain.parameters(), start.parameters(), strict=True):
        torch.testing.assert_close(w - s, 0.1 * 16 * s.abs() ** 1.5 * (p - s))


def test_small_weights_stay_small_and_gradients_at_zero_are_finite():
    layer = powerprop(nn.Linear(2, 1, bias=False), alpha=1.5)
    theta = layer.parametrizations.weight.original
    theta.data.copy_(torch.tensor([[0.0, 1.0]]))
    layer(torch.ones(1, 2)).sum().backward()
    assert theta.grad.tolist() == [[0.0, 1.5]]


def test_refuses_what_does_not_fit():
    with pytest.raises(InputError, match="alpha"):
        powerprop(network(), alpha=0.5)
    with pytest.raises(InputError, match="no linear"):
        powerprop(nn.ReLU())
    with pytest.raises(InputError, match="already"):
        powerprop(powerprop(network()))
    with pytest.raises(InputError, match="lr"):
        PowerpropSGD(network().parameters(), lr=0.1, alpha=0.5)
    w = nn.Parameter(torch.ones(1))

    def closure():
        w.grad = torch.ones(1)
        return 3.0

    assert PowerpropSGD([w], lr=0.1).step(closure) == 3.0
