import numpy as np
import pytest
import torch
from torch import nn

from multiunit.core import InputError
from multiunit.learning.criticality import criticality
from multiunit.learning.kernel_flow import kernel_flow


@pytest.mark.parametrize("slope", [1.0, 0.0, 0.3, -0.5])
def test_scale_invariant_activations(slope):
    found = criticality(nn.LeakyReLU(slope))
    assert found.weight_variance == pytest.approx(2 / (1 + slope**2))
    assert (found.bias_variance, found.fixed_point, found.universality_class) == (0.0, None, "scale-invariant")


@pytest.mark.parametrize(
    ("activation", "variance"),
    [(torch.tanh, 1.0), (torch.sin, 1.0), (torch.erf, np.pi / 4), (lambda z: torch.tanh(3 * z), 1 / 9)],
)
def test_the_kernel_of_the_zero_class_falls_to_zero(activation, variance):
    found = criticality(activation)
    assert found.weight_variance == pytest.approx(variance, rel=1e-6)
    assert (found.bias_variance, found.fixed_point, found.universality_class) == (0.0, 0.0, "zero")
    kernels = kernel_flow(activation, 0.1, weight_variance=found.weight_variance, depth=200)["kernel"]
    assert (np.diff(kernels) < 0).all()
    assert kernels.iloc[-1] < 0.02


@pytest.mark.parametrize(
    ("activation", "weight", "bias", "kernel", "side"),
    # The values in use for GELU and SiLU (swish), to all their digits.
    [(nn.GELU(), 1.98305826, 0.17292239, None, -1), (nn.SiLU(), 1.98800468, 0.55514317, 14.32017362, 1)],
)
def test_half_stable_activations(activation, weight, bias, kernel, side):
    found = criticality(activation)
    assert found.universality_class == "half-stable"
    assert (found.weight_variance, found.bias_variance) == pytest.approx((weight, bias), abs=1e-8)
    assert kernel is None or found.fixed_point == pytest.approx(kernel, abs=1e-7)

    def flow(start, depth):
        variances = {"weight_variance": found.weight_variance, "bias_variance": found.bias_variance}
        return kernel_flow(activation, start, depth=depth, **variances)

    there = flow(found.fixed_point, depth=3)
    np.testing.assert_allclose(there["kernel"], found.fixed_point, rtol=1e-9)
    np.testing.assert_allclose(there[["chi_parallel", "chi_perpendicular"]], 1.0, atol=1e-9)
    # From one side towards the fixed point, from the other away from it.
    below, above = (np.sign(flow(share * found.fixed_point, depth=2)["kernel"].diff()[1]) for share in (0.995, 1.005))
    assert below == above == side


@pytest.mark.parametrize(
    "activation", [torch.sigmoid, nn.Softplus(), torch.sign, torch.cos, torch.zeros_like, torch.square]
)
def test_activations_without_a_critical_point_are_refused(activation):
    with pytest.raises(InputError, match="activation"):
        criticality(activation)
