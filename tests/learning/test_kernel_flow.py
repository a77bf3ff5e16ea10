import numpy as np
import pytest
import torch
from scipy import integrate

from multiunit.core import InputError
from multiunit.learning.kernel_flow import kernel_flow, kernel_step


@pytest.mark.parametrize("kernel", [0.01, 1.0, 30.0])
@pytest.mark.parametrize("slope", [1.0, 0.0, 0.3, -1.0])
def test_means_of_piecewise_linear_activations_are_exact(kernel, slope):
    step = kernel_step(torch.nn.LeakyReLU(slope), kernel)
    a2, a4 = (1 + slope**2) / 2, (1 + slope**4) / 2
    assert step == pytest.approx((a2 * kernel, 3 * a4 * kernel**2, a2, a2), rel=1e-9)


@pytest.mark.parametrize("kernel", [0.01, 1.0, 30.0])
def test_means_of_smooth_activations_have_their_closed_forms(kernel):
    sine = kernel_step(torch.sin, kernel)
    decay = np.exp(-2 * kernel)
    assert (sine.power, sine.slope, sine.derivative) == pytest.approx(
        ((1 - decay) / 2, decay, (1 + decay) / 2), rel=1e-6, abs=1e-9
    )
    assert kernel_step(torch.erf, kernel).power == pytest.approx(2 / np.pi * np.arcsin(2 * kernel / (1 + 2 * kernel)))


def test_means_of_tanh_agree_with_adaptive_quadrature():
    def mean(f, kernel):
        return integrate.quad(lambda u: f(np.sqrt(kernel) * u) * np.exp(-(u**2) / 2), -12, 12)[0] / np.sqrt(2 * np.pi)

    step = kernel_step(torch.tanh, 1.7)
    assert step.power == pytest.approx(mean(lambda z: np.tanh(z) ** 2, 1.7))
    assert step.fourth == pytest.approx(mean(lambda z: np.tanh(z) ** 4, 1.7))
    assert step.derivative == pytest.approx(mean(lambda z: np.cosh(z) ** -4.0, 1.7))
    higher, lower = (mean(lambda z: np.tanh(z) ** 2, 1.7 + h) for h in (1e-4, -1e-4))
    assert step.slope == pytest.approx((higher - lower) / 2e-4, rel=1e-5)


@pytest.mark.parametrize("slope", [1.0, 0.0, 0.3])
def test_the_vertex_of_scale_invariant_activations_grows_by_a_constant_a_layer(slope):
    a2, a4 = (1 + slope**2) / 2, (1 + slope**4) / 2
    flow = kernel_flow(torch.nn.LeakyReLU(slope), 2.5, weight_variance=1 / a2, depth=30)
    np.testing.assert_allclose(flow["kernel"], 2.5)
    np.testing.assert_allclose(flow[["chi_parallel", "chi_perpendicular"]], 1.0)
    np.testing.assert_allclose(flow["vertex"], (3 * a4 / a2**2 - 1) * (flow["layer"] - 1), atol=1e-9)


@pytest.mark.parametrize(("activation", "rate"), [(torch.tanh, 2.0), (torch.sin, 1.0)])
def test_late_layers_of_the_zero_class(activation, rate):
    # K(l+1) = K - rate K^2 makes K = 1 / (rate l), and V / K^2 = 2/3 l whatever the rate.
    last = kernel_flow(activation, 1.0, weight_variance=1.0, depth=1500).iloc[-1]
    assert last["kernel"] * rate * 1500 == pytest.approx(1.0, abs=0.01)
    assert last["vertex"] / 1499 == pytest.approx(2 / 3, abs=0.005)


def test_away_from_criticality_the_kernel_fades_or_explodes_by_a_factor_a_layer():
    for variance in (1.5, 2.5):
        flow = kernel_flow(torch.relu, 1.0, weight_variance=variance, depth=10)
        np.testing.assert_allclose(flow["kernel"], (variance / 2) ** np.arange(10.0))
        np.testing.assert_allclose(flow["chi_parallel"], variance / 2)
        np.testing.assert_allclose(flow["vertex"], 5 * (flow["layer"] - 1), atol=1e-9)


def test_refuses_what_does_not_fit():
    with pytest.raises(InputError, match="kernel"):
        kernel_flow(torch.relu, 0.0, weight_variance=1.0, depth=3)
    with pytest.raises(InputError, match="weight_variance"):
        kernel_flow(torch.relu, 1.0, weight_variance=-1.0, depth=3)
    with pytest.raises(InputError, match="bias_variance"):
        kernel_flow(torch.relu, 1.0, weight_variance=1.0, bias_variance=-1.0, depth=3)
    with pytest.raises(InputError, match="depth"):
        kernel_flow(torch.relu, 1.0, weight_variance=1.0, depth=0)
    with pytest.raises(InputError, match="in layer 2"):
        kernel_flow(torch.relu, 1.0, weight_variance=0.0, depth=3)
    with pytest.raises(InputError, match="activation"):
        kernel_step(torch.exp, 1e6)
