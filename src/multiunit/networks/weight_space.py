"""Networks that read other networks: their layers treat hidden units of what they read alike, whatever their order."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import nn

from multiunit.core.errors import InputError

Reduction = Literal["mean", "max"]
Axes = tuple[int, ...]


class StackedWeights(NamedTuple):
    """Of many networks of one shape: each layer's weights `(network, out, in)` and biases `(network, out)`."""

    weights: list[torch.Tensor]
    biases: list[torch.Tensor]


def stack_mlps(modules: Sequence[nn.Module]) -> torch.Tensor:
    """The parameters of many multilayer perceptrons of one shape, `(network, parameter)`.

    Parameters stand as torch has them: the first layer's weights, row by row, its biases, the second layer's weights...

    Args:
        modules: whose linear layers, in the order of the module's parts, are all there is to learn.

    Raises:
        InputError: for no modules, other parameters than those of linear layers with biases, or shapes that differ.

    >>> stack_mlps([nn.Sequential(nn.Linear(1, 4), nn.Tanh(), nn.Linear(4, 2)) for _ in range(3)]).shape
    torch.Size([3, 18])
    """
    if not modules:
        raise InputError("modules", "(none)", "give at least one network")
    flat, shapes = [], []
    for module in modules:
        lines = [part for part in module.modules() if isinstance(part, nn.Linear) and part.bias is not None]
        sizes = [(line.out_features, line.in_features) for line in lines]
        if sum(out * (into + 1) for out, into in sizes) != sum(p.numel() for p in module.parameters()):
            raise InputError("modules", type(module).__name__, "may learn nothing but linear layers with biases")
        shapes.append(sizes)
        flat.append(torch.cat([p.detach().flatten() for line in lines for p in (line.weight, line.bias)]))
    if any(sizes != shapes[0] for sizes in shapes):
        raise InputError("modules", shapes, "must all have the same layers")
    return torch.stack(flat)


def flat_weights(weights: Sequence[torch.Tensor], biases: Sequence[torch.Tensor]) -> torch.Tensor:
    """Layers `(network, out, in, ...)` and `(network, out, ...)` as `(network, parameter, ...)`.

    `stacked_weights` undoes it.

    >>> flat_weights([torch.ones(2, 3, 1), torch.ones(2, 1, 3)], [torch.zeros(2, 3), torch.zeros(2, 1)]).shape
    torch.Size([2, 10])
    """
    return torch.cat([part for w, b in zip(weights, biases, strict=True) for part in (w.flatten(1, 2), b)], dim=1)


def stacked_weights(flat: torch.Tensor, *, sizes: Sequence[int]) -> StackedWeights:
    """`(network, parameter, ...)` as layers `(network, out, in, ...)` and `(network, out, ...)`.

    Args:
        flat: as `stack_mlps` gives them; further axes, such as channels, are kept.
        sizes: units of the input, of each hidden layer and of the output.

    Raises:
        InputError: for sizes without a hidden layer, or that have not as many parameters.

    >>> [tuple(w.shape) for w in stacked_weights(torch.zeros(2, 10), sizes=[1, 3, 1]).weights]
    [(2, 3, 1), (2, 1, 3)]
    """
    _checked(sizes)
    lengths = [length for into, out in pairwise(sizes) for length in (out * into, out)]
    if flat.ndim < 2 or flat.shape[1] != sum(lengths):
        raise InputError("flat", tuple(flat.shape), f"needs (network, parameter) of {sum(lengths)} parameters")
    parts = flat.split(lengths, dim=1)
    weights = [part.unflatten(1, (out, into)) for part, (into, out) in zip(parts[::2], pairwise(sizes), strict=True)]
    return StackedWeights(weights, list(parts[1::2]))


def permute_hidden(
    flat: torch.Tensor, *, sizes: Sequence[int], random_state: int | np.random.Generator = 0
) -> torch.Tensor:
    """The same networks with the units of every hidden layer in another order: what they compute is unchanged.

    W_m -> P_m W_m P_(m-1)', b_m -> P_m b_m; inputs and outputs keep theirs. Each network has orders of its own.

    Args:
        flat: `(network, parameter, ...)`.
        sizes: as for `stacked_weights`.
        random_state: draws the orders.

    Raises:
        InputError: as `stacked_weights` does.

    >>> flat = torch.arange(10.0)[None]
    >>> moved = permute_hidden(flat, sizes=[1, 3, 1], random_state=0)
    >>> bool((moved != flat).any()), (moved[0, :3] @ moved[0, 6:9]).item()    # the way through the units is the same
    (True, 23.0)
    """
    stacked = stacked_weights(flat, sizes=sizes)
    rng = np.random.default_rng(random_state)
    weights, biases = list(stacked.weights), list(stacked.biases)
    network = torch.arange(len(flat), device=flat.device)[:, None]
    for m, size in enumerate(sizes[1:-1]):
        order = torch.as_tensor(rng.permuted(np.tile(np.arange(size), (len(flat), 1)), axis=1), device=flat.device)
        weights[m], biases[m] = weights[m][network, order], biases[m][network, order]
        weights[m + 1] = weights[m + 1].transpose(1, 2)[network, order].transpose(1, 2)
    return flat_weights(weights, biases)


class Standard(NamedTuple):
    """Mean and deviation of every parameter, `(parameter,)`."""

    mean: torch.Tensor
    deviation: torch.Tensor


def standard(flat: torch.Tensor, *, sizes: Sequence[int]) -> Standard:
    """Mean and standard deviation of the parameters, over networks and over hidden units.

    Parameters that a new order of hidden units can put in each other's place share them, so that (flat - mean) /
    deviation keeps the symmetry; a mean for every parameter of its own, as is often taken, does not. 1 stands for a
    deviation of 0.

    Args:
        flat: `(network, parameter)`.
        sizes: as for `stacked_weights`.

    >>> standard(torch.tensor([[1.0, 3.0, 0.0, 0.0, 5.0, 5.0, 2.0]]), sizes=[1, 2, 1]).mean.tolist()
    [2.0, 2.0, 0.0, 0.0, 5.0, 5.0, 2.0]
    """
    means, deviations = [], []
    for part in _merged(flat[..., None], sizes):
        dims = tuple(range(part.ndim - 1))
        means.append(part.mean(dims).expand_as(part[:1]))
        deviations.append(part.std(dims, correction=0).expand_as(part[:1]))
    mean, deviation = (_unmerged(parts, _plan(sizes))[0, :, 0] for parts in (means, deviations))
    return Standard(mean, torch.where(deviation > 0, deviation, torch.ones_like(deviation)))


class DWSLayer(nn.Module):
    """All linear maps of weights and biases to weights and biases that commute with new orders of hidden units.

    For each target tensor T and each subset K of its hidden axes: every source that has the axes K is pooled over its
    other hidden axes, a linear map takes the channels of them all to those of T, and what comes out is broadcast along
    the axes of T that are not in K; these are summed over K. Units of input and output, which keep their order, are
    channels. With K all axes of T, entries map to entries; with K empty all is pooled; a matrix between hidden layers
    reaches the next through the layer that they share.

    Args:
        sizes: units of the input, of each hidden layer and of the output, of the networks that are read.
        n_in, n_out: channels of every parameter, before and after.
        reduction: how axes are pooled: `"mean"`, which is linear, or `"max"`.

    Raises:
        InputError: for sizes without a hidden layer, no channels, or an unknown reduction.

    Source: Navon et al. 2023, arXiv:2301.12780, and the authors' code, whose blocks of pooling, dense maps and
    DeepSets layers, one for each pair of tensors, span the same maps; the pairs share one map for each K here.

    >>> layer = DWSLayer([1, 4, 3, 2], n_in=1, n_out=5)
    >>> layer(torch.zeros(7, 31, 1)).shape
    torch.Size([7, 31, 5])
    """

    def __init__(self, sizes: Sequence[int], *, n_in: int, n_out: int, reduction: Reduction = "mean") -> None:
        super().__init__()
        if reduction not in ("mean", "max"):
            raise InputError("reduction", reduction, "is neither mean nor max")
        if n_in < 1 or n_out < 1:
            raise InputError("n_in" if n_in < 1 else "n_out", min(n_in, n_out), "must be at least 1")
        self.sizes, self.reduction, self.plan = _checked(sizes), reduction, _plan(sizes)
        self.maps = nn.ModuleDict()
        for number, target in enumerate(self.plan):
            for kept in _subsets(target.axes):
                n_read = n_in * sum(source.n_fixed for source in self.plan if set(kept) <= set(source.axes))
                # One bias a channel of the target is all that the symmetry allows.
                self.maps[_name(number, kept)] = nn.Linear(n_read, n_out * target.n_fixed, bias=not kept)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`(network, parameter, n_in)` to `(network, parameter, n_out)`."""
        parts = _merged(x, self.sizes)
        read: dict[Axes, torch.Tensor] = {}
        out = []
        for number, target in enumerate(self.plan):
            total: torch.Tensor | None = None
            for kept in _subsets(target.axes):
                if kept not in read:
                    read[kept] = _pooled(parts, self.plan, kept, self.reduction)
                found = self.maps[_name(number, kept)](read[kept])
                for place, axis in enumerate(target.axes, start=1):
                    found = found if axis in kept else found.unsqueeze(place)
                total = found if total is None else total + found
            assert total is not None  # the empty subset is always there
            out.append(total)
        return _unmerged(out, self.plan)


class DWSNet(nn.Module):
    """Deep weight-space network: weights in, weights out, and a new order of hidden units in is that order out.

    x -> layer_n(relu(... relu(layer_1(x)))), each a `DWSLayer`.

    Args:
        sizes: units of the input, of each hidden layer and of the output, of the networks that are read.
        width: channels of the layers between.
        n_layers: layers, at least 1.
        n_out: channels of every parameter that come out.
        reduction: as for `DWSLayer`.
        random_state: draws the weights; the global generator is left alone.

    Raises:
        InputError: as `DWSLayer` does, or for no layers.

    Source: Navon et al. 2023, arXiv:2301.12780.

    >>> sizes, flat = [2, 4, 3], torch.randn(5, 27, generator=torch.manual_seed(0))
    >>> net = DWSNet(sizes, n_out=2)
    >>> moved = permute_hidden(flat, sizes=sizes, random_state=3)
    >>> torch.allclose(net(moved), permute_hidden(net(flat), sizes=sizes, random_state=3), atol=1e-6)
    True
    """

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        width: int = 16,
        n_layers: int = 3,
        n_out: int = 1,
        reduction: Reduction = "mean",
        random_state: int | np.random.Generator = 0,
    ) -> None:
        super().__init__()
        if n_layers < 1:
            raise InputError("n_layers", n_layers, "must be at least 1")
        channels = [1, *[width] * (n_layers - 1), n_out]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(np.random.default_rng(random_state).integers(2**31)))
            self.layers = nn.ModuleList(
                DWSLayer(sizes, n_in=n_in, n_out=n_next, reduction=reduction) for n_in, n_next in pairwise(channels)
            )

    def forward(self, flat: torch.Tensor) -> torch.Tensor:
        """`(network, parameter)` to `(network, parameter, n_out)`."""
        x = self.layers[0](flat[..., None])
        for layer in self.layers[1:]:
            x = layer(torch.relu(x))
        return x


class InvariantDWSNet(nn.Module):
    """Deep weight-space network that says something of each network, whatever the order of its hidden units.

    The `width` channels of a `DWSNet`, rectified, are pooled over hidden units, parameters of different fixed units
    apart, and go through a perceptron with one hidden layer.

    Args:
        sizes, width, n_layers, reduction, random_state: as for `DWSNet`.
        n_out: numbers to say.
        n_hidden: units of the perceptron.

    Raises:
        InputError: as `DWSNet` does, or for no units.

    Source: Navon et al. 2023, arXiv:2301.12780.

    >>> sizes, flat = [1, 4, 4, 1], torch.randn(5, 33, generator=torch.manual_seed(0))
    >>> net = InvariantDWSNet(sizes, n_out=2)
    >>> net(flat).shape, torch.allclose(net(flat), net(permute_hidden(flat, sizes=sizes)), atol=1e-6)
    (torch.Size([5, 2]), True)
    """

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        width: int = 16,
        n_layers: int = 3,
        n_out: int = 1,
        n_hidden: int = 64,
        reduction: Reduction = "mean",
        random_state: int | np.random.Generator = 0,
    ) -> None:
        super().__init__()
        if n_out < 1 or n_hidden < 1:
            raise InputError("n_out" if n_out < 1 else "n_hidden", min(n_out, n_hidden), "must be at least 1")
        rng = np.random.default_rng(random_state)
        self.trunk = DWSNet(sizes, width=width, n_layers=n_layers, n_out=width, reduction=reduction, random_state=rng)
        self.sizes, self.reduction, self.plan = _checked(sizes), reduction, _plan(sizes)
        n_read = width * sum(part.n_fixed for part in self.plan)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(rng.integers(2**31)))
            self.head = nn.Sequential(nn.Linear(n_read, n_hidden), nn.ReLU(), nn.Linear(n_hidden, n_out))

    def forward(self, flat: torch.Tensor) -> torch.Tensor:
        """`(network, parameter)` to `(network, n_out)`."""
        parts = _merged(torch.relu(self.trunk(flat)), self.sizes)
        return self.head(_pooled(parts, self.plan, (), self.reduction))


class _Part(NamedTuple):
    """One tensor of the networks: the hidden layers that its axes run over, last first, and how many fixed units."""

    axes: Axes
    n_fixed: int


def _plan(sizes: Sequence[int]) -> list[_Part]:
    """W_1, b_1, W_2, ...: the axes of inputs and outputs are fixed, and become channels."""
    last = len(sizes) - 1
    plan = []
    for m in range(1, last + 1):
        hidden = tuple(layer for layer in (m, m - 1) if 0 < layer < last)
        plan.append(_Part(hidden, sizes[0] if m == 1 else sizes[-1] if m == last else 1))
        plan.append(_Part((m,) if m < last else (), sizes[-1] if m == last else 1))
    return plan


def _merged(flat: torch.Tensor, sizes: Sequence[int]) -> list[torch.Tensor]:
    """`(network, parameter, channel)` as tensors `(network, hidden axes..., fixed x channel)`."""
    stacked = stacked_weights(flat, sizes=sizes)
    # The first matrix is (network, hidden, fixed, channel) as it stands; the last has its fixed axis first.
    weights = [stacked.weights[0].flatten(2), *stacked.weights[1:-1], stacked.weights[-1].transpose(1, 2).flatten(2)]
    biases = [*stacked.biases[:-1], stacked.biases[-1].flatten(1)]
    return [part for pair in zip(weights, biases, strict=True) for part in pair]


def _unmerged(parts: Sequence[torch.Tensor], plan: Sequence[_Part]) -> torch.Tensor:
    apart = [part.unflatten(-1, (of.n_fixed, -1)) for part, of in zip(parts, plan, strict=True)]
    n_channels = apart[0].shape[-1]
    apart[-2] = apart[-2].transpose(1, 2)
    return torch.cat([part.reshape(len(part), -1, n_channels) for part in apart], dim=1)


def _checked(sizes: Sequence[int]) -> tuple[int, ...]:
    if len(sizes) < 3 or min(sizes) < 1:
        raise InputError(
            "sizes", list(sizes), "give the units of the input, of one or more hidden layers, of the output"
        )
    return tuple(sizes)


def _subsets(axes: Axes) -> list[Axes]:
    return [kept for n in range(len(axes) + 1) for kept in combinations(axes, n)]


def _name(number: int, kept: Axes) -> str:
    return "_".join(map(str, (number, *kept)))


def _pooled(parts: Sequence[torch.Tensor], plan: Sequence[_Part], kept: Axes, reduction: Reduction) -> torch.Tensor:
    """Every tensor that has the axes `kept`, pooled over its other axes, side by side `(network, kept..., channel)`."""
    found = []
    for part, of in zip(parts, plan, strict=True):
        if set(kept) <= set(of.axes):
            gone = [place for place, axis in enumerate(of.axes, start=1) if axis not in kept]
            if gone:
                part = part.mean(gone) if reduction == "mean" else part.amax(gone)
            found.append(part)
    return torch.cat(found, dim=-1)
