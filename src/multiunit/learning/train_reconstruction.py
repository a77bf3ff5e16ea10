"""Train a network to give its input back."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import mse_loss

from multiunit.core.errors import InputError
from multiunit.learning.minimise import minimise


def train_reconstruction(
    model: nn.Module,
    inputs: Any,
    *,
    n_steps: int,
    batch_size: int = 64,
    learning_rate: float = 1e-3,
    random_state: int | np.random.Generator = 0,
) -> np.ndarray:
    """Minimise the mean squared error of `model(x)` to x, in place, by Adam.

    Args:
        model: `model(inputs)` has the shape of its inputs.
        inputs: array or tensor `(input, ...)`, taken as float32.
        n_steps: updates.
        batch_size: inputs a step, drawn with replacement.
        learning_rate: Adam's, constant.
        random_state: draws the batches and any dropout; the global generators are left alone.

    Returns:
        The loss of every step, `(n_steps,)`.

    Raises:
        InputError: for no inputs, inputs or a loss that are not finite, or sizes below 1.

    >>> x = np.random.default_rng(0).normal(size=(64, 2)) @ [[1.0, 2.0, 0.0], [0.0, 1.0, 1.0]]
    >>> net = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 3))
    >>> losses = train_reconstruction(net, x, n_steps=400, learning_rate=0.02)
    >>> bool(losses[-1] < 0.1 * losses[0])
    True
    """
    x = torch.as_tensor(inputs) if isinstance(inputs, torch.Tensor) else torch.as_tensor(np.asarray(inputs, np.float32))
    if not len(x) or not torch.isfinite(x).all():
        raise InputError("inputs", tuple(x.shape), "needs at least one input, and finite numbers only")
    if n_steps < 1 or batch_size < 1:
        raise InputError("n_steps" if n_steps < 1 else "batch_size", min(n_steps, batch_size), "must be at least 1")
    rng = np.random.default_rng(random_state)
    device = next(model.parameters()).device
    x = x.float().to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)

    def loss() -> torch.Tensor:
        batch = x[torch.as_tensor(rng.integers(len(x), size=batch_size), device=device)]
        return mse_loss(model(batch), batch)

    return minimise(model, loss, optimiser=optimizer, n_steps=n_steps, random_state=rng)
