"""The loop that all training of networks shares: draw a batch, take a step, keep its loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from multiunit.core.errors import InputError


class Trainable(Protocol):
    """What has parameters and can be set to training, as any module."""

    def parameters(self) -> Any: ...

    def train(self, mode: bool = True) -> Any: ...


def minimise(
    model: Trainable,
    loss: Callable[[], torch.Tensor],
    *,
    optimiser: torch.optim.Optimizer,
    n_steps: int,
    schedule: torch.optim.lr_scheduler.LRScheduler | None = None,
    clip: float | None = None,
    random_state: int | np.random.Generator = 0,
) -> np.ndarray:
    """Take steps down the loss of ever new batches, in place.

    Args:
        model: set to training for the while, and to what it was after that.
        loss: draws a batch and gives its loss, one number.
        optimiser: over the model's parameters.
        n_steps: updates.
        schedule: of the learning rate; steps after every update.
        clip: largest norm of the gradient of all parameters that learn; None leaves it as it is.
        random_state: seeds torch for what the model draws, such as dropout; its global generators are left alone.

    Returns:
        The loss of every step, `(n_steps,)`.

    Raises:
        InputError: for a loss that is not finite.

    >>> line = nn.Linear(1, 1)
    >>> optimiser = torch.optim.Adam(line.parameters(), lr=0.1)
    >>> losses = minimise(line, lambda: (line(torch.ones(1, 1)) - 3).square().sum(), optimiser=optimiser, n_steps=200)
    >>> losses.shape, bool(losses[-1] < 1e-4)
    ((200,), True)
    """
    device = next(iter(model.parameters())).device
    learned = [p for p in model.parameters() if p.requires_grad]
    losses = np.empty(n_steps)
    was_training = bool(getattr(model, "training", True))
    model.train()
    try:
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(int(np.random.default_rng(random_state).integers(2**31)))
            for step in range(n_steps):
                error = loss()
                optimiser.zero_grad(set_to_none=True)
                error.backward()
                if clip is not None:
                    nn.utils.clip_grad_norm_(learned, clip)
                optimiser.step()
                if schedule is not None:
                    schedule.step()
                losses[step] = error.item()
                if not np.isfinite(losses[step]):
                    group = optimiser.param_groups[0]
                    mend = f"the loss of step {step} is not finite; lower it"
                    raise InputError("learning_rate", group.get("initial_lr", group["lr"]), mend)
    finally:
        model.train(was_training)
    return losses
