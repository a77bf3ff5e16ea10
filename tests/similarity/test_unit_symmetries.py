import numpy as np
import pytest
import torch
from torch import nn

from multiunit.core import InputError
from multiunit.networks import MultilayerPerceptron
from multiunit.similarity.functional_dimension import functional_dimension, parameter_jacobian
from multiunit.similarity.unit_symmetries import unit_symmetries

X = np.random.default_rng(0).normal(size=(3000, 3))


def planted():
    """Units of the first layer: 0 plain, 1 dead, 2 always on, 3 and 4 twins, 5 to 8 plain."""
    net = MultilayerPerceptron([3, 9, 2], random_state=5)
    with torch.no_grad():
        net.hidden_1.bias.zero_()
        net.hidden_1.bias[1] = -1e3
        net.hidden_1.bias[2] = 1e3
        net.hidden_1.weight[4] = 3 * net.hidden_1.weight[3]
    return net


def test_planted_units_are_recognised_and_no_others():
    found = unit_symmetries(planted(), X)
    expected = ["none", "dead", "always_on", "shared_kink", "shared_kink", "none", "none", "none", "none"]
    assert found["mechanism"].values.tolist() == expected
    assert found["unit_id"].values[3] == "hidden_1/3"
    assert found["active_fraction"].values[1:3].tolist() == [0.0, 1.0]
    deficit = found["local_deficit"].values
    # Dead: 4 incoming and 2 outgoing numbers less scaling. Always on: its bias against those of the readout.
    assert deficit[1] == 5
    assert deficit[2] == 1
    assert deficit[3:5].tolist() == [2, 2]  # of twins, only the sum of their weights to each of two outputs counts
    assert (deficit[[0, 5, 6, 7, 8]] == 0).all()


def test_opposite_units_bend_together_too():
    net = MultilayerPerceptron([3, 4, 1], random_state=5)
    with torch.no_grad():
        net.hidden_1.weight[1] = -net.hidden_1.weight[0]
        net.hidden_1.bias[1] = -net.hidden_1.bias[0]
    found = unit_symmetries(net, X)
    assert found["mechanism"].values.tolist() == ["shared_kink", "shared_kink", "none", "none"]
    # Both sums shifted together give a constant, which the bias of the readout takes back.
    assert found["local_deficit"].values.tolist() == [1, 1, 0, 0]


def test_a_kink_that_later_units_hide_and_a_layer_that_collapses_are_found():
    # relu(x) and relu(0.3 - x) are heard only where they pass 1; each unit of the second layer sees one of them alone.
    net = nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[1.0], [-1.0]]))
        net[0].bias.copy_(torch.tensor([0.0, 0.3]))
        net[2].weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]))
        net[2].bias.copy_(torch.tensor([-1.0, -1.0, -2.0]))
        net[4].weight.copy_(torch.tensor([[1.0, 2.0, 0.0]]))  # the last one's output has no weight
    x = np.random.default_rng(1).uniform(-3, 3, size=(2000, 1))
    found = unit_symmetries(net, x)
    assert found["mechanism"].values.tolist() == [*["hidden_kink"] * 2, *["collapsed_input"] * 2, "unheard"]
    # A line on each side and a constant are all there is, and a kink of the unit that has no weight yet.
    assert found.attrs["rank"] == 6
    assert found.attrs["upper_bound"] == 17 - 5
    assert (found["local_deficit"].values > 0).all()


@pytest.mark.parametrize("seed", range(3))
def test_the_deficit_is_the_rank_that_is_not_lost_without_the_unit(seed):
    net = MultilayerPerceptron([3, 4, 3, 2], random_state=seed)
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        for layer in (net.hidden_1, net.hidden_2, net.readout):
            layer.bias.copy_(torch.as_tensor(rng.normal(size=layer.bias.shape)))
    found = unit_symmetries(net, X)
    jacobian = parameter_jacobian(net, X).numpy()
    names = [(n, *i) for n, p in net.named_parameters() for i in np.ndindex(*p.shape)]
    theta = torch.cat([p.detach().flatten() for p in net.parameters()]).double().numpy()

    def span(directions):
        u, s, _ = np.linalg.svd(directions, full_matrices=False)
        return u[:, s > 1e-8]

    def rank(matrix):
        values = np.linalg.svd(matrix, compute_uv=False)
        return int((values > 1e-10 * values[0]).sum())

    def incoming(layer, unit):
        return np.array([n[0] in (f"{layer}.weight", f"{layer}.bias") and n[1] == unit for n in names])

    units = [("hidden_1", u) for u in range(4)] + [("hidden_2", u) for u in range(3)]
    lengths = np.stack([np.where(incoming(*unit), theta, 0) for unit in units], axis=1)
    lengths /= np.linalg.norm(lengths, axis=0)
    held = jacobian - jacobian @ lengths @ lengths.T
    assert found.attrs["rank"] == rank(jacobian) == rank(held)
    assert found.attrs["upper_bound"] == len(names) - 7
    after = {"hidden_1": "hidden_2.weight", "hidden_2": "readout.weight"}
    for place, (layer, unit) in enumerate(units):
        own = incoming(layer, unit) | np.array([n[0] == after[layer] and n[2] == unit for n in names])
        directions = np.eye(len(names))[:, own]
        directions = span(directions - lengths @ lengths.T @ directions)
        lost = rank(held) - rank(held - held @ directions @ directions.T)
        assert found["local_deficit"].values[place] == directions.shape[1] - lost


def test_without_hidden_symmetries_no_unit_has_a_deficit_and_with_them_some_have():
    seen = set()
    for sizes, seed in [([3, 6, 1], 0), ([3, 6, 2], 1), ([3, 4, 4, 1], 0), ([3, 4, 4, 1], 1)]:
        net = MultilayerPerceptron(sizes, random_state=seed)
        found = unit_symmetries(net, X)
        dimension = functional_dimension(net, lambda n, rng: X[:n], n_inputs=len(X), batch_size=len(X), patience=9)
        assert found.attrs["upper_bound"] == dimension.upper_bound
        has = found.attrs["rank"] < found.attrs["upper_bound"]
        assert has == bool(found["local_deficit"].values.any())
        seen.add(has)
    assert seen == {True, False}


def test_errors_name_the_argument():
    with pytest.raises(InputError, match="model="):
        unit_symmetries(MultilayerPerceptron([3, 4, 1], activation="tanh"), X)
    with pytest.raises(InputError, match="bias"):
        unit_symmetries(nn.Sequential(nn.Linear(3, 4, bias=False), nn.ReLU(), nn.Linear(4, 1)), X)
    with pytest.raises(InputError, match="inputs="):
        unit_symmetries(MultilayerPerceptron([4, 4, 1]), X)
