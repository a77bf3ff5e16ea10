from itertools import pairwise, permutations, product

import numpy as np
import pytest
import torch
from torch import nn

from multiunit.core import InputError
from multiunit.networks.multilayer_perceptron import MultilayerPerceptron
from multiunit.networks.weight_space import (
    DWSLayer,
    DWSNet,
    InvariantDWSNet,
    flat_weights,
    permute_hidden,
    stack_mlps,
    stacked_weights,
    standard,
)

SHAPES = [[3, 5, 2], [1, 4, 4, 1], [2, 3, 4, 5, 2], [1, 1, 3, 1]]


def n_parameters(sizes):
    return sum(out * (into + 1) for into, out in pairwise(sizes))


def networks(sizes, n=6, seed=0):
    return torch.randn(n, n_parameters(sizes), generator=torch.Generator().manual_seed(seed))


def equivariance_error(module, sizes, seed=3):
    """Largest difference between reading networks in another order, and putting what was read in that order."""
    flat = networks(sizes)
    with torch.no_grad():
        moved = module(permute_hidden(flat, sizes=sizes, random_state=seed))
        return float((moved - permute_hidden(module(flat), sizes=sizes, random_state=seed)).abs().max())


def invariance_error(module, sizes, seed=3):
    flat = networks(sizes)
    with torch.no_grad():
        return float((module(permute_hidden(flat, sizes=sizes, random_state=seed)) - module(flat)).abs().max())


@pytest.mark.parametrize("sizes", SHAPES)
@pytest.mark.parametrize("reduction", ["mean", "max"])
def test_nets_are_equivariant_and_invariant(sizes, reduction):
    options = {"width": 7, "n_layers": 3, "reduction": reduction}
    assert equivariance_error(DWSNet(sizes, n_out=2, **options), sizes) < 1e-5
    assert invariance_error(InvariantDWSNet(sizes, n_out=3, **options), sizes) < 1e-5
    # Different networks are told apart, and different parameters of one.
    read = DWSNet(sizes, n_out=2, **options)(networks(sizes))
    assert (read.std(0) > 1e-4).all()
    assert (InvariantDWSNet(sizes, **options)(networks(sizes)).std(0) > 1e-4).all()


class Broken(DWSLayer):
    """Numbers the hidden units, which tells them apart."""

    def forward(self, x):
        return super().forward(x) + 0.1 * torch.arange(x.shape[1])[None, :, None]


@pytest.mark.parametrize("sizes", SHAPES[:3])
def test_the_check_fails_for_what_is_not_equivariant(sizes):
    n = n_parameters(sizes)
    assert equivariance_error(nn.Sequential(nn.Linear(n, n)), sizes) > 1e-2
    assert invariance_error(MultilayerPerceptron([n, 16, 1]), sizes) > 1e-2
    broken = DWSNet(sizes, n_layers=2)
    broken.layers[0] = Broken(sizes, n_in=1, n_out=16)
    assert equivariance_error(broken, sizes) > 1e-3


@pytest.mark.parametrize("sizes", [[2, 3, 1], [1, 2, 3, 2], [1, 2, 2, 2, 1]])
def test_a_layer_has_every_linear_equivariant_map_once(sizes):
    # The dimension of the maps that commute with a group is the mean squared character (Burnside).
    hidden = sizes[1:-1]
    index = torch.arange(n_parameters(sizes))[None].float()
    fixed_points = []
    for orders in product(*[list(permutations(range(size))) for size in hidden]):
        stacked = stacked_weights(index, sizes=sizes)
        weights, biases = list(stacked.weights), list(stacked.biases)
        for m, order in enumerate(orders):
            weights[m], biases[m] = weights[m][:, list(order)], biases[m][:, list(order)]
            weights[m + 1] = weights[m + 1][:, :, list(order)]
        fixed_points.append(int((flat_weights(weights, biases) == index).sum()))
    layer = DWSLayer(sizes, n_in=1, n_out=1).double()
    maps = [p for name, p in layer.named_parameters() if name.endswith("weight")]
    assert sum(p.numel() for p in maps) == np.mean(np.square(fixed_points))

    # And none of them is a mix of the others: each parameter moves the layer's matrix in a direction of its own.
    for p in layer.parameters():
        nn.init.zeros_(p)
    eye, columns = torch.eye(index.shape[1], dtype=torch.float64)[..., None], []
    for p in maps:
        for entry in range(p.numel()):
            with torch.no_grad():
                p.view(-1)[entry] = 1.0
                columns.append(layer(eye).flatten())
                p.view(-1)[entry] = 0.0
    assert torch.linalg.matrix_rank(torch.stack(columns)) == len(columns)


def test_another_order_of_hidden_units_computes_the_same():
    sizes = [3, 6, 5, 2]
    module = MultilayerPerceptron(sizes, activation="tanh")
    flat = stack_mlps([module])
    moved = permute_hidden(flat, sizes=sizes, random_state=1)
    assert (moved != flat).any()
    other = MultilayerPerceptron(sizes, activation="tanh", random_state=9)
    nn.utils.vector_to_parameters(moved[0], other.parameters())
    x = networks([2, 1, 1])[:, :3]
    torch.testing.assert_close(other(x), module(x))


def test_every_network_gets_an_order_of_its_own_and_all_orders_come():
    flat = torch.arange(10.0).repeat(600, 1)
    moved = permute_hidden(flat, sizes=[1, 3, 1])
    orders, count = torch.unique(moved[:, :3], dim=0, return_counts=True)
    assert len(orders) == 6
    assert count.min() > 60
    torch.testing.assert_close(moved[:, 3:6], moved[:, :3] + 3)
    torch.testing.assert_close(moved[:, 6:9], moved[:, :3] + 6)


def test_stacking_is_the_vector_of_torch_and_comes_apart_again():
    modules = [MultilayerPerceptron([2, 4, 3, 1], random_state=seed) for seed in range(3)]
    flat = stack_mlps(modules)
    torch.testing.assert_close(flat[1], nn.utils.parameters_to_vector(modules[1].parameters()).detach())
    stacked = stacked_weights(flat, sizes=[2, 4, 3, 1])
    torch.testing.assert_close(stacked.weights[1][2], modules[2].hidden_2.weight.detach())
    torch.testing.assert_close(stacked.biases[2][0], modules[0].readout.bias.detach())
    torch.testing.assert_close(flat_weights(*stacked), flat)
    channels = torch.randn(3, n_parameters([2, 4, 3, 1]), 5)
    torch.testing.assert_close(flat_weights(*stacked_weights(channels, sizes=[2, 4, 3, 1])), channels)


@pytest.mark.parametrize("sizes", SHAPES[:3])
def test_standard_moments_keep_the_symmetry_and_moments_of_each_position_break_it(sizes):
    flat = 3 * networks(sizes) + 2
    mean, deviation = standard(flat, sizes=sizes)
    z = (flat - mean) / deviation
    parts = stacked_weights(z, sizes=sizes)
    assert float(parts.weights[0].mean((0, 1)).abs().max()) < 1e-5
    assert float(parts.biases[-1].std(0, correction=0).sub(1).abs().max()) < 1e-4
    moved = permute_hidden(flat, sizes=sizes, random_state=5)
    again = permute_hidden(z, sizes=sizes, random_state=5)
    torch.testing.assert_close((moved - mean) / deviation, again)
    own = (moved - flat.mean(0)) / flat.std(0)
    assert (
        float((own - permute_hidden((flat - flat.mean(0)) / flat.std(0), sizes=sizes, random_state=5)).abs().max())
        > 0.1
    )


def test_gradients_reach_every_map_and_the_global_generator_is_left_alone():
    before = torch.get_rng_state()
    net = InvariantDWSNet([2, 3, 4, 2], width=5, random_state=1)
    assert torch.equal(before, torch.get_rng_state())
    net(networks([2, 3, 4, 2])).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    same, other = (InvariantDWSNet([2, 3, 4, 2], width=5, random_state=seed) for seed in (1, 2))
    flat = networks([2, 3, 4, 2])
    assert torch.equal(net(flat), same(flat))
    assert not torch.equal(net(flat), other(flat))


@pytest.mark.parametrize(
    ("argument", "call"),
    [
        ("sizes", lambda: DWSNet([3, 2])),
        ("sizes", lambda: InvariantDWSNet([3, 0, 2])),
        ("flat", lambda: DWSNet([3, 2, 1])(torch.zeros(4, 10))),
        ("reduction", lambda: DWSLayer([3, 2, 1], n_in=1, n_out=1, reduction="sum")),
        ("n_in", lambda: DWSLayer([3, 2, 1], n_in=0, n_out=1)),
        ("n_out", lambda: DWSNet([3, 2, 1], width=0)),
        ("n_out", lambda: InvariantDWSNet([3, 2, 1], n_out=0)),
        ("n_hidden", lambda: InvariantDWSNet([3, 2, 1], n_hidden=0)),
        ("n_layers", lambda: DWSNet([3, 2, 1], n_layers=0)),
        ("modules", lambda: stack_mlps([])),
        ("modules", lambda: stack_mlps([nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3))])),
        ("modules", lambda: stack_mlps([nn.Linear(2, 3, bias=False)])),
        ("modules", lambda: stack_mlps([nn.Linear(2, 3), nn.Linear(2, 4)])),
    ],
)
def test_what_cannot_be_read_is_named(argument, call):
    with pytest.raises(InputError, match=f"^{argument}="):
        call()
