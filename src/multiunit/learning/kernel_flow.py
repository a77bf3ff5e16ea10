"""How the size of a signal, its response to change and its fluctuations run through the layers of a random network."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from multiunit.core.errors import InputError

Activation = Callable[[torch.Tensor], torch.Tensor]


class KernelStep(NamedTuple):
    """Args:
    power: E f(z)^2, over z normal of variance K.
    fourth: E f(z)^4.
    slope: d E f(z)^2 / dK.
    derivative: E f'(z)^2.
    """

    power: float
    fourth: float
    slope: float
    derivative: float


def kernel_step(activation: Activation, kernel: float) -> KernelStep:
    """Gaussian means of an activation, by Gauss-Legendre quadrature on each side of a kink at 0.

    d E f^2 / dK = E f(z)^2 (z^2 - K) / (2 K^2), which asks for no derivative of f; f' comes from autograd.

    Args:
        activation: a function of a tensor, unit by unit, such as `torch.tanh` or `torch.nn.GELU()`; smooth but for a
            kink at 0, for kinks elsewhere cost digits.
        kernel: K > 0, the variance of z.

    Raises:
        InputError: for a kernel that is not positive and finite, or an activation with no finite values there.

    >>> [round(mean, 6) for mean in kernel_step(torch.relu, 2.0)]    # K/2, 3 K^2/2, 1/2, 1/2
    [1.0, 6.0, 0.5, 0.5]
    """
    if not (math.isfinite(kernel) and kernel > 0):
        raise InputError("kernel", kernel, "must be positive and finite")
    u, weight = _quadrature()
    with torch.enable_grad():
        z = (u * math.sqrt(kernel)).requires_grad_()
        f = activation(z)
        df = torch.autograd.grad(f.sum(), z, allow_unused=True)[0] if f.requires_grad else None
    f = f.detach()
    df = torch.zeros_like(f) if df is None else df
    means = KernelStep(
        power=float(weight @ f**2),
        fourth=float(weight @ f**4),
        slope=float(weight @ (f**2 * (u**2 - 1))) / (2 * kernel),
        derivative=float(weight @ df**2),
    )
    if not all(map(math.isfinite, means)):
        raise InputError("activation", activation, f"has values that are not finite where z has variance {kernel:.3g}")
    return means


def kernel_flow(
    activation: Activation, kernel: float, *, weight_variance: float, bias_variance: float = 0.0, depth: int
) -> pd.DataFrame:
    """Run the kernel and the normalised four-point vertex of a wide random network through its layers.

    z(l+1) = b + W f(z(l)), b ~ N(0, C_b), W ~ N(0, C_W / n):

        K(l+1) = C_b + C_W E f(z)^2,  chi_parallel = C_W d E f^2 / dK,  chi_perpendicular = C_W E f'(z)^2
        V(l+1) = C_W^2 (E f^4 - (E f^2)^2) + chi_parallel^2 V(l),  V(1) = 0

    To first order in 1/n, for units i != j of one layer: E z_i^2 z_j^2 - E z_i^2 E z_j^2 = V / n. What grows is the
    ratio of depth to width: where both chi are 1, V / K^2 = nu (l - 1) with nu = 2 (linear), 5 (rectified) or 2/3
    (tanh, late layers). For f(c z) = c f(z), C_b = 0 and C_W E f^2 = K the exact answer at width n is
    (1 + nu / n)^(l - 1) - 1.

    Args:
        activation: f, a function of a tensor, unit by unit.
        kernel: K(1), the variance of the first layer: C_b + C_W |x|^2 / d for an input x of d numbers.
        weight_variance: C_W.
        bias_variance: C_b.
        depth: layers.

    Returns:
        One row a layer: `layer` from 1, `kernel`, `chi_parallel`, `chi_perpendicular` (what a small change along, or
        across, the signal is multiplied by on the way to the next layer) and `vertex` = V / K^2.

    Raises:
        InputError: for variances below 0, no layers, or a kernel that vanishes or explodes on the way.

    Source: Roberts, Yaida & Hanin 2022, arXiv:2106.10165, chapters 4 and 5 (derived anew; the book was not read).

    >>> flow = kernel_flow(torch.relu, 1.0, weight_variance=2.0, depth=4)
    >>> flow["kernel"].round(6).tolist(), flow["vertex"].round(6).tolist()
    ([1.0, 1.0, 1.0, 1.0], [0.0, 5.0, 10.0, 15.0])
    """
    if not weight_variance >= 0 or not bias_variance >= 0:
        name = "bias_variance" if weight_variance >= 0 else "weight_variance"
        raise InputError(name, min(weight_variance, bias_variance), "must be at least 0")
    if depth < 1:
        raise InputError("depth", depth, "must be at least 1")
    rows = []
    vertex = 0.0
    for layer in range(1, depth + 1):
        if layer > 1 and not (math.isfinite(kernel) and kernel > 0):
            mend = f"the kernel is {kernel:.3g} in layer {layer}; take fewer layers, or variances nearer to criticality"
            raise InputError("depth", depth, mend)
        step = kernel_step(activation, kernel)
        parallel = weight_variance * step.slope
        rows.append((layer, kernel, parallel, weight_variance * step.derivative, vertex / kernel**2))
        vertex = weight_variance**2 * (step.fourth - step.power**2) + parallel**2 * vertex
        kernel = bias_variance + weight_variance * step.power
    return pd.DataFrame(rows, columns=["layer", "kernel", "chi_parallel", "chi_perpendicular", "vertex"])


@cache
def _quadrature() -> tuple[torch.Tensor, torch.Tensor]:
    # 10 standard deviations each way; the two halves meet at 0, where activations have their kinks.
    x, w = np.polynomial.legendre.leggauss(160)
    u, w = 5 * (x + 1), 5 * w * np.exp(-12.5 * (x + 1) ** 2) / np.sqrt(2 * np.pi)
    return torch.as_tensor(np.concatenate([-u, u])), torch.as_tensor(np.concatenate([w, w]))
