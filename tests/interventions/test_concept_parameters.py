import numpy as np
import pytest
import torch
from torch import nn

from multiunit.core.errors import InputError
from multiunit.interventions.concept_parameters import (
    concept_parameters,
    highest_entries,
    random_entries,
    shutting_gain,
)
from multiunit.interventions.parameter_set import ParameterSet, scaled_parameters


def network(weights):
    net = nn.Linear(len(weights), 1, bias=False)
    net.weight.data.copy_(torch.tensor([weights]))
    return net


def test_planted_harmful_weights_are_found_among_many():
    """The target ignores four inputs; exactly their weights have to go."""
    rng = np.random.default_rng(0)
    weights = rng.normal(size=40).astype(np.float32) + 2.0
    useless = np.zeros(40, dtype=bool)
    useless[[3, 11, 20, 37]] = True
    net = network(weights.tolist())
    wanted = torch.as_tensor(np.where(useless, 0, weights), dtype=torch.float32)

    def loss(generator):
        x = torch.as_tensor(generator.normal(size=(64, 40)), dtype=torch.float32)
        return (net(x)[:, 0] - x @ wanted).square().mean()

    found = concept_parameters(net, loss, top=0.1, n_draws=50)
    assert found.masks["weight"][0].numpy().tolist() == useless.tolist()
    with scaled_parameters(net, found):
        assert loss(np.random.default_rng(1)) < 1e-9
    others = concept_parameters(net, loss, top=0.1, n_draws=50, gradually=False)
    assert others.masks["weight"][0].numpy().tolist() == useless.tolist()


def test_gains_on_the_way_add_up_to_what_shutting_saves():
    net = network([2.0, 1.9])
    x = torch.ones(1, 2)

    def loss(rng):
        return (net(x) - 0.5).square().sum()

    gains = shutting_gain(net, loss, n_draws=100, shut_along=1.0).gain["weight"]
    assert gains.sum().item() == pytest.approx(3.4**2 - 0.5**2, rel=0.02)
    at_once = shutting_gain(net, loss, n_draws=1).gain["weight"]
    assert at_once.sum().item() == pytest.approx(2 * 3.4 * 3.9)


def test_an_entry_whose_gain_is_gone_on_the_way_is_let_go():
    """Shutting both undershoots: at the weights as they are both seem harmful."""
    net = network([2.0, 0.3])
    x = torch.ones(1, 2)

    def loss(rng):
        return (net(x) - 2).square().sum()

    assert concept_parameters(net, loss, top=1.0, n_draws=1).masks["weight"].tolist() == [[True, True]]
    gain = shutting_gain(net, loss, n_draws=200, shut_along=1.0).gain["weight"]
    assert gain.abs().max() < 0.05


def test_gain_predicts_a_small_change():
    net = network([0.7, -1.3, 0.4])
    x = torch.tensor([[1.0, 2.0, -1.0]])

    def loss(rng):
        return (net(x) - 1).square().sum()

    gain = shutting_gain(net, loss, n_draws=1).gain["weight"]
    for entry in range(3):
        one = ParameterSet({"weight": torch.eye(3, dtype=torch.bool)[entry][None]})
        with scaled_parameters(net, one, gain=1 - 1e-3):
            after = loss(None)
        assert (loss(None) - after).item() == pytest.approx(1e-3 * gain[0, entry].item(), rel=0.02, abs=1e-5)


def test_the_module_is_as_before_even_if_the_loss_fails():
    net = network([1.0, 2.0])
    before = net.weight.detach().clone()
    net.weight.requires_grad_(False)
    calls = []

    def loss(rng):
        calls.append(1)
        if len(calls) > 3:
            return torch.tensor(float("nan"))
        return net(torch.ones(1, 2)).square().sum()

    with pytest.raises(InputError, match="loss"):
        concept_parameters(net, loss, top=0.5, n_draws=10)
    assert torch.equal(net.weight, before)
    assert not net.weight.requires_grad
    assert net.weight.grad is None


def test_t_value_tells_steady_from_noisy():
    net = network([1.0, 1.0])

    def loss(rng):
        x = torch.tensor([[1.0, float(rng.normal())]])
        return net(x).sum()

    t = shutting_gain(net, loss, n_draws=100).t_value["weight"][0]
    assert t[0] == 0  # never varies
    assert 0 < abs(t[1]) < 4


def test_highest_entries_take_the_share_and_the_threshold():
    scores = {"a": torch.ones(10), "b": -torch.ones(10)}
    assert len(highest_entries(scores, top=0.25)) == 5
    assert len(highest_entries(scores, top=1.0)) == 10
    for top in (0, 1.5):
        with pytest.raises(InputError, match="top"):
            highest_entries(scores, top=top)
    with pytest.raises(InputError, match="scores"):
        highest_entries({"a": torch.tensor([float("nan")])}, top=1.0)


def test_random_entries_keep_the_count_of_each_parameter():
    chosen = ParameterSet({"a": torch.arange(20).reshape(4, 5) < 7, "b": torch.arange(6) < 2})
    drawn = random_entries(chosen, random_state=1)
    assert [int(mask.sum()) for mask in drawn.masks.values()] == [7, 2]
    assert not torch.equal(drawn.masks["a"], chosen.masks["a"])


def test_errors_name_what_is_wrong():
    net = network([1.0, 2.0])
    with pytest.raises(InputError, match="parameters"):
        shutting_gain(net, lambda rng: net(torch.ones(1, 2)).sum(), parameters="nothing.*")
    with pytest.raises(InputError, match="n_draws"):
        shutting_gain(net, lambda rng: net(torch.ones(1, 2)).sum(), n_draws=0)
    with pytest.raises(InputError, match="loss"):
        shutting_gain(net, lambda rng: torch.tensor(1.0))
