from itertools import product

import numpy as np
import pytest
import torch

from multiunit.core import InputError
from multiunit.networks.signed_linear import SignedLinear


def trained_weights(sign):
    layer = SignedLinear(40, 30, sign=sign, negative_share=0.3, random_state=1)
    before = torch.sign(layer.weight.detach())
    x = torch.as_tensor(np.random.default_rng(0).normal(size=(64, 40))).float()
    y = torch.as_tensor(np.random.default_rng(1).normal(size=(64, 30))).float()
    optimiser = torch.optim.SGD(layer.parameters(), lr=1.0)
    first = ((layer(x) - y) ** 2).mean().item()
    for _ in range(100):
        optimiser.zero_grad()
        loss = ((layer(x) - y) ** 2).mean()
        loss.backward()
        optimiser.step()
    assert loss.item() < first
    return before, layer.weight.detach()


def test_learning_never_turns_a_sign():
    for sign in ("nonneg", "dale", "mixed"):
        before, weights = trained_weights(sign)
        assert (weights * before >= 0).all()
    before, weights = trained_weights("free")
    assert (weights * before < 0).any()


def test_signs_are_shared_as_was_said():
    assert (SignedLinear(40, 30).weight > 0).all()
    dale = torch.sign(SignedLinear(400, 30, sign="dale", negative_share=0.3).weight)
    assert (dale == dale[:, :1]).all()
    assert (dale[:, 0] < 0).float().mean().item() == pytest.approx(0.3, abs=0.07)
    mixed = torch.sign(SignedLinear(400, 30, sign="mixed", negative_share=0.3).weight)
    assert (mixed < 0).float().mean().item() == pytest.approx(0.3, abs=0.02)
    assert ((mixed < 0).any(dim=1) & (mixed > 0).any(dim=1)).float().mean() > 0.9


def test_computes_its_equation_and_the_global_generator_is_left_alone():
    torch.manual_seed(0)
    state = torch.random.get_rng_state()
    layer = SignedLinear(3, 2, sign="dale", negative_share=1.0)
    assert torch.equal(torch.random.get_rng_state(), state)
    x = torch.randn(5, 4, 3)
    torch.testing.assert_close(layer(x), layer.bias - x @ layer.strength.abs())
    assert layer.signs.unique().tolist() == [-1.0]
    free = SignedLinear(3, 2, sign="free")
    torch.testing.assert_close(free(x), nn_linear(free, x))


def nn_linear(layer, x):
    return torch.nn.functional.linear(x, layer.strength.T, layer.bias)


def test_non_negative_weights_give_any_function_of_inputs_and_their_complements():
    """Written by hand: one unit for each row where the parity of three bits is 1, and an or of them."""
    x = torch.tensor(list(product((0.0, 1.0), repeat=3)))
    parity = x.sum(dim=1) % 2
    both = torch.cat([x, 1 - x], dim=1)
    first, second = SignedLinear(6, 4), SignedLinear(4, 1)
    with torch.no_grad():
        first.strength.copy_(10 * both[parity == 1].T)
        first.bias.fill_(-25.0)
        second.strength.fill_(1.0)
        second.bias.fill_(3.0)
        found = second(torch.tanh(first(both)))[:, 0] > 0
    assert torch.equal(found, parity == 1)


def test_refuses_what_does_not_fit():
    with pytest.raises(InputError, match="sign"):
        SignedLinear(2, 2, sign="positive")
    with pytest.raises(InputError, match="n_out"):
        SignedLinear(2, 0)
    with pytest.raises(InputError, match="negative_share"):
        SignedLinear(2, 2, sign="mixed", negative_share=1.1)
