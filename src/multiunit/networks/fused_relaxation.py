"""Units that relax to what gates tell them: the whole time loop of conductances as one compiled gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numba import njit
from torch.autograd.function import once_differentiable

from multiunit.core.errors import InputError


def relaxing_states(
    conductance: torch.Tensor,
    drive: torch.Tensor,
    *,
    slope: torch.Tensor,
    offset: torch.Tensor,
    to_conductance: torch.Tensor,
    to_drive: torch.Tensor,
    n_substeps: int,
    dt: float,
) -> torch.Tensor:
    """States of units from 0, whose rate and drive are set by gates on themselves and by what is given.

    f_ij = sigmoid(slope_ij x_j + offset_ij), A_i = conductance_i + sum_j to_conductance_ij f_ij, B_i = drive_i + sum_j
    to_drive_ij f_ij; dx/dt = B - A x. A sample is n_substeps semi-implicit steps, h = dt / n_substeps, gates at the old
    x: x <- (x + h B) / (1 + h A).

    Args:
        conductance, drive: what is given at each sample, `(time, unit, batch)`; held for its substeps.
        slope, offset: `(unit to, unit from)`, or `(1, unit from)` for gates that all targets share.
        to_conductance, to_drive: `(unit to, unit from)`.
        n_substeps: substeps of a sample.
        dt: length of a sample, s.

    Returns:
        x after each sample, `(time, unit, batch)`. Time loop and gradient are compiled on a CPU; elsewhere it steps.

    Raises:
        InputError: for shapes that do not fit, or no substeps.

    >>> one = torch.ones(1, 1, 1)
    >>> silent = torch.zeros(1, 1)
    >>> x = relaxing_states(  # half of the way in one step of h = 1
    ...     one, one, slope=silent, offset=silent, to_conductance=silent, to_drive=silent, n_substeps=1, dt=1.0
    ... )
    >>> x.item()
    0.5
    """
    n = to_drive.shape[0]
    if conductance.ndim != 3 or conductance.shape != drive.shape or conductance.shape[1] != n:
        raise InputError("conductance", tuple(conductance.shape), f"needs (time, {n}, batch), and the drive too")
    if slope.shape not in ((n, n), (1, n)) or offset.shape != slope.shape:
        raise InputError("slope", tuple(slope.shape), f"needs ({n}, {n}) or (1, {n}), and the offset too")
    if n_substeps < 1:
        raise InputError("n_substeps", n_substeps, "must be at least 1")
    h = dt / n_substeps
    given = (conductance, drive, slope, offset, to_conductance, to_drive)
    if conductance.device.type == "cpu":
        return _Relaxation.apply(*given, h, n_substeps)
    return stepped_states(*given, h=h, n_substeps=n_substeps)


def stepped_states(*given: torch.Tensor, h: float, n_substeps: int) -> torch.Tensor:
    """The same by plain steps of torch, on any device; `given` in the order of `relaxing_states`."""
    conductance, drive, slope, offset, to_conductance, to_drive = given
    x = torch.zeros_like(drive[0])
    states = []
    for c, d in zip(conductance, drive, strict=True):
        for _ in range(n_substeps):
            f = torch.sigmoid(slope[..., None] * x + offset[..., None])
            rate = c + (to_conductance[..., None] * f).sum(1)
            x = (x + h * (d + (to_drive[..., None] * f).sum(1))) / (1.0 + h * rate)
        states.append(x)
    return torch.stack(states)


class _Relaxation(torch.autograd.Function):
    """All substeps at once; the batch is the last axis, so that loops over it become vector instructions."""

    @staticmethod
    def forward(ctx: Any, *given: Any) -> torch.Tensor:
        *tensors, h, n_substeps = given
        arrays = [value.detach().contiguous().numpy() for value in tensors]
        conductance, slope = arrays[0], arrays[2]
        n_steps, n, n_batch = conductance.shape
        real = conductance.dtype.type
        x = np.zeros((n_steps * n_substeps + 1, n, n_batch), real)
        gates = np.empty((n_steps * n_substeps, len(slope), n, n_batch), real)
        shrink = np.empty((n_steps * n_substeps, n, n_batch), real)
        _forward(*(*arrays, real(h), n_substeps, x, gates, shrink))
        ctx.save_for_backward(*tensors)
        ctx.kept = x, gates, shrink, real(h), n_substeps
        return torch.from_numpy(x[n_substeps::n_substeps].copy())

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, to_states: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, gates, shrink, h, n_substeps = ctx.kept
        arrays = [value.contiguous().numpy() for value in ctx.saved_tensors]
        gradients = [np.zeros_like(value) for value in arrays]
        _, _, slope, _, to_conductance, to_drive = arrays
        weights = slope, to_conductance, to_drive
        _backward(*(to_states.contiguous().numpy(), *weights, h, n_substeps, x, gates, shrink, *gradients))
        return *(torch.from_numpy(value) for value in gradients), None, None


@njit(cache=True, error_model="numpy", nogil=True)
def _forward(
    conductance: Any, drive: Any, slope: Any, offset: Any, to_conductance: Any, to_drive: Any, h: Any, n_substeps: int,
    x: Any, gates: Any, shrink: Any,
) -> None:  # fmt: skip
    n, n_batch = x.shape[1:]
    one = x.dtype.type(1.0)
    rate, target = np.empty(n_batch, x.dtype), np.empty(n_batch, x.dtype)
    for k in range(len(gates)):
        t = k // n_substeps
        for r in range(len(slope)):
            for j in range(n):
                a, b, x_j, f = slope[r, j], offset[r, j], x[k, j], gates[k, r, j]
                for m in range(n_batch):
                    f[m] = one / (one + np.exp(-(a * x_j[m] + b)))
        for i in range(n):
            rate[:], target[:] = conductance[t, i], drive[t, i]
            for j in range(n):
                c, d, f = to_conductance[i, j], to_drive[i, j], gates[k, i if len(slope) > 1 else 0, j]
                for m in range(n_batch):
                    rate[m] += c * f[m]
                    target[m] += d * f[m]
            for m in range(n_batch):
                shrink[k, i, m] = one / (one + h * rate[m])
                x[k + 1, i, m] = (x[k, i, m] + h * target[m]) * shrink[k, i, m]


# Sums over the batch may be taken in any order, which is what makes them vector instructions.
@njit(cache=True, error_model="numpy", nogil=True, fastmath={"reassoc", "contract"})
def _backward(
    to_states: Any, slope: Any, to_conductance: Any, to_drive: Any, h: Any, n_substeps: int,
    x: Any, gates: Any, shrink: Any,
    by_conductance: Any, by_drive: Any, by_slope: Any, by_offset: Any, by_to_conductance: Any, by_to_drive: Any,
) -> None:  # fmt: skip
    n, n_batch = x.shape[1:]
    zero, one = x.dtype.type(0.0), x.dtype.type(1.0)
    later = np.zeros((n, n_batch), x.dtype)
    to_gate = np.empty(gates.shape[1:], x.dtype)
    pull = np.empty(n_batch, x.dtype)
    for k in range(len(gates) - 1, -1, -1):
        t = k // n_substeps
        if (k + 1) % n_substeps == 0:
            later += to_states[t]
        to_gate[:] = zero
        for i in range(n):
            r = i if len(slope) > 1 else 0
            x_i, through, back = x[k + 1, i], shrink[k, i], later[i]
            for m in range(n_batch):
                back[m] = back[m] * through[m]
                pull[m] = h * back[m]
                by_drive[t, i, m] += pull[m]
                by_conductance[t, i, m] -= pull[m] * x_i[m]
            for j in range(n):
                c, d, f, to_f = to_conductance[i, j], to_drive[i, j], gates[k, r, j], to_gate[r, j]
                by_c, by_d = zero, zero
                for m in range(n_batch):
                    to_f[m] += pull[m] * (d - c * x_i[m])
                    by_d += pull[m] * f[m]
                    by_c += pull[m] * x_i[m] * f[m]
                by_to_drive[i, j] += by_d
                by_to_conductance[i, j] -= by_c
        for r in range(len(slope)):
            for j in range(n):
                a, f, to_f, x_j, back = slope[r, j], gates[k, r, j], to_gate[r, j], x[k, j], later[j]
                by_a, by_b = zero, zero
                for m in range(n_batch):
                    slide = to_f[m] * f[m] * (one - f[m])
                    back[m] += slide * a
                    by_a += slide * x_j[m]
                    by_b += slide
                by_slope[r, j] += by_a
                by_offset[r, j] += by_b
