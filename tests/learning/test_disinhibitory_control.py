import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy, one_hot, softplus

from multiunit.core.errors import InputError
from multiunit.learning.disinhibitory_control import (
    exact_inverse,
    linear_inverse,
    local_gradients,
    no_inhibition,
    plasticity_curve,
    train_disinhibitory,
)
from multiunit.networks.disinhibitory_network import DisinhibitoryNetwork


def test_inverses():
    u = torch.linspace(-15, 60, 76, dtype=torch.float64)
    near = torch.tensor(0.8, dtype=torch.float64)
    assert torch.allclose(exact_inverse(softplus(u, threshold=200), near), u, atol=1e-6)
    rate = torch.tensor(0.8, dtype=torch.float64, requires_grad=True)
    exact = exact_inverse(rate, near)
    (slope,) = torch.autograd.grad(exact, rate)
    assert linear_inverse(rate + 0.3, near).item() == pytest.approx(exact.item() + 0.3 * slope.item())


def test_the_sign_of_plasticity_turns_where_inhibition_says():
    rates = np.linspace(0.05, 3, 60)
    for inhibition in (0.9, 1.5):
        for inverse in (exact_inverse, linear_inverse):
            threshold = float(inverse(torch.tensor(inhibition), torch.tensor(0.8)))
            assert threshold > 0.1
            found = plasticity_curve(rates, inhibition=inhibition, inverse=inverse)
            assert ((found > 0) == (rates > threshold)).all()
    # More inhibition, a higher threshold; none, Hebb: more postsynaptic activity, more growth.
    assert (plasticity_curve(rates, inhibition=1.5) < plasticity_curve(rates, inhibition=0.9)).all()
    alone = plasticity_curve(rates, inhibition=0.0)
    assert (alone > 0).all()
    assert (np.diff(alone) > 0).all()


def test_updates_follow_feedback_and_align_with_back_propagation():
    rng = np.random.default_rng(0)
    net = DisinhibitoryNetwork([8, 10, 10, 4], random_state=0)
    x, y = torch.tensor(rng.normal(size=(200, 8))).float(), torch.as_tensor(rng.integers(4, size=200))
    targets = one_hot(y, 4).float()
    true = torch.autograd.grad(cross_entropy(net(x), y), list(net.parameters()))
    local_gradients(net, x, targets=targets)
    found = [p.grad for p in net.parameters()]
    for a, b in zip(found, true, strict=True):
        assert (a * b).sum() / (a.norm() * b.norm()) > 0.5
    # At rest the error of a cell is -c Q phi'(u): computed here from the controller.
    rest = net.open_loop(x)
    feedback = net.feedback_weights(rest)
    held = net.closed_loop(x, rest, targets=targets, feedback=feedback)
    control = held.readout - net.readout(softplus(held.excitatory[1]))
    error = -torch.einsum("bc,bcu->bu", control, feedback[0]) * held.excitatory[0].sigmoid()
    assert torch.allclose(found[0], error.T @ x / 200, atol=1e-4)
    # Plain Hebb only ever grows synapses of positive inputs.
    local_gradients(net, x.abs(), targets=targets, inverse=no_inhibition)
    assert all((layer.weight.grad < 0).all() for layer in net.hidden)


def test_it_learns_what_a_linear_readout_cannot():
    rng = np.random.default_rng(0)
    x = rng.choice([-1.0, 1.0], size=(400, 2))
    labels = (x[:, 0] * x[:, 1] > 0).astype(int)
    net = DisinhibitoryNetwork([2, 12, 2], random_state=0)
    losses = train_disinhibitory(net, x, labels=labels, n_steps=150, batch_size=50, learning_rate=0.03)
    assert losses[-1] < 0.2 < 0.6 < losses[0]
    assert (net(torch.as_tensor(x).float()).argmax(1).numpy() == labels).all()


def test_what_is_refused():
    net = DisinhibitoryNetwork([2, 3, 2])
    with pytest.raises(InputError, match="labels"):
        train_disinhibitory(net, np.zeros((2, 2)), labels=[0, 2], n_steps=1)
    with pytest.raises(InputError, match="n_steps"):
        train_disinhibitory(net, np.zeros((2, 2)), labels=[0, 1], n_steps=0)
    with pytest.raises(InputError, match="finite"):
        train_disinhibitory(net, np.full((2, 2), np.nan), labels=[0, 1], n_steps=1)
    with pytest.raises(InputError, match="post_rates"):
        plasticity_curve(np.array([0.0]), inhibition=1.0)
    with pytest.raises(InputError, match="inhibition"):
        plasticity_curve(np.array([1.0]), inhibition=-1.0)
