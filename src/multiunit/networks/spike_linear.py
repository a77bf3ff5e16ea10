"""A linear layer that adds up the weights of the inputs that spike, while few do."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numba import njit
from torch import nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import linear

from multiunit.core.errors import InputError

# To fewer outputs, looking for the spikes takes longer than the matrix product.
_WIDE = 32


class SpikeLinear(nn.Linear):
    """`nn.Linear` for spikes: the same weights and answers, in time that falls with the share of units that spike.

    Args:
        in_features, out_features, bias: as of `nn.Linear`.
        sparse_below: share of ones below which the sparse way is taken; see `spike_linear`.
        random_state: draws the weights as torch does; the global generator is left alone.

    >>> layer = SpikeLinear(100, 40)
    >>> spikes = (torch.rand(20, 4, 100, generator=torch.manual_seed(0)) < 0.05).float()
    >>> torch.allclose(layer(spikes), spikes @ layer.weight.T + layer.bias, atol=1e-6)
    True
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        bias: bool = True,
        sparse_below: float = 0.12,
        random_state: int | np.random.Generator = 0,
    ) -> None:
        if not 0 <= sparse_below <= 1:
            raise InputError("sparse_below", sparse_below, "is a share, from 0 (never) to 1")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(np.random.default_rng(random_state).integers(2**31)))
            super().__init__(in_features, out_features, bias)
        self.sparse_below = sparse_below

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """`(..., in_features)` to `(..., out_features)`."""
        return spike_linear(input, self.weight, bias=self.bias, sparse_below=self.sparse_below)


def spike_linear(
    spikes: torch.Tensor, weight: torch.Tensor, *, bias: torch.Tensor | None = None, sparse_below: float = 0.12
) -> torch.Tensor:
    """spikes @ weight^T + bias, with the gradients of all three.

    Row by row, y = bias + sum of the weights of those inputs that are 1; dL/dweight adds dL/dy to the same places, and
    dL/dspikes = dL/dy @ weight is dense, because a surrogate has a slope where there is no spike. Taken on a CPU, in
    float32 or float64, for 32 outputs or more, if all inputs are 0 or 1 and less than `sparse_below` of them 1;
    otherwise it is torch's `linear`. Sums are in another order than in a matrix product, so that answers differ by
    rounding.

    Args:
        spikes: `(..., input)`.
        weight: `(output, input)`.
        bias: `(output,)` or None.
        sparse_below: the share. Beyond about 0.15 a matrix product is faster.

    Raises:
        InputError: if the weights do not fit the spikes.

    >>> weight = torch.tensor([[1.0, 2.0, 4.0]]).expand(40, 3)
    >>> spike_linear(torch.tensor([[1.0, 0.0, 1.0]]), weight, sparse_below=1.0)[0, :3].tolist()
    [5.0, 5.0, 5.0]
    """
    if weight.ndim != 2 or not spikes.ndim or spikes.shape[-1] != weight.shape[1]:
        raise InputError("weight", tuple(weight.shape), f"needs (output, input) for spikes {tuple(spikes.shape)}")
    fits = (
        len(weight) >= _WIDE
        and spikes.device.type == "cpu"
        and spikes.dtype == weight.dtype
        and spikes.dtype in (torch.float32, torch.float64)
    )
    if fits and sparse_below > 0 and spikes.numel():
        flat = spikes.detach().contiguous().view(-1, spikes.shape[-1]).numpy()
        start = np.zeros(len(flat) + 1, np.int64)
        which = np.empty(int(sparse_below * flat.size) + flat.shape[1] + 1, np.int32)
        if _find(flat, start, which):
            return _SpikeLinear.apply(spikes, weight, bias, start, which)
    return linear(spikes, weight, bias)


class _SpikeLinear(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        spikes: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        start: np.ndarray,
        which: np.ndarray,
    ) -> torch.Tensor:
        out = spikes.new_empty(len(start) - 1, len(weight))
        first = weight.new_zeros(len(weight)) if bias is None else bias.detach()
        _add_weights(start, which, weight.detach().t().contiguous().numpy(), first.contiguous().numpy(), out.numpy())
        ctx.save_for_backward(weight)
        ctx.found = start, which[: start[-1]].copy()
        return out.view(*spikes.shape[:-1], len(weight))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (weight,) = ctx.saved_tensors
        flat = gradient.contiguous().view(-1, len(weight))
        to_spikes = gradient @ weight if ctx.needs_input_grad[0] else None
        to_weight = None
        if ctx.needs_input_grad[1]:
            transposed = weight.new_zeros(weight.shape[1], weight.shape[0])
            start, which = ctx.found
            _add_gradients(start, which, flat.numpy(), transposed.numpy())
            to_weight = transposed.t()
        return to_spikes, to_weight, flat.sum(0) if ctx.needs_input_grad[2] else None, None, None


# No fastmath: each sum is taken in the order of time, so an answer does not depend on how the compiler liked it.
@njit(cache=True, error_model="numpy", nogil=True)
def _find(spikes: Any, start: Any, which: Any) -> bool:
    """Where the ones are, row by row; False if there are too many for `which`, or anything but 0 and 1."""
    n: Any = 0
    n_columns = spikes.shape[1]
    words = np.zeros(n_columns // 8 + 1, np.uint64)
    mask = words.view(np.uint8)
    odd = np.uint8(0)
    for row in range(spikes.shape[0]):
        if n + n_columns > which.size:
            return False
        now = spikes[row]
        for column in range(n_columns):
            mask[column] = np.uint8(now[column] != 0)
            odd |= np.uint8((now[column] != 0) & (now[column] != 1))
        for word in range(words.size):
            if words[word]:
                for column in range(8 * word, min(8 * word + 8, n_columns)):
                    # Written always, counted if it spikes: cheaper than a branch that nobody can predict.
                    which[n] = column
                    n += np.int64(mask[column])
        start[row + 1] = n
    return odd == 0


@njit(cache=True, error_model="numpy", nogil=True)
def _add_weights(start: Any, which: Any, weight: Any, bias: Any, out: Any) -> None:
    for row in range(out.shape[0]):
        now = out[row]
        for j in range(now.size):
            now[j] = bias[j]
        for k in range(start[row], start[row + 1]):
            added = weight[which[k]]
            for j in range(now.size):
                now[j] += added[j]


@njit(cache=True, error_model="numpy", nogil=True)
def _add_gradients(start: Any, which: Any, gradient: Any, to_weight: Any) -> None:
    for row in range(gradient.shape[0]):
        now = gradient[row]
        for k in range(start[row], start[row + 1]):
            total = to_weight[which[k]]
            for j in range(now.size):
                total[j] += now[j]
