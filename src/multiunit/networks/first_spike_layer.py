"""Units that spike at most once, and say what they say by when: the time of the first spike is known in closed form."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numba import njit
from torch import nn
from torch.autograd.function import once_differentiable

from multiunit.core.errors import InputError


class FirstSpikeLayer(nn.Module):
    """Integrators without leak, driven by currents that decay, each of which spikes once.

    A spike of input i at t_i brings the current w_i exp(-(t - t_i) / tau); the unit spikes when its potential reaches
    1. With z = exp(t / tau),

        z_out = sum_{i in C} w_i z_i / (sum_{i in C} w_i - 1),

    C the inputs that come before z_out. The gradient is that of the formula with C held: dz_out / dw_i = (z_i - z_out)
    / (sum w - 1), dz_out / dz_i = w_i / (sum w - 1). A unit that never reaches 1 gets z = inf, and no gradient.

    Args:
        n_in, n_out: units.
        first_sum: of the weights into a unit at first, on average; above 1, so that units spike.
        random_state: draws the weights, normal with deviation 1 / sqrt(n_in).

    Attributes:
        weight: `(input, unit)`.

    Raises:
        InputError: for sizes below 1.

    Source: Mostafa, arXiv:1606.08165. Reconstructed: the equations were not read again there.

    >>> layer = FirstSpikeLayer(2, 1)
    >>> _ = layer.weight.data.copy_(torch.tensor([[1.5], [1.0]]))
    >>> layer(torch.tensor([[1.0, 2.0], [1.0, 4.0]])).flatten().tolist()    # (1.5 + 2) / 1.5; 1.5 / 0.5 comes before 4
    [2.3333332538604736, 3.0]
    """

    def __init__(
        self, n_in: int, n_out: int, *, first_sum: float = 4.0, random_state: int | np.random.Generator = 0
    ) -> None:
        super().__init__()
        if min(n_in, n_out) < 1:
            raise InputError("n_out", (n_in, n_out), "n_in and n_out must be at least 1")
        rng = np.random.default_rng(random_state)
        drawn = rng.normal(first_sum / n_in, n_in**-0.5, size=(n_in, n_out))
        self.weight = nn.Parameter(torch.as_tensor(drawn, dtype=torch.get_default_dtype()))

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """exp(t / tau) of the inputs `(batch, input)`, inf where there is no spike, to the same of the units.

        Raises:
            InputError: for another number of inputs, or a z that is not positive.
        """
        if z.ndim != 2 or z.shape[1] != len(self.weight):
            raise InputError("z", tuple(z.shape), f"needs (batch, {len(self.weight)})")
        if not (z > 0).all():
            raise InputError("z", float(z.min()), "is exp(t / tau): positive, inf without a spike")
        found: torch.Tensor = _FirstSpike.apply(z, self.weight)
        return found

    def shortfall(self, z: torch.Tensor) -> torch.Tensor:
        """Mean of max(0, 1 - sum of the weights from inputs that spike): above 0 where a unit cannot reach 1.

        Args:
            z: of the inputs, `(batch, input)`; all but inf count alike.
        """
        return (1 - z.isfinite().to(self.weight.dtype) @ self.weight).clamp_min(0).mean()


class _FirstSpike(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        z_np, w_np = z.detach().numpy(), np.ascontiguousarray(weight.detach().numpy())
        order = z_np.argsort(axis=1, kind="stable")
        out, slope, n_causal = _spikes(z_np, order, w_np)
        ctx.kept = z_np, order, w_np, out, slope, n_causal
        return torch.from_numpy(out)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        z, order, weight, out, slope, n_causal = ctx.kept
        to_z, to_weight = _slopes(z, order, weight, out, slope, n_causal, gradient.numpy())
        return torch.from_numpy(to_z), torch.from_numpy(to_weight)


@njit(cache=True)
def _spikes(z: np.ndarray, order: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """z of the units, sum of weights - 1, and how many of the earliest inputs made them spike (0 if they do not)."""
    n, n_out = len(z), w.shape[1]
    out, slope = np.full((n, n_out), np.inf, z.dtype), np.zeros((n, n_out), z.dtype)
    n_causal = np.zeros((n, n_out), np.int64)
    for b in range(n):
        weighted, total = np.zeros(n_out), np.zeros(n_out)
        waiting = n_out
        for k in range(z.shape[1]):
            now = z[b, order[b, k]]
            if now == np.inf or waiting == 0:
                break
            row = w[order[b, k]]
            following = z[b, order[b, k + 1]] if k + 1 < z.shape[1] else np.inf
            for o in range(n_out):
                if n_causal[b, o]:
                    continue
                weighted[o] += row[o] * now
                total[o] += row[o]
                if total[o] > 1.0:
                    at = weighted[o] / (total[o] - 1.0)
                    if now <= at <= following:
                        out[b, o], slope[b, o], n_causal[b, o] = at, total[o] - 1.0, k + 1
                        waiting -= 1
    return out, slope, n_causal


@njit(cache=True)
def _slopes(
    z: np.ndarray, order: np.ndarray, w: np.ndarray, out: np.ndarray, slope: np.ndarray, n_causal: np.ndarray,
    gradient: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    to_z, to_w = np.zeros_like(z), np.zeros_like(w)
    for b in range(len(z)):
        for k in range(n_causal[b].max()):
            i = order[b, k]
            for o in range(w.shape[1]):
                if k < n_causal[b, o]:
                    g = gradient[b, o] / slope[b, o]
                    to_w[i, o] += g * (z[b, i] - out[b, o])
                    to_z[b, i] += g * w[i, o]
    return to_z, to_w
