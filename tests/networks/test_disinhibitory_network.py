import numpy as np
import pytest
import torch
from scipy.optimize import brentq
from torch.nn.functional import softplus

from multiunit.core.errors import InputError
from multiunit.networks.disinhibitory_network import DisinhibitoryNetwork

SIZES = (5, 6, 4, 3)


@pytest.fixture
def net():
    return DisinhibitoryNetwork(SIZES, random_state=1).double()


@pytest.fixture
def x():
    return torch.randn(7, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_cells_rest_at_the_root_of_their_equation(net, x):
    x = 20 * x  # far from the linear range on both sides
    rest = net.open_loop(x)
    drive = net.hidden[0](x).detach().numpy()

    def off(u, i):
        return u + np.logaddexp(0, np.logaddexp(0, u)) - i

    for u, i in zip(rest.excitatory[0].detach().numpy().ravel(), drive.ravel(), strict=True):
        assert u == pytest.approx(brentq(off, -500, 500, args=(i,), xtol=1e-12), abs=1e-8)


def test_gradients_pass_the_resting_state(net, x):
    assert torch.autograd.gradcheck(lambda w: torch.func.functional_call(net, {"hidden.0.weight": w}, x),
                                    net.hidden[0].weight)  # fmt: skip


def test_feedback_weights_are_the_slope_that_inhibition_has(net, x):
    """A little inhibition off a layer, all other inhibition held, moves the readout as the feedback weights say."""
    rest = net.open_loop(x)
    feedback = net.feedback_weights(rest)

    def readout(inhibition, layer):
        rate = x
        for k, part in enumerate(net.hidden):
            total = inhibition if k == layer else rest.inhibitory[k]
            rate = softplus(part(rate) - softplus(total))
        return net.readout(rate)

    for layer in range(2):
        slopes = []
        for b in range(len(x)):
            slope = torch.autograd.functional.jacobian(lambda u, b=b, k=layer: readout(u, k)[b], rest.inhibitory[layer])
            slopes.append(-slope[:, b])
        expected = torch.stack(slopes)
        expected = expected / expected.flatten(1).norm(dim=1)[:, None, None]
        assert torch.allclose(feedback[layer], expected, atol=1e-8)


def test_the_loop_stays_at_rest_without_feedback_and_settles_with_it(net, x):
    rest = net.open_loop(x)
    targets = torch.eye(3, dtype=torch.float64)[torch.arange(7) % 3]
    none = [torch.zeros_like(q) for q in net.feedback_weights(rest)]
    still = net.closed_loop(x, rest, targets=targets, feedback=none)
    assert all(torch.allclose(a, b, atol=1e-9) for a, b in zip(still.excitatory, rest.excitatory, strict=True))

    feedback = net.feedback_weights(rest)
    held = net.closed_loop(x, rest, targets=targets, feedback=feedback, duration=3.0)
    fine = net.closed_loop(x, rest, targets=targets, feedback=feedback, duration=3.0, dt=0.001)
    # Where it settles does not depend on the step, and obeys the equations of rest.
    error = targets - held.readout.softmax(1)
    control = (0.2 + 0.4) * error
    rate = x
    for k, part in enumerate(net.hidden):
        u, v = held.excitatory[k], held.inhibitory[k]
        assert torch.allclose(u, fine.excitatory[k], atol=1e-6)
        assert torch.allclose(u + softplus(v), part(rate), atol=1e-6)
        assert torch.allclose(v, softplus(u) - torch.einsum("bc,bcu->bu", control, feedback[k]), atol=1e-6)
        rate = softplus(u)
    assert torch.allclose(held.readout, net.readout(rate) + control, atol=1e-6)
    assert (held.readout.softmax(1)[targets > 0] > rest.readout.softmax(1)[targets > 0]).all()


def test_what_is_refused(net, x):
    with pytest.raises(InputError, match="sizes"):
        DisinhibitoryNetwork([4, 3])
    rest = net.open_loop(x)
    with pytest.raises(InputError, match="feedback"):
        net.closed_loop(x, rest, targets=torch.zeros(7, 3), feedback=[])
    with pytest.raises(InputError, match="dt"):
        net.closed_loop(x, rest, targets=torch.zeros(7, 3), feedback=net.feedback_weights(rest), dt=0.01)
