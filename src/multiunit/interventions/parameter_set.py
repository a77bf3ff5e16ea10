"""`ParameterSet`: chosen entries of a module's parameters, for methods whose "neurons" are weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from multiunit.core.edit import group_units
from multiunit.core.errors import InputError, SiteError
from multiunit.systems.sites import linear_shape
from multiunit.systems.torch_system import TorchSystem


@dataclass(frozen=True, eq=False)
class ParameterSet:
    """Entries of parameters: parameter name -> bool tensor of the parameter's shape.

    Sets of the same module combine with `|`, `&` and `-`.

    >>> first = ParameterSet({"w": torch.tensor([True, False, True])})
    >>> second = ParameterSet({"w": torch.tensor([True, True, False])})
    >>> len(first | second), len(first & second), len(first - second)
    (3, 1, 1)
    """

    masks: Mapping[str, torch.Tensor]

    def __post_init__(self) -> None:
        masks = {name: torch.as_tensor(np.asarray(mask)) for name, mask in self.masks.items()}
        for name, mask in masks.items():
            if mask.dtype != torch.bool:
                raise InputError("masks", (name, str(mask.dtype)), "needs bool, true for the entries that belong to it")
        object.__setattr__(self, "masks", masks)

    def __len__(self) -> int:
        return int(sum(int(mask.sum()) for mask in self.masks.values()))

    def __or__(self, other: ParameterSet) -> ParameterSet:
        return self._combine(other, torch.logical_or)

    def __and__(self, other: ParameterSet) -> ParameterSet:
        return self._combine(other, torch.logical_and)

    def __sub__(self, other: ParameterSet) -> ParameterSet:
        return self._combine(other, lambda a, b: a & ~b)

    def _combine(self, other: ParameterSet, operation: object) -> ParameterSet:
        names = dict.fromkeys([*self.masks, *other.masks])
        pairs = {name: (self.masks.get(name), other.masks.get(name)) for name in names}
        made = {}
        for name, (mine, theirs) in pairs.items():
            shape = mine if mine is not None else theirs
            assert shape is not None
            empty = torch.zeros_like(shape)
            made[name] = operation(mine if mine is not None else empty, theirs if theirs is not None else empty)  # type: ignore[operator]
        return ParameterSet(made)

    def parameters(self, module: nn.Module) -> dict[str, tuple[nn.Parameter, torch.Tensor]]:
        """The module's parameters of this set with their masks, on the parameters' devices.

        Raises:
            InputError: for a name or a shape that the module does not have.
        """
        own = dict(module.named_parameters())
        found = {}
        for name, mask in self.masks.items():
            if name not in own or own[name].shape != mask.shape:
                there = tuple(own[name].shape) if name in own else "no such parameter"
                raise InputError("parameter_set", (name, tuple(mask.shape)), f"does not fit the module: {there}")
            found[name] = (own[name], mask.to(own[name].device))
        return found


@contextmanager
def scaled_parameters(module: nn.Module, parameter_set: ParameterSet, *, gain: float = 0.0) -> Iterator[nn.Module]:
    """Within the block the chosen entries are multiplied by `gain`; afterwards every bit is as before.

    >>> net = nn.Linear(2, 1, bias=False)
    >>> _ = nn.init.ones_(net.weight)
    >>> with scaled_parameters(net, ParameterSet({"weight": torch.tensor([[True, False]])})):
    ...     net(torch.ones(1, 2)).item()
    1.0
    >>> net(torch.ones(1, 2)).item()
    2.0
    """
    chosen = parameter_set.parameters(module)
    kept = {name: parameter.detach()[mask].clone() for name, (parameter, mask) in chosen.items()}
    try:
        with torch.no_grad():
            for name, (parameter, mask) in chosen.items():
                parameter[mask] = kept[name] * gain
        yield module
    finally:
        with torch.no_grad():
            for name, (parameter, mask) in chosen.items():
                parameter[mask] = kept[name]


def parameters_of_units(
    system: TorchSystem, units: Sequence[str], *, incoming: bool = True, outgoing: bool = True
) -> ParameterSet:
    """The weights that drive units and those through which they act.

    Of an MLP neuron: its rows in the up and gate projections (weights and biases), and its column in the down
    projection. Of a unit that is a layer's output (linear, convolution): its row, which is all incoming.

    Args:
        system: any torch system.
        units: unit ids.
        incoming: rows that compute the unit.
        outgoing: columns that read it.

    Raises:
        SiteError: for a site whose weights cannot be told apart by unit, such as an attention head or a block.
    """
    module, sites = system.module, system.sites()
    names = {id(parameter): name for name, parameter in module.named_parameters()}
    masks: dict[str, torch.Tensor] = {}

    def add(parameter: nn.Parameter | None, index: np.ndarray, axis: int) -> None:
        if parameter is not None:
            mask = masks.setdefault(names[id(parameter)], torch.zeros(parameter.shape, dtype=torch.bool))
            mask.index_fill_(axis, torch.as_tensor(index), True)

    for site, index in group_units(units).items():
        if site not in sites.index:
            raise SiteError("units", site, "no such site; sites() lists them")
        kind, width = str(sites["kind"][site]), int(sites["n_units"][site])
        part = module.get_submodule(site)
        if kind == "mlp-neuron":
            if outgoing:
                add(part.weight, index, _axis(part, reads=True))  # type: ignore[arg-type]
            for up in _siblings(module, site, width) if incoming else []:
                inner = np.concatenate([index + start for start in range(0, linear_shape(up)[1], width)])  # type: ignore[index]
                add(up.weight, inner, _axis(up, reads=False))  # type: ignore[arg-type]
                add(getattr(up, "bias", None), inner, 0)
        elif kind in ("linear", "conv-channel"):
            if incoming:
                add(part.weight, index, _axis(part, reads=False))  # type: ignore[arg-type]
                add(getattr(part, "bias", None), index, 0)
        else:
            raise SiteError("units", site, f"units of a site of kind {kind!r} have no weights of their own")
    return ParameterSet(masks)


def _axis(part: nn.Module, *, reads: bool) -> int:
    """The axis of the weight that runs over inputs (`reads`) or outputs; GPT-2's layers are transposed."""
    transposed = type(part).__name__ == "Conv1D"
    return int(reads) if not transposed else int(not reads)


def _siblings(module: nn.Module, site: str, width: int) -> list[nn.Module]:
    """The up and gate projections beside a down projection: the nearest linear layers that give its input's width."""
    owner = site
    while owner:
        owner = owner.rpartition(".")[0]
        found = [
            part
            for name, part in module.get_submodule(owner).named_modules()
            if (shape := linear_shape(part)) and shape[1] in (width, 2 * width) and f"{owner}.{name}".strip(".") != site
        ]
        if found:
            return found
    raise SiteError("units", site, f"no layer beside it has {width} outputs: its incoming weights cannot be named")
