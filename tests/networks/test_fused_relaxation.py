"""The compiled loop of conductances against plain steps of torch and closed forms."""

import numpy as np
import pytest
import torch

from multiunit.core import InputError
from multiunit.dynamics.liquid_time_constant import conductance_unit, open_fraction
from multiunit.networks.fused_relaxation import relaxing_states, stepped_states


def draw(rows, n=5, n_steps=7, n_batch=6):
    torch.manual_seed(rows)
    shapes = [(n_steps, n, n_batch)] * 2 + [(rows, n)] * 2 + [(n, n)] * 2
    given = [torch.randn(shape, dtype=torch.float64) for shape in shapes]
    for k in (0, 4):  # conductances are not negative
        given[k] = given[k].abs()
    return [value.requires_grad_() for value in given]


def fused(given, **options):
    names = ("slope", "offset", "to_conductance", "to_drive")
    return relaxing_states(*given[:2], **dict(zip(names, given[2:], strict=True)), **options)


@pytest.mark.parametrize("rows", [1, 5])
def test_states_and_gradients_are_those_of_plain_steps(rows):
    given = draw(rows)
    own, plain = fused(given, n_substeps=3, dt=0.9), stepped_states(*given, h=0.3, n_substeps=3)
    torch.testing.assert_close(own, plain, rtol=1e-12, atol=1e-12)
    weights = torch.randn_like(own)
    for a, b in zip(
        torch.autograd.grad((own * weights).sum(), given),
        torch.autograd.grad((plain * weights).sum(), given),
        strict=True,
    ):
        assert b.abs().max() > 1e-3
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)


def test_gradients_are_those_of_finite_differences():
    assert torch.autograd.gradcheck(
        lambda *given: fused(given, n_substeps=2, dt=1.0), draw(3, n=3, n_steps=3, n_batch=2)
    )


def test_a_step_is_that_of_the_element():
    given = [value.detach().numpy() for value in draw(4, n=4, n_steps=5, n_batch=1)]
    conductance, drive, slope, offset, to_conductance, to_drive = given
    x = np.zeros(4)
    for c, d in zip(conductance[..., 0], drive[..., 0], strict=True):
        f = open_fraction(x, a=slope, b=offset)
        x = conductance_unit(x, c + (to_conductance * f).sum(1), d + (to_drive * f).sum(1), g_leak=0.0, dt=0.5)
    found = fused([torch.as_tensor(value) for value in given], n_substeps=1, dt=0.5)
    np.testing.assert_allclose(found[-1, :, 0], x, rtol=1e-12)


def test_weights_changed_before_the_gradient_are_refused():
    given = draw(1)
    states = fused(given, n_substeps=1, dt=1.0)
    with torch.no_grad():
        given[5].mul_(2.0)
    with pytest.raises(RuntimeError, match="inplace"):
        states.sum().backward()


def test_errors_name_the_argument():
    given = draw(1)
    with pytest.raises(InputError, match="n_substeps=0"):
        fused(given, n_substeps=0, dt=1.0)
    with pytest.raises(InputError, match="conductance"):
        fused([given[0][:, :2], *given[1:]], n_substeps=1, dt=1.0)
    with pytest.raises(InputError, match="slope"):
        fused([*given[:2], given[2][:, :2], *given[3:]], n_substeps=1, dt=1.0)
