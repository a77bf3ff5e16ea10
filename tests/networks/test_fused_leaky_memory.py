"""The compiled loop of leaky memories against plain steps of torch and finite differences."""

import pytest
import torch

from multiunit.networks.fused_leaky_memory import leaky_memories, stepped_memories

NAMES = ("back", "onward", "bias", "keep", "scale")


def draw(n_steps=9, n_hidden=6, n_memory=4, n_batch=5):
    torch.manual_seed(0)
    shapes = [(n_steps, n_hidden, n_batch), (n_hidden, n_memory), (n_memory, n_hidden), *[(n_memory,)] * 3]
    drawn = [torch.randn(shape, dtype=torch.float64) for shape in shapes]
    drawn[4] = torch.sigmoid(drawn[4])
    return [value.requires_grad_() for value in drawn]


def fused(given, *weights):
    return leaky_memories(given, **dict(zip(NAMES, weights, strict=True)))


def test_states_and_gradients_are_those_of_plain_steps():
    drawn = draw()
    own, plain = fused(*drawn), stepped_memories(*drawn)
    torch.testing.assert_close(own, plain, rtol=1e-12, atol=1e-12)
    weights = torch.randn_like(own)
    for a, b in zip(
        torch.autograd.grad((own * weights).sum(), drawn),
        torch.autograd.grad((plain * weights).sum(), drawn),
        strict=True,
    ):
        assert b.abs().max() > 1e-2
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)


def test_gradients_are_those_of_finite_differences():
    assert torch.autograd.gradcheck(fused, draw(n_steps=3, n_hidden=3, n_memory=2, n_batch=2))


def test_weights_changed_before_the_gradient_are_refused():
    drawn = draw()
    states = fused(*drawn)
    with torch.no_grad():
        drawn[2].mul_(2.0)
    with pytest.raises(RuntimeError, match="inplace"):
        states.sum().backward()
