"""How far the units of random networks are from Gaussian and independent: moments over an ensemble, with errors."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from multiunit.core.errors import InputError
from multiunit.core.method import method

# Numbers of weights drawn at once.
_AT_ONCE = 2**22


class PreactivationStatistics(NamedTuple):
    """Args:
    kernel: K = E z^2.
    kernel_error: its standard error.
    connected: (E z_i^2 z_j^2 - K^2) / K^2 over units i != j; 0 for independent units.
    connected_error: its standard error.
    excess_kurtosis: E z^4 / K^2 - 3; 0 for a Gaussian.
    excess_kurtosis_error: its standard error.
    """

    kernel: float
    kernel_error: float
    connected: float
    connected_error: float
    excess_kurtosis: float
    excess_kurtosis_error: float


@method(kind="population", source="arXiv:2106.10165", example=lambda rng: ((rng.normal(size=(400, 6)),), {}))
def preactivation_statistics(z: Any) -> PreactivationStatistics:
    """Second and fourth moments of the units of one layer over many random networks and one input.

    With q_a, p_a and r_a the means over units of z_i^2, over pairs i != j of z_i^2 z_j^2, and over units of z_i^4 in
    network a: K = <q>, connected = <p> / K^2 - 1, excess kurtosis = <r> / K^2 - 3. Errors by linearising in the means
    (delta method), over networks; heavy tails make them too small. Units of random weights have mean 0, which is not
    subtracted; a layer of the signal size s_a shared by its units has an excess kurtosis of 3 times `connected`.

    Args:
        z: `(network, unit)`.

    Raises:
        InputError: for other shapes, fewer than two networks or units, or values that are not finite or all 0.

    Source: Roberts, Yaida & Hanin 2022, arXiv:2106.10165, chapter 4 (estimators made here).

    >>> rng = np.random.default_rng(0)
    >>> size = rng.choice([1.0, 3.0], size=(20000, 1)) ** 0.5           # E s = 2, Var s = 1: connected 1/4
    >>> found = preactivation_statistics(size * rng.normal(size=(20000, 8)))
    >>> abs(found.connected - 0.25) < 3 * found.connected_error < 0.05
    True
    """
    squares = np.square(np.asarray(z, dtype=float))
    if squares.ndim != 2 or min(squares.shape) < 2:
        raise InputError("z", squares.shape, "needs (network, unit), at least two of both")
    if not np.isfinite(squares).all() or not squares.any():
        raise InputError("z", "NaN, infinity or 0 throughout", "needs finite values that are not all 0")
    n_units = squares.shape[1]
    power = squares.mean(axis=1)
    fourth = np.square(squares).mean(axis=1)
    pairs = (n_units * power**2 - fourth) / (n_units - 1)
    kernel = float(power.mean())
    return PreactivationStatistics(
        kernel,
        _standard_error(power),
        float(pairs.mean() / kernel**2 - 1),
        _standard_error(pairs / kernel**2 - 2 * pairs.mean() * power / kernel**3),
        float(fourth.mean() / kernel**2 - 3),
        _standard_error(fourth / kernel**2 - 2 * fourth.mean() * power / kernel**3),
    )


def random_preactivations(
    x: np.ndarray,
    *,
    widths: Sequence[int],
    activation: Callable[[torch.Tensor], torch.Tensor],
    weight_variance: float,
    bias_variance: float = 0.0,
    n_networks: int,
    random_state: int | np.random.Generator = 0,
) -> list[np.ndarray]:
    """Draw an ensemble of random multilayer perceptrons and run one input through each.

    z(1) = b + W x, z(l+1) = b + W f(z(l)), W ~ N(0, C_W / fan-in), b ~ N(0, C_b), all drawn anew in every network.

    Args:
        x: `(input,)`.
        widths: units of each layer.
        activation: f, a function of a tensor, unit by unit.
        weight_variance: C_W.
        bias_variance: C_b.
        n_networks: networks to draw.
        random_state: seed or generator.

    Returns:
        One float64 array `(network, unit)` a layer, for `preactivation_statistics`.

    Raises:
        InputError: for an input that is not a finite vector, sizes below 1, or variances below 0.

    >>> z = random_preactivations(np.ones(10), widths=[8, 8], activation=torch.relu, weight_variance=2.0, n_networks=50)
    >>> [layer.shape for layer in z]
    [(50, 8), (50, 8)]
    """
    x = np.asarray(x, dtype=float)
    if x.ndim != 1 or not x.size or not np.isfinite(x).all():
        raise InputError("x", x.shape, "needs a finite vector (input,)")
    if not len(widths) or min(widths) < 1 or n_networks < 1:
        raise InputError("widths" if n_networks > 0 else "n_networks", (list(widths), n_networks), "must be at least 1")
    if not weight_variance >= 0 or not bias_variance >= 0:
        name = "bias_variance" if weight_variance >= 0 else "weight_variance"
        raise InputError(name, min(weight_variance, bias_variance), "must be at least 0")
    fans = [len(x), *widths[:-1]]
    chunk = max(1, _AT_ONCE // max(a * b for a, b in zip(fans, widths, strict=True)))
    generator = torch.Generator().manual_seed(int(np.random.default_rng(random_state).integers(2**63)))
    layers: list[list[torch.Tensor]] = [[] for _ in widths]
    with torch.no_grad():
        for first in range(0, n_networks, chunk):
            n = min(chunk, n_networks - first)
            signal = torch.as_tensor(x, dtype=torch.float32).expand(n, -1)
            for found, fan, width in zip(layers, fans, widths, strict=True):
                weights = torch.randn(n, fan, width, generator=generator)
                z = math.sqrt(weight_variance / fan) * torch.bmm(signal[:, None], weights)[:, 0]
                if bias_variance:
                    z = z + math.sqrt(bias_variance) * torch.randn(n, width, generator=generator)
                found.append(z.double())
                signal = activation(z)
    return [torch.cat(found).numpy() for found in layers]


def _standard_error(values: np.ndarray) -> float:
    return float(values.std(ddof=1) / math.sqrt(len(values)))
