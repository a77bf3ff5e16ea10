"""Gradient descent on all data at once, until a loss is reached: for comparisons at the same loss."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from multiunit.core.errors import InputError


def descend_until(
    model: nn.Module,
    loss: Callable[[nn.Module], torch.Tensor],
    *,
    until: float,
    learning_rate: float,
    momentum: float = 0.0,
    most_steps: int = 5000,
) -> np.ndarray:
    """Step down the gradient of `loss(model)`, in place, until it is below `until`.

    v <- momentum v + gradient, theta <- theta - learning_rate v.

    Args:
        model: whose parameters learn.
        loss: one number from the model, on all data.
        until: where to stop.
        learning_rate, momentum: of the steps.
        most_steps: stop in any case.

    Returns:
        The loss before each step, and at last; the goal was reached if the last is below `until`.

    Raises:
        InputError: for a loss that is not finite.

    >>> net = nn.Linear(1, 1, bias=False)
    >>> losses = descend_until(net, lambda m: ((m.weight - 2) ** 2).sum(), until=1e-6, learning_rate=0.25)
    >>> bool(losses[-1] < 1e-6), round(float(losses[1] / losses[0]), 3)      # the error is halved by each step
    (True, 0.25)
    """
    if most_steps < 1 or not learning_rate > 0:
        raise InputError("most_steps" if most_steps < 1 else "learning_rate", (most_steps, learning_rate), "above 0")
    optimiser = torch.optim.SGD(model.parameters(), lr=learning_rate, momentum=momentum)
    losses = []
    for step in range(most_steps + 1):
        now = loss(model)
        losses.append(now.item())
        if not np.isfinite(losses[-1]):
            raise InputError("learning_rate", learning_rate, f"the loss of step {step} is not finite; lower it")
        if losses[-1] < until or step == most_steps:
            break
        optimiser.zero_grad(set_to_none=True)
        now.backward()
        optimiser.step()
    return np.array(losses)
