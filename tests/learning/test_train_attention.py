import numpy as np
import pytest
import torch

from multiunit.core import InputError
from multiunit.learning.train_attention import attention_gradient, train_attention


def problem(seed=0, n=3, n_tokens=4, d=5, e=4):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, n_tokens, d)), rng.normal(size=(n, e)), rng.choice([-1, 1], size=n), rng.normal(size=d)


def loss_of(x, z, y, v, weights):
    x, z, y, v = (torch.as_tensor(part, dtype=torch.float64) for part in (x, z, y, v))
    attention = torch.einsum("ntd,de,ne->nt", x, weights, z).softmax(1)
    return torch.nn.functional.softplus(-y * ((attention[..., None] * x).sum(1) @ v)).mean()


def test_gradient_agrees_with_automatic_differentiation_where_that_is_exact():
    rng = np.random.default_rng(1)
    logits = torch.tensor(rng.normal(size=(3, 4)), requires_grad=True)
    values = rng.normal(size=(3, 4))
    loss = torch.nn.functional.softplus(-(logits.softmax(1) * torch.from_numpy(values)).sum(1)).mean()
    (expected,) = torch.autograd.grad(loss, logits)
    direction, log_scale = attention_gradient(logits.detach().numpy(), values)
    np.testing.assert_allclose(np.exp(log_scale) * direction, expected, rtol=1e-12)


@pytest.mark.parametrize("gap", [50.0, 500.0, 5000.0])
def test_gradient_keeps_its_digits_where_softmax_has_settled(gap):
    # To first order in exp(-gap): the winner gains sum_u e_u (g_0 - g_u), each other loses its own term.
    logits, values = np.array([[gap, 0.0, -1.0]]), np.array([[1.0, 0.25, -2.0]])
    direction, log_scale = attention_gradient(logits, values)
    terms = np.array([0.75, 3 * np.exp(-1)])
    expected = np.array([-terms.sum(), *terms])
    np.testing.assert_allclose(direction[0] / direction[0, 1], expected / 0.75, rtol=1e-12)
    slope = log_scale + np.log(direction[0, 1])
    assert slope == pytest.approx(-gap + np.log(0.75) - np.log1p(np.e), rel=1e-12)


@pytest.mark.parametrize("factored", [False, True])
@pytest.mark.parametrize("normalised", [False, True])
def test_steps_follow_automatic_gradients_of_the_loss(factored, normalised):
    x, z, y, v = problem()
    found = train_attention(
        x, z, labels=y, head=v, factored=factored, normalised=normalised, n_steps=5, learning_rate=0.1, every=1
    )
    rng = np.random.default_rng(0)
    start = [0.01 * rng.normal(size=(5, 4)), 0.01 * rng.normal(size=(4, 4))] if factored else [np.zeros((5, 4))]
    parts = [torch.tensor(part, requires_grad=True) for part in start]
    for step in range(5):
        product = parts[0] @ parts[1].T if factored else parts[0]
        slopes = torch.autograd.grad(loss_of(x, z, y, v, product), parts)
        length = torch.sqrt(sum((slope**2).sum() for slope in slopes)) if normalised else 1.0
        parts = [(p - 0.1 * s / length).detach().requires_grad_() for p, s in zip(parts, slopes, strict=True)]
        product = parts[0] @ parts[1].T if factored else parts[0]
        np.testing.assert_allclose(found.path[step], product.detach(), rtol=1e-9, atol=1e-14)
    np.testing.assert_array_equal(found.weights, found.path[-1])
    logits = torch.einsum("ntd,de,ne->nt", *(torch.as_tensor(part) for part in (x, product.detach(), z)))
    np.testing.assert_allclose(found.attention, logits.softmax(1), rtol=1e-9)


def test_training_goes_on_where_exponentials_are_zero():
    found = train_attention(
        [[[1.0, 0.0], [0.0, 1.0]]], [[100.0]], labels=[1], head=[1.0, 0.0], n_steps=400, learning_rate=0.1, every=200
    )
    assert found.path[0, 0, 0] * 100 > 750
    np.testing.assert_allclose(found.path[1], 2 * found.path[0])


def test_refuses_what_does_not_fit():
    x, z, y, v = problem()
    with pytest.raises(InputError, match="tokens"):
        train_attention(x, z, labels=y, head=v[:3])
    with pytest.raises(InputError, match="labels"):
        train_attention(x, z, labels=y * 2, head=v)
    with pytest.raises(InputError, match="n_steps"):
        train_attention(x, z, labels=y, head=v, n_steps=0)
    with pytest.raises(InputError, match="say the same"):
        train_attention(np.ones((1, 2, 3)), np.ones((1, 3)), labels=[1], head=np.ones(3))
    with pytest.raises(InputError, match="gradient is 0"):
        train_attention(x, z * 0, labels=y, head=v)
    with pytest.raises(InputError, match="logits"):
        attention_gradient(np.ones((2, 3)), np.ones((2, 4)))
