"""Critical initialisation: variances of weights and biases at which signals neither fade nor explode with depth."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from scipy.optimize import brentq

from multiunit.core.errors import InputError
from multiunit.learning.kernel_flow import Activation, kernel_step

# Small enough for the first term of a series, large enough for double precision.
_TINY = 1e-12


class Criticality(NamedTuple):
    """Args:
    weight_variance: C_W; weights are drawn with variance C_W / fan-in.
    bias_variance: C_b.
    fixed_point: K*, the kernel that stays as it is; None if every kernel does.
    universality_class: `"scale-invariant"`: every kernel stays; `"zero"`: kernels fall to 0, slowly (tanh: 1 / (2 l));
        `"half-stable"`: K* > 0 draws kernels near it from one side alone (Mish: from below; GELU: from above).
    """

    weight_variance: float
    bias_variance: float
    fixed_point: float | None
    universality_class: str


def criticality(activation: Activation) -> Criticality:
    """Find the variances at which both susceptibilities of a deep random network are 1 at a fixed point.

    K* = C_b + C_W g(K*), C_W g'(K*) = 1, C_W E f'(z)^2 = 1, with g(K) = E f(z)^2 over z ~ N(0, K). Tried in this order:

    - f(c z) = c f(z) for c > 0: C_b = 0, C_W = 1 / g(1), any K;
    - f(0) = 0 and a fixed point at 0 that is stable: C_b = 0, C_W = lim K / g(K);
    - K* > 0 where g'(K*) = E f'^2: C_W = 1 / g'(K*), C_b = K* - C_W g(K*), if that is not below 0.

    Args:
        activation: a function of a tensor, unit by unit, such as `torch.tanh` or `torch.nn.GELU()`; smooth but for a
            kink at 0.

    Raises:
        InputError: for an activation without such variances, such as the sigmoid.

    Source: Roberts, Yaida & Hanin 2022, arXiv:2106.10165, chapter 5 (derived anew; the book was not read).

    >>> criticality(torch.relu)
    Criticality(weight_variance=2.0, bias_variance=0.0, fixed_point=None, universality_class='scale-invariant')
    >>> found = criticality(torch.nn.GELU())
    >>> found.universality_class, round(found.weight_variance, 6), round(found.bias_variance, 6)
    ('half-stable', 1.983058, 0.172922)
    """
    z = torch.linspace(-3, 3, 41, dtype=torch.float64)
    with torch.no_grad():
        f, doubled, at_zero = activation(z), activation(2 * z), float(activation(torch.zeros(1, dtype=z.dtype)))
    if not torch.isfinite(f).all() or not f.any():
        raise InputError("activation", activation, "must have finite values that are not all 0")
    if torch.allclose(doubled, 2 * f, rtol=1e-9, atol=1e-12):
        return Criticality(round(1 / kernel_step(activation, 1.0).power, 12), 0.0, None, "scale-invariant")
    if abs(at_zero) < 1e-12:
        near = kernel_step(activation, _TINY)
        weight = _TINY / near.power if near.power > 0 else 0.0
        growth = [weight * kernel_step(activation, k).power / k for k in (0.01, 0.1, 1.0)]
        if abs(weight * near.derivative - 1) < 1e-3 and max(growth) < 1 + 1e-9 and growth[-1] < 1:
            return Criticality(weight, 0.0, 0.0, "zero")
    grid = np.geomspace(1e-3, 1e4, 141)
    gaps = [_gap(activation, k) for k in grid]
    for low, high, a, b in zip(grid, grid[1:], gaps, gaps[1:], strict=False):
        if a * b < 0:
            kernel = brentq(lambda k: _gap(activation, k), low, high, xtol=1e-12)
            step = kernel_step(activation, kernel)
            weight = 1 / step.slope
            bias = kernel - weight * step.power
            if weight > 0 and bias >= 0:
                return Criticality(weight, bias, kernel, "half-stable")
    raise InputError("activation", activation, "has no critical initialisation; take one such as ReLU, GELU or tanh")


def _gap(activation: Activation, kernel: float) -> float:
    step = kernel_step(activation, kernel)
    return step.slope - step.derivative
