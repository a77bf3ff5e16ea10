"""Leaky memories that a perceptron writes to, many steps at once: the time loop as one compiled gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numba import njit
from torch.autograd.function import once_differentiable


def leaky_memories(
    given: torch.Tensor,
    *,
    back: torch.Tensor,
    onward: torch.Tensor,
    bias: torch.Tensor,
    keep: torch.Tensor,
    scale: torch.Tensor,
) -> torch.Tensor:
    """Memories from 0: h = relu(given_t + back (keep m)), m <- keep m + scale tanh(onward h + bias).

    Args:
        given: what arrives at the hidden units, `(time, hidden, batch)`.
        back: `(hidden, memory)`. onward: `(memory, hidden)`. bias, keep, scale: `(memory,)`.

    Returns:
        m after each step, `(time, memory, batch)`. Time loop and gradient are compiled on a CPU; elsewhere it steps.

    >>> one, none = torch.ones(1), torch.zeros(1, 1)
    >>> m = leaky_memories(torch.zeros(3, 1, 1), back=none, onward=none, bias=99 * one, keep=one / 2, scale=one)
    >>> m.flatten().tolist()
    [1.0, 1.5, 1.75]
    """
    weights = back, onward, bias, keep, scale
    return _Memories.apply(given, *weights) if given.device.type == "cpu" else stepped_memories(given, *weights)


def stepped_memories(given: torch.Tensor, *weights: torch.Tensor) -> torch.Tensor:
    """The same by plain steps of torch, on any device; `weights` in the order of `leaky_memories`."""
    back, onward, bias, keep, scale = weights
    m = given.new_zeros(len(keep), given.shape[2])
    states = []
    for now in given:
        kept = keep[:, None] * m
        m = kept + scale[:, None] * torch.tanh(onward @ torch.relu(now + back @ kept) + bias[:, None])
        states.append(m)
    return torch.stack(states)


class _Memories(torch.autograd.Function):
    """All steps at once; the batch is the last axis, so that loops over it become vector instructions."""

    @staticmethod
    def forward(ctx: Any, *tensors: torch.Tensor) -> torch.Tensor:
        arrays = [value.detach().contiguous().numpy() for value in tensors]
        given, keep = arrays[0], arrays[4]
        m = np.zeros((len(given) + 1, len(keep), given.shape[2]), given.dtype)
        hidden, written = np.empty_like(given), np.empty_like(m[1:])
        _forward(*(*arrays, m, hidden, written))
        ctx.save_for_backward(*tensors)
        ctx.kept = m, hidden, written
        return torch.from_numpy(m[1:].copy())

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, to_states: torch.Tensor) -> tuple[torch.Tensor, ...]:
        arrays = [value.contiguous().numpy() for value in ctx.saved_tensors]
        gradients = [np.zeros_like(value) for value in arrays]
        back, onward, _, keep, scale = arrays[1:]
        _backward(*(to_states.contiguous().numpy(), back, onward, keep, scale, *ctx.kept, *gradients))
        return tuple(torch.from_numpy(value) for value in gradients)


@njit(cache=True, error_model="numpy", nogil=True)
def _forward(
    given: Any, back: Any, onward: Any, bias: Any, keep: Any, scale: Any, m: Any, hidden: Any, written: Any
) -> None:
    n_hidden, n_memory = back.shape
    n_batch = m.shape[2]
    zero = m.dtype.type(0.0)
    kept = np.empty(m.shape[1:], m.dtype)
    for t in range(len(given)):
        for j in range(n_memory):
            for b in range(n_batch):
                kept[j, b] = keep[j] * m[t, j, b]
        for i in range(n_hidden):
            h = hidden[t, i]
            h[:] = given[t, i]
            for j in range(n_memory):
                w, k = back[i, j], kept[j]
                for b in range(n_batch):
                    h[b] += w * k[b]
            for b in range(n_batch):
                h[b] = h[b] if h[b] > zero else zero
        for j in range(n_memory):
            d = written[t, j]
            d[:] = bias[j]
            for i in range(n_hidden):
                w, h = onward[j, i], hidden[t, i]
                for b in range(n_batch):
                    d[b] += w * h[b]
            for b in range(n_batch):
                d[b] = np.tanh(d[b])
                m[t + 1, j, b] = kept[j, b] + scale[j] * d[b]


# Sums over the batch may be taken in any order, which is what makes them vector instructions.
@njit(cache=True, error_model="numpy", nogil=True, fastmath={"reassoc", "contract"})
def _backward(
    to_states: Any, back: Any, onward: Any, keep: Any, scale: Any, m: Any, hidden: Any, written: Any,
    by_given: Any, by_back: Any, by_onward: Any, by_bias: Any, by_keep: Any, by_scale: Any,
) -> None:  # fmt: skip
    n_hidden, n_memory = back.shape
    n_batch = m.shape[2]
    zero, one = m.dtype.type(0.0), m.dtype.type(1.0)
    later, to_proposal = np.zeros(m.shape[1:], m.dtype), np.empty(m.shape[1:], m.dtype)
    for t in range(len(to_states) - 1, -1, -1):
        for j in range(n_memory):
            to_m, p, d = later[j], to_proposal[j], written[t, j]
            total, through = zero, zero
            for b in range(n_batch):
                to_m[b] += to_states[t, j, b]
                p[b] = to_m[b] * scale[j] * (one - d[b] * d[b])
                total += to_m[b] * d[b]
                through += p[b]
            by_scale[j] += total
            by_bias[j] += through
        for i in range(n_hidden):
            z, h = by_given[t, i], hidden[t, i]
            for j in range(n_memory):
                w, p = onward[j, i], to_proposal[j]
                total = zero
                for b in range(n_batch):
                    z[b] += w * p[b]
                    total += p[b] * h[b]
                by_onward[j, i] += total
            for b in range(n_batch):
                z[b] = z[b] if h[b] > zero else zero
        for j in range(n_memory):
            to_kept, before = later[j], m[t, j]
            for i in range(n_hidden):
                w, z = back[i, j], by_given[t, i]
                total = zero
                for b in range(n_batch):
                    to_kept[b] += w * z[b]
                    total += z[b] * before[b]
                by_back[i, j] += total * keep[j]
            total = zero
            for b in range(n_batch):
                total += to_kept[b] * before[b]
                to_kept[b] *= keep[j]
            by_keep[j] += total
