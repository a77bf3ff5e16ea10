"""Rich or lazy: how far learning moved a network's tangent kernel, its representation and its weights."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from multiunit.core.errors import InputError


class Richness(NamedTuple):
    """Args:
    kernel_alignment: of the tangent kernels before and after; 1 is lazy, small is rich.
    representation_alignment: likewise of the hidden states' inner products.
    weight_change: ||theta - theta_0|| / ||theta_0||.
    """

    kernel_alignment: float
    representation_alignment: float
    weight_change: float


def tangent_kernel(output: Callable[[nn.Module], torch.Tensor], model: nn.Module) -> np.ndarray:
    """K = J J', J the derivatives of every output for every item by every weight that learns.

    Args:
        output: `output(model)` runs the items and gives `(item, ...)`.
        model: whose parameters with `requires_grad` count.

    Returns:
        float64 `(item * outputs, item * outputs)`.

    Raises:
        InputError: for an output that depends on no weight.

    Source: Jacot, Gabriel & Hongler, arXiv:1806.07572.

    >>> x = torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    >>> tangent_kernel(lambda net: net(x), nn.Linear(2, 1)).tolist()              # x x' + 1 of the bias
    [[2.0, 2.0], [2.0, 3.0]]
    """
    weights = [p for p in model.parameters() if p.requires_grad]
    found = output(model).flatten()
    if not weights or not found.requires_grad:
        raise InputError("output", tuple(found.shape), "must depend on weights of the model that learn")
    rows = []
    for value in found:
        slopes = torch.autograd.grad(value, weights, retain_graph=True, allow_unused=True)
        pairs = zip(slopes, weights, strict=True)
        rows.append(torch.cat([(torch.zeros_like(w) if g is None else g).flatten() for g, w in pairs]))
    jacobian = torch.stack(rows).double()
    return (jacobian @ jacobian.T).numpy()


def richness(
    model: nn.Module,
    *,
    before: Mapping[str, Any],
    output: Callable[[nn.Module], torch.Tensor],
    hidden: Callable[[nn.Module], torch.Tensor],
) -> Richness:
    """Compare a network as it is with its own start, on a fixed set of items.

    alignment(K_0, K) = tr(K_0 K) / (||K_0||_F ||K||_F), not centred, for K = `tangent_kernel` and for K = H H'.

    Args:
        model: after learning; left as it is.
        before: its state dictionary at the start (a copy: `copy.deepcopy(model.state_dict())`).
        output: `output(model)` runs the items and gives `(item, ...)`.
        hidden: `hidden(model)` gives H, `(item, unit)`.

    Raises:
        InputError: for a kernel that is 0.

    Source: Liu et al., arXiv:2310.08513 (reconstructed, text not read).

    >>> net = nn.Linear(2, 1)
    >>> x = torch.eye(2)
    >>> start = copy.deepcopy(net.state_dict())
    >>> _ = net.weight.data.mul_(2), net.bias.data.mul_(2)
    >>> found = richness(net, before=start, output=lambda m: m(x), hidden=lambda m: x)   # linear: nothing but weights
    >>> [round(value, 6) for value in found]
    [1.0, 1.0, 1.0]
    """
    first = copy.deepcopy(model)
    first.load_state_dict(before)
    with torch.no_grad():
        states = [hidden(net).double().numpy() for net in (first, model)]
    kernels = [tangent_kernel(output, net) for net in (first, model)]
    pairs = [(a.detach(), b.detach()) for a, b in zip(first.parameters(), model.parameters(), strict=True)]
    change = sum(float(((b - a) ** 2).sum()) for a, b in pairs)
    size = sum(float((a**2).sum()) for a, _ in pairs)
    return Richness(
        _alignment("output", kernels), _alignment("hidden", [h @ h.T for h in states]), float(np.sqrt(change / size))
    )


def _alignment(name: str, kernels: list[np.ndarray]) -> float:
    one, two = kernels
    size = np.linalg.norm(one) * np.linalg.norm(two)
    if not size > 0:
        raise InputError(name, "0", "its kernel is 0 before or after learning; give items that drive the network")
    return float(np.sum(one * two) / size)
