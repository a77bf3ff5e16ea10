"""Spiking networks to and from NIR, the format that simulators and neuromorphic hardware exchange."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from multiunit.core.atomic import new_file
from multiunit.core.errors import InputError, MissingDependencyError, StoreError
from multiunit.dynamics.leaky_integrate_and_fire import leaky_integrate_and_fire
from multiunit.networks.discrete_leaky import leaky_soft, leaky_subtract, leaky_zero
from multiunit.networks.fused_leaky import LeakyLayer
from multiunit.networks.spike_linear import SpikeLinear
from multiunit.networks.spiking_convolutional import OverTime
from multiunit.networks.spiking_layer import SpikingLayer
from multiunit.networks.spiking_sequential import SpikingSequential

_RESETS = {"leaky_subtract": "subtract", "leaky_soft": "soft", "leaky_zero": "zero"}
_ELEMENTS = {
    element.__name__: element for element in (leaky_subtract, leaky_soft, leaky_zero, leaky_integrate_and_fire)
}


def to_nir(network: nn.Sequential, path: str | Path, *, input_shape: Sequence[int]) -> None:
    """Write a chain of layers as a NIR graph.

    NIR's units are equations in continuous time. A discrete leaky unit becomes tau v' = -v + r I with r = gain / (1 -
    exp(-dt / tau)), of which it is the exact step for an I held over dt; without a leak, v' = gain / dt I. What NIR
    cannot say goes into the metadata of its nodes: dt, the exact parameters, and that a spike takes a part of the
    potential only. Programs that do not read them reset to 0, and step as they see fit.

    Args:
        network: an `nn.Sequential`, nested or not, of Linear, SpikeLinear, Conv2d, AvgPool2d, Flatten, and of
            LeakyLayer or SpikingLayer of `leaky_subtract`, `leaky_soft`, `leaky_zero` or `leaky_integrate_and_fire`
            without a refractory period.
        path: the file; what stands there is replaced.
        input_shape: of one input at one step, without time and batch.

    Raises:
        MissingDependencyError: without the package nir.
        InputError: for a layer that NIR or this function does not know, or an input that does not fit.
        StoreError: if the file cannot be written.

    Source: Pedersen et al., Nature Communications 15:8122 (2024), doi 10.1038/s41467-024-52259-9; the equations are
    those of the package nir 1.0.8.
    """
    nir = _nir()
    nodes: dict[str, Any] = {"input": nir.Input({"input": np.array(input_shape)})}
    now = torch.zeros(1, 1, *input_shape)
    with torch.no_grad():
        for place, part in enumerate(_flat(network)):
            before = tuple(now.shape[2:])
            try:
                now = SpikingSequential(part)(now)
            except RuntimeError as error:
                raise InputError("input_shape", tuple(input_shape), f"does not fit layer {place}: {error}") from error
            shape = tuple(now.shape[2:])
            nodes[f"{place}_{type(part).__name__.lower()}"] = _node(nir, part, before, shape)
    nodes["output"] = nir.Output({"output": np.array(now.shape[2:])})
    names = list(nodes)
    # Shapes are known to fit by now; the check of nir 1.0.8 takes a grouped convolution for a smaller one.
    graph = nir.NIRGraph(nodes, list(pairwise(names)), type_check=False)
    with new_file(path, mode="w+b") as file:
        nir.write(file, graph)


def from_nir(path: str | Path, *, dt: float = 1e-3) -> SpikingSequential:
    """Read a NIR graph that is a chain.

    What `to_nir` wrote spikes exactly as before. Otherwise LIF and IF become `LeakyLayer`s with a hard reset that hold
    the current over a step, potentials measured from the reset in units of what a current of 1 adds in a step.

    Args:
        path: the file.
        dt: step in seconds, for units that do not say theirs.

    Returns:
        The network, for currents `(time, batch, ...)`; parameters of units are held, weights can be trained.

    Raises:
        MissingDependencyError: without the package nir.
        InputError: if the graph is no chain, or has a node that is not known here.
        StoreError: if the file is missing or damaged.

    >>> import tempfile
    >>> network = nn.Sequential(nn.Linear(2, 1), LeakyLayer(1, tau_membrane=0.02))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     to_nir(network, Path(folder) / "net.nir", input_shape=(2,))
    ...     again = from_nir(Path(folder) / "net.nir")
    >>> [type(part).__name__ for part in again], round(float(again[1].parameter("tau_membrane")), 6)
    (['Linear', 'LeakyLayer'], 0.02)
    """
    nir = _nir()
    try:
        graph = nir.read(Path(path), type_check=False)
    except (OSError, KeyError, ValueError, AssertionError, TypeError) as error:
        raise StoreError(f"cannot read {path}: {error}") from error
    return SpikingSequential(*(_module(nir, name, graph.nodes[name], dt) for name in _chain(nir, graph)))


def _nir() -> Any:
    try:
        import nir
    except ImportError as error:
        raise MissingDependencyError("nir", "nir") from error
    return nir


def _flat(network: nn.Module) -> Iterator[nn.Module]:
    if isinstance(network, OverTime):
        yield from _flat(network.module)
    elif isinstance(network, nn.Sequential):
        for part in network:
            yield from _flat(part)
    else:
        yield network


def _numbers(value: torch.Tensor) -> np.ndarray:
    return value.numpy(force=True)


def _node(nir: Any, part: nn.Module, before: tuple[int, ...], after: tuple[int, ...]) -> Any:
    if isinstance(part, nn.Linear):
        # Its sums are in another order, so that nn.Linear would differ by rounding.
        own = {"sparse_below": part.sparse_below} if isinstance(part, SpikeLinear) else {}
        if part.bias is None:
            return nir.Linear(_numbers(part.weight), metadata=own)
        return nir.Affine(_numbers(part.weight), _numbers(part.bias), metadata=own)
    if isinstance(part, nn.Conv2d):
        if part.padding_mode != "zeros":
            raise InputError("network", part, "NIR pads with zeros only")
        bias = np.zeros(part.out_channels, np.float32) if part.bias is None else _numbers(part.bias)
        return nir.Conv2d(
            input_shape=before[1:],
            weight=_numbers(part.weight),
            stride=part.stride,
            padding=part.padding,
            dilation=part.dilation,
            groups=part.groups,
            bias=bias,
        )
    if isinstance(part, nn.AvgPool2d):
        if part.ceil_mode or not part.count_include_pad or part.divisor_override:
            raise InputError("network", part, "NIR averages whole windows, padding included")
        return nir.AvgPool2d(*(np.array(_pair(v)) for v in (part.kernel_size, part.stride, part.padding)))
    if isinstance(part, nn.Flatten):
        if len(after) != 1:
            raise InputError("network", part, "must flatten all but the batch")
        return nir.Flatten({"input": np.array(before)}, start_dim=0)
    if isinstance(part, SpikingLayer):
        return _unit_node(nir, part, after)
    raise InputError("network", type(part).__name__, "has no counterpart in NIR that is known here")


def _unit_node(nir: Any, layer: SpikingLayer, shape: tuple[int, ...]) -> Any:
    name = layer.element.name
    if name not in _ELEMENTS or layer.recurrent is not None or layer.membrane is not None:
        raise InputError("network", layer, f"must be of {', '.join(_ELEMENTS)}, not recurrent, without membrane")
    values = {key: _numbers(layer.parameter(key)) for key in layer.element.parameters}
    # The format keeps no arrays without axes.
    kept = {key: value if value.ndim else float(value) for key, value in values.items()}
    own = {"element": name, "fused": isinstance(layer, LeakyLayer), "dt": layer.dt, "gain": layer.gain, **kept}

    def full(value: Any) -> np.ndarray:
        value = np.asarray(value)
        return np.broadcast_to(value.reshape(value.shape + (1,) * (len(shape) - value.ndim) * (value.ndim > 0)), shape)

    if name == "leaky_integrate_and_fire":
        if (values["refractory_period"] >= 0.5 * layer.dt).any():
            raise InputError("refractory_period", values["refractory_period"].max(), "must be 0: NIR has none")
        given = [values[key] for key in ("tau_membrane", "v_rest", "v_threshold", "v_reset")]
        tau, v_leak, v_threshold, v_reset = (full(value).copy() for value in given)
        return nir.LIF(
            tau, r=full(layer.gain).copy(), v_leak=v_leak, v_threshold=v_threshold, v_reset=v_reset, metadata=own
        )
    tau, threshold = values["tau_membrane"].astype(np.float64), full(values["threshold"]).copy()
    lost = -np.expm1(-layer.dt / tau)
    # As the layer computes it: where single precision says that nothing leaks, nothing does.
    keeps = np.exp(np.float32(-layer.dt) / values["tau_membrane"]) == 1
    if keeps.all():
        return nir.IF(r=full(layer.gain / layer.dt).copy(), v_threshold=threshold, metadata=own)
    zero = np.zeros_like(threshold)
    return nir.LIF(full(tau).copy(), r=full(layer.gain / lost).copy(), v_leak=zero, v_threshold=threshold, metadata=own)


def _chain(nir: Any, graph: Any) -> list[str]:
    """The nodes between input and output, in order."""
    after = dict(graph.edges)
    starts = [name for name, node in graph.nodes.items() if isinstance(node, nir.Input)]
    if len(starts) != 1 or len(after) != len(graph.edges) or len(set(after.values())) != len(graph.edges):
        raise InputError("path", graph.edges, "is no chain from one input to one output")
    names = [after.get(starts[0])]
    while names[-1] in after and len(names) < len(graph.nodes):
        names.append(after[names[-1]])
    if names[-1] is None or not isinstance(graph.nodes[names[-1]], nir.Output) or len(names) + 1 != len(graph.nodes):
        raise InputError("path", graph.edges, "is no chain from one input to one output")
    return [name for name in names[:-1] if name is not None]


def _module(nir: Any, name: str, node: Any, dt: float) -> nn.Module:
    if isinstance(node, nir.Linear | nir.Affine):
        n_out, n_in = node.weight.shape
        bias = node.bias if isinstance(node, nir.Affine) else None
        if "sparse_below" in node.metadata:
            sparse = float(node.metadata["sparse_below"])
            return _filled(SpikeLinear(n_in, n_out, bias=bias is not None, sparse_below=sparse), node.weight, bias)
        return _filled(nn.utils.skip_init(nn.Linear, n_in, n_out, bias=bias is not None), node.weight, bias)
    if isinstance(node, nir.Conv2d):
        n_out, n_in, *size = node.weight.shape
        padding = node.padding if isinstance(node.padding, str) else _pair(node.padding)
        layer = nn.utils.skip_init(
            nn.Conv2d,
            n_in * int(node.groups),
            n_out,
            tuple(size),
            stride=_pair(node.stride),
            padding=padding,
            dilation=_pair(node.dilation),
            groups=int(node.groups),
        )
        return _filled(layer, node.weight, node.bias)
    if isinstance(node, nir.AvgPool2d):
        return nn.AvgPool2d(_pair(node.kernel_size), _pair(node.stride), _pair(node.padding))
    if isinstance(node, nir.Flatten):
        return nn.Flatten()
    if isinstance(node, nir.LIF | nir.IF):
        return _own_units(node) if "element" in node.metadata else _foreign_units(nir, name, node, dt)
    raise InputError("path", f"{name}: {type(node).__name__}", "is a node that is not known here")


def _filled(layer: Any, weight: Any, bias: Any) -> nn.Module:
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(np.array(weight)))
        if bias is not None:
            layer.bias.copy_(torch.from_numpy(np.array(bias)))
    return layer


def _own_units(node: Any) -> SpikingLayer:
    own = dict(node.metadata)
    name, fused, dt, gain = (own.pop(key) for key in ("element", "fused", "dt", "gain"))
    name = name.decode() if isinstance(name, bytes) else str(name)
    n_units = len(node.v_threshold)
    # Values for each place are no argument of a layer, but it can hold them.
    plain = {key: value for key, value in own.items() if np.ndim(value) < 2}
    layer: SpikingLayer
    if fused:
        layer = LeakyLayer(n_units, reset=_RESETS[name], dt=float(dt), gain=float(gain), **plain)
    else:
        layer = SpikingLayer(_ELEMENTS[name], n_units, dt=float(dt), gain=float(gain), **plain)
    for key, value in own.items():
        if key not in plain:
            layer.hold(key, torch.from_numpy(value))
    return layer


def _foreign_units(nir: Any, name: str, node: Any, dt: float) -> LeakyLayer:
    leaks = isinstance(node, nir.LIF)
    rest = node.v_leak if leaks else node.v_reset
    if (rest != node.v_reset).any():
        raise InputError("path", name, "resets to another potential than it rests at, which is not known here")
    tau = np.asarray(node.tau, np.float64) if leaks else np.full(node.r.shape, 1e15)
    per_step = node.r * -np.expm1(-dt / tau) if leaks else node.r * dt
    if (per_step <= 0).any():
        raise InputError("path", name, "has a resistance that is not positive")
    layer = LeakyLayer(len(tau), reset="zero", dt=dt)
    for key, value in (("tau_membrane", tau), ("threshold", (node.v_threshold - rest) / per_step)):
        layer.hold(key, torch.from_numpy(np.array(value, np.float32)))
    return layer


def _pair(value: Any) -> tuple[int, int]:
    first, second = np.broadcast_to(np.asarray(value), 2)
    return int(first), int(second)
