"""A layered spiking network rounded to whole numbers, for the fixed-point emulator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from multiunit.circuits.fixed_point import FixedPointSNN
from multiunit.core.errors import InputError


def quantise(
    weights: Sequence[Any],
    *,
    thresholds: Sequence[Any],
    biases: Sequence[Any] = (),
    decay: float = 1.0,
    bits: int = 8,
    v_bits: int = 20,
) -> FixedPointSNN:
    """Place layers on the emulator: v_t = decay v_{t-1} + W s_t + b - threshold s_{t-1}, all rounded.

    Each layer has a scale of its own, (2^(bits - 1) - 1) / the largest magnitude of its weights and biases, by which
    weights, biases and thresholds are multiplied; spikes do not change. decay becomes 1 - 2^-k with the nearest whole
    k; none at all, k = v_bits. A bias is a neuron that always spikes. Neurons in order: inputs, the units of each
    layer, one bias neuron for each layer. A layer's spikes come a step after those of the layer before.

    Args:
        weights: one array a layer, `(unit, input)`.
        thresholds: one positive number a layer, or `(unit,)` each.
        biases: `(unit,)` each; none by default.
        decay: in (0, 1].
        bits: of the weights, 2 to 16.
        v_bits: of the potentials.

    Raises:
        InputError: for shapes that do not fit, a layer of zeros, a threshold that is not positive, or a decay or
            width out of range.

    Source: reconstructed after NeuroCoreX, arXiv:2506.14138; a layer's scale and threshold go together as in Diehl et
    al., IJCNN 2015.

    >>> network = quantise([np.array([[0.5, -1.0]])], thresholds=[2.0], bits=8)
    >>> network.weights[:2, 2].tolist(), int(network.threshold[2])
    ([64, -127], 254)
    """
    layers = [np.asarray(w, float) for w in weights]
    sizes = _sizes(layers)
    currents = [np.asarray(b, float) for b in biases] or [np.zeros(n) for n in sizes[1:]]
    if len(currents) != len(layers) or any(b.shape != (n,) for b, n in zip(currents, sizes[1:], strict=True)):
        raise InputError("biases", [b.shape for b in currents], f"needs (unit,) for each of {sizes[1:]} units")
    if len(thresholds) != len(layers):
        raise InputError("thresholds", len(thresholds), f"needs one for each of {len(layers)} layers")
    if not 0 < decay <= 1:
        raise InputError("decay", decay, "must lie in (0, 1]")
    if not 2 <= bits <= 16:
        raise InputError("bits", bits, "must be from 2 to 16")
    n_neurons = sum(sizes) + len(layers)
    whole = np.zeros((n_neurons, n_neurons), np.int64)
    levels = np.full(n_neurons, 2 ** (v_bits - 1) - 1, np.int64)  # inputs never spike by themselves
    first = 0
    for k, (w, b, n_in) in enumerate(zip(layers, currents, sizes, strict=False)):
        largest = max(np.abs(w).max(), np.abs(b).max())
        theta = np.asarray(thresholds[k], float)
        if not 0 < largest < np.inf or not (theta > 0).all():
            raise InputError("weights", f"layer {k}", "needs finite weights, not all 0, and positive thresholds")
        scale = (2 ** (bits - 1) - 1) / largest
        units = slice(first + n_in, first + n_in + len(w))
        whole[first : first + n_in, units] = np.rint(scale * w.T)
        whole[sum(sizes) + k, units] = np.rint(scale * b)
        levels[units] = np.maximum(np.rint(scale * theta), 1)
        first += n_in
    leak = v_bits if decay == 1 else int(np.clip(np.rint(-np.log2(1 - decay)), 0, v_bits))
    return FixedPointSNN(
        whole, threshold=levels, leak_shift=leak, v_reset=None, synapse_shift=0, weight_bits=bits, v_bits=v_bits
    )


def layered_spikes(spikes: np.ndarray, *, sizes: Sequence[int]) -> np.ndarray:
    """What to tell the neurons of `quantise` for spikes `(time, input)`: `(time + layer, neuron)`.

    The bias neurons of layer k start k steps late, as its input does, so that row k + t of its units is their step t.

    Args:
        sizes: inputs, and the units of each layer.

    Raises:
        InputError: if the spikes do not fit.

    >>> layered_spikes(np.array([[1], [0]]), sizes=[1, 1, 1]).tolist()
    [[1, 0, 0, 1, 0], [0, 0, 0, 1, 1], [0, 0, 0, 0, 1], [0, 0, 0, 0, 0]]
    """
    spikes = np.asarray(spikes)
    if spikes.ndim != 2 or spikes.shape[1] != sizes[0]:
        raise InputError("spikes", spikes.shape, f"needs (time, {sizes[0]})")
    n_steps, n_layers = len(spikes), len(sizes) - 1
    given = np.zeros((n_steps + n_layers, sum(sizes) + n_layers), np.uint8)
    given[:n_steps, : sizes[0]] = spikes
    for k in range(n_layers):
        given[k : k + n_steps, sum(sizes) + k] = 1
    return given


def _sizes(layers: Sequence[np.ndarray]) -> list[int]:
    if not layers or any(w.ndim != 2 or not w.size for w in layers):
        raise InputError("weights", [w.shape for w in layers], "needs one array (unit, input) a layer")
    sizes = [layers[0].shape[1], *(len(w) for w in layers)]
    if any(w.shape[1] != n for w, n in zip(layers, sizes, strict=False)):
        raise InputError("weights", [w.shape for w in layers], "each layer needs as many inputs as the last has units")
    return sizes
