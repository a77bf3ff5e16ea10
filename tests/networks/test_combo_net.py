"""Modules and feedback against their promises."""

import numpy as np
import pytest
import torch
from scipy.linalg import expm

from multiunit.core import InputError
from multiunit.dynamics.contraction import contraction_certificate
from multiunit.networks.combo_net import ComboNet, contracting_weights


def net(feedback="skew", **options):
    return ComboNet(2, 3, n_modules=3, module_size=8, density=0.4, dt=0.1, feedback=feedback, **options).double()


def test_modules_have_the_rate_asked_for_and_nothing_between_them():
    built = net(rate=0.4)
    w, metric = built.weights.numpy(), built.metric.numpy()
    for i in range(3):
        at = slice(8 * i, 8 * i + 8)
        assert contraction_certificate(w[at, at], metric=metric[at]).rate == pytest.approx(0.4, abs=1e-5)
        w[at, at] = 0
    assert not w.any()


def test_feedback_is_skew_in_the_metric_and_joins_modules_only():
    built = net()
    m, joined = torch.diag(built.metric), built.coupling()
    torch.testing.assert_close(m @ joined, -(m @ joined).T, atol=1e-6, rtol=0)
    blocks = joined.reshape(3, 8, 3, 8)
    assert all(not blocks[i, :, i].any() for i in range(3))
    assert all(blocks[i, :, j].abs().min() > 0 for i in range(3) for j in range(3) if i != j)
    other = net("symmetric")
    ml = torch.diag(other.metric) @ other.coupling()
    torch.testing.assert_close(ml, ml.T, atol=1e-6, rtol=0)
    assert not net("none").coupling().any()


def test_the_forward_pass_is_the_equation_step_by_step():
    built = net()
    x, u = np.zeros((4, 24)), torch.randn(4, 5, 2, generator=torch.Generator().manual_seed(0)).double()
    w = built.weights.numpy()
    turn = expm(0.1 * (built.coupling().detach().numpy() - np.eye(24)))
    for now in built.inward(u).detach().numpy().transpose(1, 0, 2):
        x = (x + 0.1 * (np.maximum(x, 0) @ w.T + now)) @ turn.T
    torch.testing.assert_close(built(u), built.readout(torch.as_tensor(x)))


@pytest.mark.parametrize("gain", [1.0, 100.0])
def test_a_step_contracts_at_any_strength_as_its_docstring_says(gain):
    built = net(rate=0.5)
    with torch.no_grad():
        built.between *= gain
        root = built.metric.sqrt()
        step = torch.matrix_exp(0.1 * (built.coupling() - torch.eye(24))).T
        a, b = torch.randn(2, 50, 24, generator=torch.Generator().manual_seed(1)).double()
        before = ((a - b) * root).norm(dim=1)
        a, b = ((x + 0.1 * torch.relu(x) @ built.weights.T) @ step for x in (a, b))
        after = ((a - b) * root).norm(dim=1)
    assert (after <= before * np.exp(-0.1) * 1.05 * (1 + 1e-6)).all()


def test_only_feedback_that_learns_gets_a_gradient():
    for feedback, learns in (("skew", True), ("symmetric", True), ("none", False), ("fixed", False)):
        built = net(feedback)
        built(torch.ones(2, 3, 2).double()).sum().backward()
        assert (built.between.grad is not None) == learns
    torch.testing.assert_close(net("fixed").coupling(), net().coupling())


def test_weights_without_a_loop_have_the_rate_too():
    drawn = (contracting_weights(6, density=0.1, rate=0.5, random_state=seed) for seed in range(20))
    w, metric = next((w, m) for w, m in drawn if w.any() and not np.linalg.matrix_power(w, 6).any())
    assert contraction_certificate(w, metric=metric).rate == pytest.approx(0.5)
    none, metric = contracting_weights(2, density=1e-9, rate=0.5)
    assert not none.any()
    assert (metric > 0).all()


def test_errors_name_the_argument():
    with pytest.raises(InputError, match="feedback"):
        net("cubic")
    with pytest.raises(InputError, match="density"):
        ComboNet(1, 2, density=0.0)
    with pytest.raises(InputError, match="module_size"):
        ComboNet(1, 2, module_size=0)
    with pytest.raises(InputError, match="inputs"):
        net()(torch.zeros(2, 3, 5).double())
