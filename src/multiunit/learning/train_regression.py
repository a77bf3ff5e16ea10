"""Train a network to give a target for each input: numbers, or sequences of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import mse_loss

from multiunit.core.errors import InputError
from multiunit.learning.minimise import minimise


def train_regression(
    model: nn.Module,
    inputs: Any,
    *,
    targets: Any,
    n_steps: int,
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = mse_loss,
    batch_size: int = 64,
    learning_rate: float = 1e-3,
    clip: float = 1.0,
    decay: bool = False,
    random_state: int | np.random.Generator = 0,
) -> np.ndarray:
    """Minimise the loss of `model(inputs)` against the targets, in place, by Adam.

    Args:
        model: takes a batch of inputs, and gives what the loss compares with the targets.
        inputs, targets: arrays or tensors `(item, ...)`, as many of both; taken as float32.
        n_steps: updates.
        loss: `loss(found, targets)` gives one number; the mean squared error if not given.
        batch_size: items a step, drawn with replacement.
        learning_rate: Adam's.
        clip: largest norm of all gradients together.
        decay: whether the learning rate falls to 0 along half a cosine; else it is constant.
        random_state: draws the batches and whatever the model draws; the global generators are left alone.

    Returns:
        The loss of every step, `(n_steps,)`.

    Raises:
        InputError: for no items, numbers of items that differ, or numbers or a loss that are not finite.

    >>> x = np.linspace(-1, 1, 50)[:, None]
    >>> net = nn.Linear(1, 1)
    >>> losses = train_regression(net, x, targets=3.0 * x - 1.0, n_steps=300, learning_rate=0.05)
    >>> round(net.weight.item(), 2), round(net.bias.item(), 2)
    (3.0, -1.0)
    """
    x, y = (
        value if isinstance(value, torch.Tensor) else torch.as_tensor(np.array(value)) for value in (inputs, targets)
    )
    if not len(x) or not torch.isfinite(x).all():
        raise InputError("inputs", tuple(x.shape), "needs at least one item, and finite numbers only")
    if len(y) != len(x) or not torch.isfinite(y).all():
        raise InputError("targets", tuple(y.shape), f"needs {len(x)} items, as the inputs, and finite numbers only")
    if n_steps < 1 or batch_size < 1:
        raise InputError("n_steps" if n_steps < 1 else "batch_size", min(n_steps, batch_size), "must be at least 1")
    rng = np.random.default_rng(random_state)
    device = next(model.parameters()).device
    x, y = x.float().to(device), y.float().to(device)
    optimiser = torch.optim.Adam(model.parameters(), lr=learning_rate)
    shares = 0.5 + 0.5 * np.cos(np.pi * np.arange(n_steps) / n_steps) if decay else np.ones(n_steps)
    # One share more, for the step after the last.
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: shares[min(step, n_steps - 1)])

    def batch_loss() -> torch.Tensor:
        chosen = torch.as_tensor(rng.integers(len(x), size=batch_size), device=device)
        return loss(model(x[chosen]), y[chosen])

    return minimise(
        model, batch_loss, optimiser=optimiser, n_steps=n_steps, schedule=schedule, clip=clip, random_state=rng
    )
