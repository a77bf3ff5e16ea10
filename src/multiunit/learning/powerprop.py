"""Powerpropagation: large weights learn faster than small ones, so that many stay near zero and can be pruned."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrize

from multiunit.core.errors import InputError


class PowerWeight(nn.Module):
    """w = theta |theta|^(alpha - 1), a parameterisation of weights for `torch.nn.utils.parametrize`.

    >>> PowerWeight(2.0)(torch.tensor([-3.0, 0.0, 0.5])).tolist()
    [-9.0, 0.0, 0.25]
    """

    def __init__(self, alpha: float) -> None:
        super().__init__()
        if not 1 <= alpha < float("inf"):
            raise InputError("alpha", alpha, "must be at least 1; 1 changes nothing")
        self.alpha = alpha

    def forward(self, theta: torch.Tensor) -> torch.Tensor:
        return theta if self.alpha == 1 else theta.sign() * theta.abs() ** self.alpha

    def right_inverse(self, w: torch.Tensor) -> torch.Tensor:
        return w.sign() * w.abs() ** (1 / self.alpha)


def powerprop(model: nn.Module, *, alpha: float = 2.0) -> nn.Module:
    """Let the weights of linear and convolutional layers be powers of what learns; the network stays the same function.

    w = theta |theta|^(alpha - 1), and theta starts where w is what it was. Biases are left alone. Gradient descent on
    theta is, for small steps, descent on w with its gradient times alpha^2 |w|^(2 - 2 / alpha): see `PowerpropSGD`.

    Args:
        model: changed in place.
        alpha: power; 1 changes nothing.

    Returns:
        The model.

    Raises:
        InputError: for a power below 1, a model without such layers, or one that has been through this.

    Source: Schwarz, Jayakumar, Pascanu, Latham & Teh, arXiv:2110.00296.

    >>> net = nn.Linear(1, 1)
    >>> _ = net.weight.data.fill_(0.25)
    >>> powerprop(net, alpha=2.0).weight.tolist(), net.parametrizations.weight.original.tolist()
    ([[0.25]], [[0.5]])
    """
    layers = [m for m in model.modules() if isinstance(m, (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d))]
    if not layers:
        raise InputError("model", type(model).__name__, "has no linear or convolutional layer")
    if any(parametrize.is_parametrized(layer, "weight") for layer in layers):
        raise InputError("model", type(model).__name__, "has weights that are parameterised already")
    for layer in layers:
        parametrize.register_parametrization(layer, "weight", PowerWeight(alpha))
    return model


class PowerpropSGD(torch.optim.Optimizer):
    """w <- w - lr alpha^2 |w|^(2 - 2 / alpha) gradient: powerpropagation as an optimiser of ordinary weights.

    For small steps it takes weights along the path of gradient descent on theta, w = theta |theta|^(alpha - 1). Give
    biases in a group with alpha 1, which is plain gradient descent: a weight that is 0 stays 0 for any larger power.

    Args:
        params: what learns, or groups of it, each of which may have its own `lr` and `alpha`.
        lr: learning rate.
        alpha: power.

    Raises:
        InputError: for values out of range.

    Source: Pascanu et al., arXiv:2507.12224, on Schwarz et al., arXiv:2110.00296.

    >>> w = nn.Parameter(torch.tensor([1.0, 0.25, 0.0]))
    >>> w.grad = torch.ones(3)
    >>> PowerpropSGD([w], lr=0.01, alpha=2.0).step()
    >>> w.tolist()
    [0.9599999785423279, 0.23999999463558197, 0.0]
    """

    def __init__(self, params: Iterable[Any], *, lr: float, alpha: float = 2.0) -> None:
        super().__init__(params, {"lr": lr, "alpha": alpha})
        for group in self.param_groups:
            if not 0 < group["lr"] < float("inf") or not 1 <= group["alpha"] < float("inf"):
                raise InputError("lr", (group["lr"], group["alpha"]), "lr must be above 0, alpha at least 1")

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Update all parameters that have a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            alpha = group["alpha"]
            for w in group["params"]:
                if w.grad is not None:
                    w.sub_(group["lr"] * alpha**2 * w.abs() ** (2 - 2 / alpha) * w.grad)
        return loss
