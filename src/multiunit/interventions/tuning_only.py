"""Train chosen parameters only, and keep every other bit of the module as it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from multiunit.core.errors import InputError
from multiunit.interventions.parameter_set import ParameterSet


@contextmanager
def tuning_only(
    module: nn.Module, parameter_set: ParameterSet, *, optimizer: torch.optim.Optimizer
) -> Iterator[nn.Module]:
    """Within the block steps of the optimizer change the chosen entries only; all others stay bit-identical.

    Gradients outside the set are zeroed, and what momentum or weight decay would still move is put back after every
    step. Parameters without a chosen entry get no gradient at all.

    Args:
        module: any module.
        parameter_set: the entries that are trained, such as `parameters_of_units(system, units)`.
        optimizer: over parameters of this module.

    Raises:
        InputError: for a set that is empty or does not fit, or an optimizer of none of its parameters.

    >>> net = nn.Linear(2, 1, bias=False)
    >>> before = net.weight.detach().clone()
    >>> optimizer = torch.optim.AdamW(net.parameters(), lr=0.1, weight_decay=0.5)
    >>> with tuning_only(net, ParameterSet({"weight": torch.tensor([[True, False]])}), optimizer=optimizer):
    ...     net(torch.ones(1, 2)).sum().backward()
    ...     optimizer.step()
    >>> (net.weight != before).tolist()
    [[True, False]]
    """
    chosen = parameter_set.parameters(module)
    if not len(parameter_set):
        raise InputError("parameter_set", "(empty)", "choose at least one entry to train")
    trained = {id(p) for group in optimizer.param_groups for p in group["params"]}
    if not any(id(parameter) in trained for parameter, _ in chosen.values()):
        raise InputError("optimizer", type(optimizer).__name__, "trains none of the chosen parameters")
    frozen = [(p, p.requires_grad) for name, p in module.named_parameters() if name not in chosen]
    kept = [(parameter, mask, parameter.detach().clone()) for parameter, mask in chosen.values()]

    def put_back(*_: Any) -> None:
        with torch.no_grad():
            for parameter, mask, before in kept:
                parameter.copy_(torch.where(mask, parameter, before))

    handles: list[Any] = [optimizer.register_step_post_hook(put_back)]
    handles += [parameter.register_hook(_masked(mask)) for parameter, mask in chosen.values()]
    for parameter, _ in frozen:
        parameter.requires_grad_(False)
        # What an earlier backward pass left here would still be stepped along.
        parameter.grad = None
    for parameter, mask in chosen.values():
        if parameter.grad is not None:
            parameter.grad = parameter.grad * mask
    try:
        yield module
    finally:
        for handle in handles:
            handle.remove()
        for parameter, wanted in frozen:
            parameter.requires_grad_(wanted)


def _masked(mask: torch.Tensor) -> Any:
    return lambda gradient: gradient * mask
