"""Which units of a rectified network carry hidden symmetries, and by what mechanism."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import numpy as np
import torch
import xarray as xr
from torch import nn

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.similarity.functional_dimension import parameter_jacobian, stacked


class _State(NamedTuple):
    """Over a batch of inputs, a list entry for each hidden layer: what enters, what its units sum up, and how the
    outputs change with their activity, `(input, ...)`, `(input, unit)`, `(input, output, unit)`."""

    entering: list[torch.Tensor]
    summed: list[torch.Tensor]
    slope: list[torch.Tensor]


@method(kind="learning", source="arXiv:2306.06179")
def unit_symmetries(
    model: nn.Sequential,
    inputs: Any,
    *,
    rtol: float = 1e-10,
    n_kinks: int = 100,
    batch_size: int = 1000,
    random_state: int | np.random.Generator = 0,
) -> xr.Dataset:
    """Tell of each hidden unit how many hidden symmetries move it, and what makes them.

    A direction in parameter space that changes no output is hidden if it is more than scaling; to leave scaling out,
    the length of every unit's incoming weights and bias is held. Local deficit = dim of the hidden directions on the
    unit's own parameters: incoming weights, bias and outgoing weights. That is how many of these directions the
    Jacobian J does without: their number less the rank that J loses with them. One hidden direction moves several
    units, so that neighbours of the unit at its root have a deficit too.

    Mechanisms, the first that applies:
    `dead`: never on; `always_on`: never off; `unheard`: no output depends on it whenever it is on;
    `shared_kink`: its summed input is a multiple of another unit's of the layer, so that both bend at the same inputs;
    `collapsed_input`: where it is on and heard, the layer before spans fewer dimensions than it does over all inputs;
    `hidden_kink`: all later paths are off where it bends; `none`: none of these.
    Each is a finding over the given inputs; a mechanism need not make a deficit.

    Args:
        model: `Linear`, `ReLU`, ..., `Linear` with biases, after an optional `Flatten`; left as it is.
        inputs: `(input, ...)`, many more than parameters.
        rtol: singular values above this share of the largest count.
        n_kinks: points at which a unit bends to look at, between inputs where it is on and off.
        batch_size: inputs of the Jacobian at a time.
        random_state: draws these pairs.

    Returns:
        over `unit` (`unit_id` "layer/index", `site` the layer): `active_fraction`, `local_deficit`, `mechanism`; the
        attributes `rank` and `upper_bound` are those of the network.

    Raises:
        InputError: for other models, no inputs or inputs that are not finite.

    Source: mechanisms after Grigsby, Lindsey & Rolnick 2023, arXiv:2306.06179 (abstract read; reconstructed).

    >>> from multiunit.networks import MultilayerPerceptron
    >>> net = MultilayerPerceptron([2, 4, 1])
    >>> with torch.no_grad():
    ...     _ = net.hidden_1.bias.copy_(torch.tensor([0.1, -100.0, 0.2, 0.0]))       # the second is dead
    >>> x = np.random.default_rng(0).normal(size=(500, 2))
    >>> unit_symmetries(net, x)["mechanism"].values.tolist()
    ['none', 'dead', 'none', 'none']
    """
    layers, names = _layers(model)
    x = torch.as_tensor(np.asarray(inputs), dtype=torch.float64).flatten(1)
    if len(x) < 2 or x.shape[1] != layers[0].in_features or not torch.isfinite(x).all():
        raise InputError(
            "inputs", tuple(x.shape), f"needs two or more finite inputs of {layers[0].in_features} numbers"
        )
    triangle: torch.Tensor | None = None
    for rows in x.split(batch_size):
        triangle = stacked(triangle, parameter_jacobian(nn.Sequential(*_alternating(layers)), rows))
    assert triangle is not None
    held = _held_lengths(layers)
    _, values, right = torch.linalg.svd(triangle @ held, full_matrices=True)
    rank = int((values > rtol * values[0]).sum())
    hidden = held @ right[rank:].T
    rng = np.random.default_rng(random_state)
    state = _run(layers, x)
    ids, sites, fraction, deficit, mechanism = [], [], [], [], []
    for depth, name in enumerate(names):
        for unit in range(layers[depth].out_features):
            own = _own(layers, depth, unit)
            ids.append(f"{name}/{unit}")
            sites.append(name)
            fraction.append(float((state.summed[depth][:, unit] > 0).double().mean()))
            deficit.append(_dimension(hidden[own]))
            mechanism.append(_mechanism(layers, x, state, depth, unit, rtol, n_kinks, rng))
    return xr.Dataset(
        {
            "active_fraction": ("unit", np.array(fraction)),
            "local_deficit": ("unit", np.array(deficit)),
            "mechanism": ("unit", np.array(mechanism, dtype=object)),
        },
        coords={
            "unit_id": ("unit", np.array(ids, dtype=object)),
            "site": ("unit", np.array(sites, dtype=object)),
        },
        attrs={"rank": rank, "upper_bound": held.shape[1]},
    )


def _layers(model: nn.Sequential) -> tuple[list[nn.Linear], list[str]]:
    """The linear layers in double precision, and the names of all but the last."""
    parts = [(name, part) for name, part in model.named_children() if not isinstance(part, nn.Flatten)]
    linear = [(name, copy.deepcopy(part).cpu().double()) for name, part in parts[::2] if isinstance(part, nn.Linear)]
    fits = len(parts) >= 3 and len(parts) % 2 == 1 and len(linear) == len(parts[::2])
    if not fits or not all(isinstance(part, nn.ReLU) for _, part in parts[1::2]):
        raise InputError("model", [type(part).__name__ for _, part in parts], "needs Linear, ReLU, ..., Linear")
    if any(layer.bias is None for _, layer in linear):
        raise InputError("model", [name for name, layer in linear if layer.bias is None], "these layers need a bias")
    return [layer for _, layer in linear], [name for name, _ in linear[:-1]]


def _alternating(layers: list[nn.Linear]) -> list[nn.Module]:
    parts: list[nn.Module] = []
    for layer in layers:
        parts += [layer, nn.ReLU()]
    return parts[:-1]


@torch.no_grad()
def _run(layers: list[nn.Linear], x: torch.Tensor) -> _State:
    entering, summed = [], []
    activity = x
    for layer in layers[:-1]:
        entering.append(activity)
        summed.append(layer(activity))
        activity = summed[-1].relu()
    slope = [layers[-1].weight.expand(len(x), -1, -1)]
    for depth in range(len(summed) - 1, 0, -1):
        slope.insert(0, (slope[0] * (summed[depth] > 0)[:, None]) @ layers[depth].weight)
    return _State(entering, summed, slope)


def _own(layers: list[nn.Linear], depth: int, unit: int) -> torch.Tensor:
    """Places of a unit's incoming weights, bias and outgoing weights among all parameters, in this order."""
    starts = np.cumsum([0, *(layer.weight.numel() + layer.out_features for layer in layers)])
    layer, after = layers[depth], layers[depth + 1]
    incoming = int(starts[depth]) + unit * layer.in_features + torch.arange(layer.in_features)
    bias = torch.tensor([int(starts[depth]) + layer.weight.numel() + unit])
    outgoing = int(starts[depth + 1]) + unit + after.in_features * torch.arange(after.out_features)
    return torch.cat([incoming, bias, outgoing])


@torch.no_grad()
def _held_lengths(layers: list[nn.Linear]) -> torch.Tensor:
    """Orthonormal directions, `(parameter, direction)`: all that leave the length of (weights, bias) of each hidden
    unit as it is. Nothing is lost: by scaling, a change of that length is as good as one of the outgoing weights."""
    n_parameters = sum(p.numel() for layer in layers for p in layer.parameters())
    kept = torch.eye(n_parameters, dtype=torch.float64)
    drop = []
    for depth, layer in enumerate(layers[:-1]):
        for unit in range(layer.out_features):
            own = _own(layers, depth, unit)[: layer.in_features + 1]
            along = torch.cat([layer.weight[unit], layer.bias[unit, None]])
            kept[own[:, None], own] = torch.linalg.qr(along[:, None], mode="complete").Q
            drop.append(int(own[0]))
    return kept[:, [i for i in range(n_parameters) if i not in drop]]


def _dimension(rows: torch.Tensor) -> int:
    # Rows of vectors of length 1: what is 0 comes out near 1e-12, and the rest far above.
    return int((torch.linalg.svdvals(rows) > 1e-7).sum()) if rows.shape[1] else 0


def _rank(rows: torch.Tensor, rtol: float) -> int:
    """Dimensions that rows and a constant span."""
    values = torch.linalg.svdvals(torch.cat([rows, torch.ones(len(rows), 1, dtype=rows.dtype)], dim=1))
    return int((values > rtol * values[0]).sum())


def _mechanism(
    layers: list[nn.Linear],
    x: torch.Tensor,
    state: _State,
    depth: int,
    unit: int,
    rtol: float,
    n_kinks: int,
    rng: np.random.Generator,
) -> str:
    summed = state.summed[depth]
    on = summed[:, unit] > 0
    if not on.any():
        return "dead"
    if on.all():
        return "always_on"
    counts = on & (state.slope[depth][:, :, unit] != 0).any(dim=1)
    if not counts.any():
        return "unheard"
    sizes = summed.norm(dim=0)
    others = (summed[:, unit] @ summed).abs() / (sizes[unit] * sizes).clamp_min(1e-300)
    others[unit] = 0
    if (others > 1 - 1e-9).any():
        return "shared_kink"
    entering = state.entering[depth]
    if _rank(entering[counts], rtol) < _rank(entering, rtol):
        return "collapsed_input"
    kinks = _kinks(layers, x[on], x[~on], depth, unit, n_kinks, rng)
    if not (_run(layers, kinks).slope[depth][:, :, unit] != 0).any():
        return "hidden_kink"
    return "none"


@torch.no_grad()
def _kinks(
    layers: list[nn.Linear],
    on: torch.Tensor,
    off: torch.Tensor,
    depth: int,
    unit: int,
    n_kinks: int,
    rng: np.random.Generator,
) -> torch.Tensor:
    """Points where the unit bends: the line from an input with it on to one with it off, halved again and again."""
    above, below = on[rng.integers(len(on), size=n_kinks)], off[rng.integers(len(off), size=n_kinks)]
    for _ in range(50):
        middle = (above + below) / 2
        is_on = _run(layers[: depth + 2], middle).summed[depth][:, unit, None] > 0
        above, below = torch.where(is_on, middle, above), torch.where(is_on, below, middle)
    return (above + below) / 2
