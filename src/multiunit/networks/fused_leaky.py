"""Leaky integrate-and-fire layers whose whole time loop is one compiled step of the gradient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numba import njit
from torch.autograd.function import once_differentiable

from multiunit.core.errors import InputError
from multiunit.networks.discrete_leaky import leaky_soft, leaky_subtract, leaky_zero
from multiunit.networks.spiking_layer import Spiked, SpikingLayer, _over_places
from multiunit.networks.surrogate import (
    Surrogate,
    arctan_shape,
    boxcar_shape,
    fast_sigmoid_shape,
    triangle_shape,
)

# Columns (batch x units) that are carried through all time steps together: their eight rows stay in the first cache.
_BLOCK = 512
# Those whose slope the kernel computes; exp and tanh are faster in torch, for all steps at once.
_SHAPES = (fast_sigmoid_shape, arctan_shape, triangle_shape, boxcar_shape)
_ELEMENTS = {"subtract": leaky_subtract, "soft": leaky_soft, "zero": leaky_zero}


class LeakyLayer(SpikingLayer):
    """A layer of discrete leaky integrate-and-fire units with a fused time loop.

    v_t = decay v_{t-1} + input_t - what a spike at t-1 took, s_t = v_t > threshold, decay = exp(-dt / tau_membrane).
    The same as `SpikingLayer(leaky_subtract, ...)` and its two relatives, which it is: on a CPU, in float32 or float64,
    without `recurrent` and `membrane`, the loop over time and its gradient are compiled; otherwise the layer steps.

    Args:
        n_units: units, or channels of inputs with places.
        reset: `subtract`: a spike takes `threshold` after the leak (`leaky_subtract`); `soft`: it takes `spike_size`
            before the leak (`leaky_soft`); `zero`: it takes all (`leaky_zero`).
        surrogate, detach_reset, learnable, shared, recurrent, gain, membrane, dt, random_state: see `SpikingLayer`.
        parameters: `tau_membrane` in seconds, `threshold`, `spike_size`.

    Raises:
        InputError: for an unknown reset or name.

    Source: Eshraghian et al., arXiv:2109.12894; reconstructed for the gradient, which is tested against the steps'.

    >>> layer = LeakyLayer(1, tau_membrane=1e9)
    >>> layer(torch.full((5, 1, 1), 0.4)).spikes.flatten().tolist()    # 0.4, 0.8, 1.2, 0.6, 1.0 (not above 1)
    [0.0, 0.0, 1.0, 0.0, 0.0]
    """

    def __init__(
        self,
        n_units: int,
        *,
        reset: str = "subtract",
        surrogate: Surrogate | None = None,
        detach_reset: bool = True,
        learnable: Sequence[str] = (),
        shared: bool = False,
        recurrent: bool = False,
        gain: float = 1.0,
        membrane: torch.nn.Module | None = None,
        dt: float | None = None,
        random_state: int | np.random.Generator = 0,
        **parameters: Any,
    ) -> None:
        if reset not in _ELEMENTS:
            raise InputError("reset", reset, f"is one of {', '.join(_ELEMENTS)}")
        super().__init__(
            _ELEMENTS[reset],
            n_units,
            surrogate=surrogate,
            detach_reset=detach_reset,
            learnable=learnable,
            shared=shared,
            recurrent=recurrent,
            gain=gain,
            membrane=membrane,
            dt=dt,
            random_state=random_state,
            **parameters,
        )
        self.reset = reset

    def forward(
        self, inputs: torch.Tensor | Mapping[str, torch.Tensor], *, state: Mapping[str, torch.Tensor] | None = None
    ) -> Spiked:
        """See `SpikingLayer.forward`."""
        given = self._checked(inputs)["current"]
        fused = given.device.type == "cpu" and given.dtype in (torch.float32, torch.float64)
        if not fused or self.recurrent is not None or self.membrane is not None:
            return super().forward(inputs, state=state)
        carried = self._start(given, state)[0][0]
        decay = torch.exp(-self.dt / self.parameter("tau_membrane"))
        threshold = self.parameter("threshold")
        jump = {
            "subtract": lambda: threshold,
            "soft": lambda: decay * self.parameter("spike_size"),
            "zero": lambda: torch.zeros(()),
        }[self.reset]()
        columns = [
            _over_places(value.to(given.dtype), given.ndim - 3).expand(given.shape[1:])
            for value in (decay, threshold, jump)
        ]
        current = given if self.gain == 1.0 else self.gain * given
        spikes, final = _FusedLeaky.apply(
            current, carried, *columns, self.surrogate, self.detach_reset, self.reset == "zero"
        )
        return Spiked(spikes, {"carried": final})


class _FusedLeaky(torch.autograd.Function):
    """All steps at once; tensors as `(time, column)` and `(column,)`, a column one unit of one input of the batch."""

    @staticmethod
    def forward(
        ctx: Any,
        current: torch.Tensor,
        carried: torch.Tensor,
        decay: torch.Tensor,
        threshold: torch.Tensor,
        jump: torch.Tensor,
        surrogate: Surrogate,
        detach_reset: bool,
        forgets: bool,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        x = current.detach().contiguous()
        flat = [value.detach().contiguous() for value in (decay, threshold, jump)]
        final = carried.detach().clone(memory_format=torch.contiguous_format)
        spikes, v = torch.empty_like(x), torch.empty_like(x)
        n_steps = len(x)
        b, theta, j = (value.view(-1).numpy() for value in flat)
        _forward(
            x.view(n_steps, -1).numpy(),
            final.view(-1).numpy(),
            b,
            theta,
            j,
            forgets,
            spikes.view(n_steps, -1).numpy(),
            v.view(n_steps, -1).numpy(),
        )
        ctx.save_for_backward(v, *flat)
        ctx.options = surrogate, detach_reset, forgets
        return spikes, final

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, to_spikes: torch.Tensor, to_final: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        v, decay, threshold, jump = ctx.saved_tensors
        surrogate, detach_reset, forgets = ctx.options
        n_steps = len(v)
        to_x, carried = torch.empty_like(v), to_final.clone(memory_format=torch.contiguous_format)
        learns = any(ctx.needs_input_grad[2:5])
        to_parameters = [
            torch.zeros_like(value) if learns else value.new_empty(0) for value in (decay, threshold, jump)
        ]
        known = surrogate.shape in _SHAPES
        slopes = v.new_empty(0, 0) if known else surrogate.slope(v - threshold).view(n_steps, -1)
        real = v.numpy().dtype.type
        b, theta, j = (value.view(-1).numpy() for value in (decay, threshold, jump))
        to_b, to_theta, to_j = (value.view(-1).numpy() for value in to_parameters)
        _backward(
            to_spikes.contiguous().view(n_steps, -1).numpy(),
            v.view(n_steps, -1).numpy(),
            carried.view(-1).numpy(),
            b,
            theta,
            j,
            forgets,
            not detach_reset,
            _SHAPES.index(surrogate.shape) if known else -1,
            real(surrogate.width),
            real(surrogate.height),
            slopes.contiguous().numpy(),
            to_x.view(n_steps, -1).numpy(),
            to_b,
            to_theta,
            to_j,
        )
        return to_x, carried, *(to_parameters if learns else (None, None, None)), None, None, None


# No fastmath: nothing is reordered or contracted, so v and the spikes have the bits of the stepped loop. All that a
# block carries lies in one scratch array at constant distances: with more arrays LLVM finds too many that might
# overlap, and gives up on vectors.
@njit(cache=True, error_model="numpy", nogil=True)
def _forward(x: Any, carried: Any, decay: Any, threshold: Any, jump: Any, forgets: bool, spikes: Any, v: Any) -> None:
    one, zero = x.dtype.type(1.0), x.dtype.type(0.0)
    scratch = np.empty(4 * _BLOCK, x.dtype)
    for first in range(0, x.shape[1], _BLOCK):
        n = min(_BLOCK, x.shape[1] - first)
        for i in range(n):
            scratch[i], scratch[_BLOCK + i] = carried[first + i], decay[first + i]
            scratch[2 * _BLOCK + i], scratch[3 * _BLOCK + i] = threshold[first + i], jump[first + i]
        for t in range(x.shape[0]):
            x_now, v_now, spikes_now = x[t, first : first + n], v[t, first : first + n], spikes[t, first : first + n]
            for i in range(n):
                potential = scratch[i] + x_now[i]
                kept = scratch[_BLOCK + i] * potential
                fired = potential > scratch[2 * _BLOCK + i]
                after = zero if forgets else kept - scratch[3 * _BLOCK + i]
                v_now[i] = potential
                spikes_now[i] = one if fired else zero
                scratch[i] = after if fired else kept
        for i in range(n):
            carried[first + i] = scratch[i]


@njit(cache=True, error_model="numpy", nogil=True)
def _backward(
    to_spikes: Any, v: Any, carried: Any, decay: Any, threshold: Any, jump: Any, forgets: bool, attached: bool,
    kind: int, width: Any, height: Any, slopes: Any, to_x: Any, to_decay: Any, to_threshold: Any, to_jump: Any,
) -> None:  # fmt: skip
    # scratch: the gradient towards what is carried out of step t, and after step t that into it; decay; threshold;
    # jump; slope; gradients towards decay, threshold and jump.
    real = v.dtype.type
    one, zero = real(1.0), real(0.0)
    spared = zero if forgets else one
    learns = to_decay.size > 0
    scratch = np.empty(8 * _BLOCK, v.dtype)
    for first in range(0, v.shape[1], _BLOCK):
        n = min(_BLOCK, v.shape[1] - first)
        scratch[5 * _BLOCK :] = zero
        for i in range(n):
            scratch[i], scratch[_BLOCK + i] = carried[first + i], decay[first + i]
            scratch[2 * _BLOCK + i], scratch[3 * _BLOCK + i] = threshold[first + i], jump[first + i]
        for t in range(v.shape[0] - 1, -1, -1):
            v_now, spikes_now = v[t, first : first + n], to_spikes[t, first : first + n]
            x_now = to_x[t, first : first + n]
            if kind < 0:
                for i in range(n):
                    scratch[4 * _BLOCK + i] = slopes[t, first + i]
            else:
                _slope(v_now, scratch, kind, width, height)
            if learns or attached:
                for i in range(n):
                    potential, out = v_now[i], scratch[i]
                    fired = potential > scratch[2 * _BLOCK + i]
                    through = spared if fired else one
                    taken = scratch[_BLOCK + i] * potential if forgets else scratch[3 * _BLOCK + i]
                    from_spike = spikes_now[i] - (out * taken if attached else zero)
                    down = from_spike * scratch[4 * _BLOCK + i]
                    back = out * (through * scratch[_BLOCK + i]) + down
                    x_now[i] = back
                    scratch[i] = back
                    scratch[5 * _BLOCK + i] += out * (through * potential)
                    scratch[6 * _BLOCK + i] -= down
                    scratch[7 * _BLOCK + i] -= out if fired else zero
            else:
                for i in range(n):
                    through = spared if v_now[i] > scratch[2 * _BLOCK + i] else one
                    back = scratch[i] * (through * scratch[_BLOCK + i]) + spikes_now[i] * scratch[4 * _BLOCK + i]
                    x_now[i] = back
                    scratch[i] = back
        for i in range(n):
            carried[first + i] = scratch[i]
        if learns:
            for i in range(n):
                to_decay[first + i] = scratch[5 * _BLOCK + i]
                to_threshold[first + i] = scratch[6 * _BLOCK + i]
                to_jump[first + i] = scratch[7 * _BLOCK + i]


@njit(cache=True, error_model="numpy", nogil=True)
def _slope(v: Any, scratch: Any, kind: int, width: Any, height: Any) -> None:
    # The shapes of `multiunit.networks.surrogate`, numbered as in _SHAPES; one loop each, so that each vectorises.
    real = v.dtype.type
    one, zero = real(1.0), real(0.0)
    if kind == 0:
        for i in range(v.size):
            z = one + abs((v[i] - scratch[2 * _BLOCK + i]) / width)
            scratch[4 * _BLOCK + i] = height / (z * z)
    elif kind == 1:
        quarter = real(0.5 * np.pi)
        for i in range(v.size):
            z = quarter * ((v[i] - scratch[2 * _BLOCK + i]) / width)
            scratch[4 * _BLOCK + i] = height / (one + z * z)
    elif kind == 2:
        for i in range(v.size):
            z = one - abs((v[i] - scratch[2 * _BLOCK + i]) / width)
            scratch[4 * _BLOCK + i] = height * (z if z > zero else zero)
    else:
        for i in range(v.size):
            z = abs((v[i] - scratch[2 * _BLOCK + i]) / width)
            scratch[4 * _BLOCK + i] = height if z < one else zero
