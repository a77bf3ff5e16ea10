import copy
import itertools

import numpy as np
import pytest
import torch
from torch import nn

from multiunit.core import InputError
from multiunit.networks import MultilayerPerceptron
from multiunit.similarity.functional_dimension import functional_dimension, n_scalings, parameter_jacobian


def normal(n_in):
    return lambda n, rng: rng.normal(size=(n, n_in))


def linear_chain(sizes, rng):
    chain = nn.Sequential(*(nn.Linear(a, b) for a, b in itertools.pairwise(sizes)))
    for p in chain.parameters():
        p.data = torch.as_tensor(rng.normal(size=p.shape))
    return chain


def test_the_jacobian_is_that_of_finite_differences():
    net = MultilayerPerceptron([3, 4, 2], activation="tanh", random_state=1).double()
    x = np.random.default_rng(0).normal(size=(5, 3))
    found = parameter_jacobian(net, x).numpy()
    step, columns = 1e-6, []
    flat = nn.utils.parameters_to_vector(net.parameters()).detach()
    for i in range(len(flat)):
        values = []
        for sign in (1, -1):
            moved = copy.deepcopy(net)
            vector = flat.clone()
            vector[i] += sign * step
            nn.utils.vector_to_parameters(vector, moved.parameters())
            values.append(moved(torch.as_tensor(x)).detach().numpy().ravel())
        columns.append((values[0] - values[1]) / (2 * step))
    assert np.abs(found - np.stack(columns, axis=1)).max() < 1e-8


@pytest.mark.parametrize("depth", [1, 2, 4])
@pytest.mark.parametrize("n_out", [1, 2])
def test_a_linear_network_has_the_coefficients_of_a_linear_map(depth, n_out):
    net = linear_chain([3, *[4] * depth, n_out], np.random.default_rng(depth))
    assert functional_dimension(net, normal(3)).rank == n_out * (3 + 1)


def test_a_tanh_network_uses_all_its_parameters_and_a_rectified_one_all_but_its_scalings():
    for activation, lost in (("tanh", 0), ("relu", 6)):
        net = MultilayerPerceptron([3, 6, 1], activation=activation, random_state=2)
        found = functional_dimension(net, normal(3))
        n_parameters = sum(p.numel() for p in net.parameters())
        assert found.rank == found.upper_bound == n_parameters - lost
        values = found.singular_values
        assert len(values) == n_parameters
        assert found.rank == n_parameters or values[found.rank] < 1e-13 * values[0]


def test_a_dead_unit_and_a_twin_cost_what_they_must():
    net = MultilayerPerceptron([3, 6, 1], random_state=2)
    dead, twin = copy.deepcopy(net), copy.deepcopy(net)
    with torch.no_grad():
        dead.hidden_1.bias[0] = -1e3
        twin.hidden_1.weight[1] = 2 * twin.hidden_1.weight[0]
        twin.hidden_1.bias[1] = 2 * twin.hidden_1.bias[0]
    # All 5 numbers of a dead unit change nothing, one of them by scaling; twins share their 3 + 1 of one kink.
    assert functional_dimension(dead, normal(3)).deficit == 4
    assert functional_dimension(twin, normal(3)).deficit == 4


def test_streaming_and_the_size_of_the_batches_do_not_matter():
    net = MultilayerPerceptron([3, 5, 5, 2], random_state=0)
    with torch.no_grad():
        net.hidden_1.bias[0] = -1e3  # short of the bound, so that all inputs are drawn
    x = np.random.default_rng(3).normal(size=(700, 3))
    whole = np.linalg.svd(parameter_jacobian(net, x).numpy(), compute_uv=False)
    for size in (37, 700):
        left = list(x)

        def sample(n, rng, left=left):
            return [left.pop() for _ in range(n)]

        found = functional_dimension(net, sample, n_inputs=700, batch_size=size, patience=9)
        assert not left
        assert found.n_inputs[-1] == 700
        assert np.abs(found.singular_values - whole).max() < 1e-10 * whole[0]
        assert found.rank == (whole > 1e-10 * whole[0]).sum()


def test_inputs_grow_until_a_rare_region_was_seen():
    # The second unit is on for about one input in 740 only.
    net = nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 1))
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[1.0], [1.0]]))
        net[0].bias.copy_(torch.tensor([0.0, -3.0]))
    few = functional_dimension(net, normal(1), n_inputs=40, random_state=1)
    many = functional_dimension(net, normal(1), n_inputs=20_000, patience=20, random_state=1)
    assert few.rank == 3
    assert many.rank == many.upper_bound == 5
    assert (np.diff(many.ranks) >= 0).all()


def test_only_rectified_units_between_linear_layers_scale():
    assert n_scalings(MultilayerPerceptron([3, 5, 4, 2])) == 9
    assert n_scalings(MultilayerPerceptron([3, 5, 4, 2], activation="tanh")) == 0
    assert n_scalings(nn.Sequential(nn.Linear(2, 3), nn.ReLU())) == 0


def test_nothing_is_changed_and_errors_name_the_argument():
    net = MultilayerPerceptron([3, 4, 1])
    before = copy.deepcopy(net.state_dict())
    functional_dimension(net, normal(3))
    assert all(torch.equal(before[k], v) and v.dtype == torch.float32 for k, v in net.state_dict().items())
    with pytest.raises(InputError, match="model="):
        functional_dimension(nn.ReLU(), normal(3))
    with pytest.raises(InputError, match="n_inputs="):
        functional_dimension(net, normal(3), n_inputs=0)
    with pytest.raises(InputError, match="not finite"):
        functional_dimension(net, lambda n, rng: np.full((n, 3), np.nan))
