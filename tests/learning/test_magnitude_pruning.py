import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from multiunit.core import InputError
from multiunit.learning.magnitude_pruning import magnitude_pruning
from multiunit.learning.powerprop import powerprop


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.Flatten(), nn.ReLU(), nn.Linear(12, 5))


def test_agrees_with_torch_and_leaves_the_network_alone():
    net, reference = network(), network()
    pruned = magnitude_pruning(net, 0.7)
    prune.global_unstructured(
        [(reference[0], "weight"), (reference[3], "weight")], pruning_method=prune.L1Unstructured, amount=0.7
    )
    for layer in (0, 3):
        torch.testing.assert_close(pruned[layer].weight, reference[layer].weight)
        torch.testing.assert_close(pruned[layer].bias, net[layer].bias)
        torch.testing.assert_close(net[layer].weight, network()[layer].weight)
    n_zero = sum(int((pruned[layer].weight == 0).sum()) for layer in (0, 3))
    assert n_zero == round(0.7 * (27 + 60))


def test_none_and_all():
    x = torch.randn(2, 1, 4, 4)
    net = network()
    torch.testing.assert_close(magnitude_pruning(net, 0.0)(x), net(x))
    torch.testing.assert_close(magnitude_pruning(net, 1.0)(x), net[3].bias.expand(2, 5))


def test_equal_weights_are_pruned_to_the_number_asked_for():
    layer = nn.Linear(10, 1)
    nn.init.ones_(layer.weight)
    assert magnitude_pruning(layer, 0.3).weight.sum() == 7


def test_parameterised_weights_are_pruned_as_they_are_used():
    net = powerprop(network(), alpha=3.0)
    for fraction in (0.5, 0.8):  # twice: the first leaves no trace in the network
        pruned = magnitude_pruning(net, fraction)
        torch.testing.assert_close(pruned[3].weight, magnitude_pruning(network(), fraction)[3].weight)
        torch.testing.assert_close(net[3].weight, network()[3].weight)
    pruned.load_state_dict(net.state_dict())
    torch.testing.assert_close(pruned[3].weight, net[3].weight)


def test_refuses_what_does_not_fit():
    with pytest.raises(InputError, match="fraction"):
        magnitude_pruning(network(), 1.5)
    with pytest.raises(InputError, match="no linear"):
        magnitude_pruning(nn.ReLU(), 0.5)
