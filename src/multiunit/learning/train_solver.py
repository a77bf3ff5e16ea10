"""Train a network to fill in boards that are drawn anew at every step."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from multiunit.core.errors import InputError


def train_solver(
    model: nn.Module,
    draw: Callable[[int, np.random.Generator], tuple[np.ndarray, np.ndarray]],
    *,
    n_steps: int,
    batch_size: int = 128,
    learning_rate: float = 1e-3,
    clip: float = 1.0,
    random_state: int | np.random.Generator = 0,
) -> np.ndarray:
    """Minimise the mean cross-entropy of all cells, in place, by Adam.

    Args:
        model: `model(givens)`, givens `(board, token)` int64, gives logits `(board, token, symbol)`.
        draw: `draw(n, rng)` gives n boards: givens and solution `(board, token)`, symbols from 1, 0 where not given.
        n_steps: updates.
        batch_size: boards a step.
        learning_rate: Adam's, constant.
        clip: largest norm of all gradients together.
        random_state: draws boards and whatever the model draws; the global generators are left alone.

    Returns:
        The loss of every step in nats, `(n_steps,)`.

    Raises:
        InputError: for no steps, or a loss that is not finite.

    >>> class Copy(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.table = nn.Embedding(3, 2)
    ...     def forward(self, givens):
    ...         return self.table(givens)
    >>> def full(n, rng):
    ...     board = rng.integers(1, 3, size=(n, 4))
    ...     return board, board
    >>> losses = train_solver(Copy(), full, n_steps=100, learning_rate=0.1)
    >>> bool(losses[-1] < 0.05)
    True
    """
    if n_steps < 1:
        raise InputError("n_steps", n_steps, "must be at least 1")
    rng = np.random.default_rng(random_state)
    optimiser = torch.optim.Adam(model.parameters(), lr=learning_rate)
    losses = np.empty(n_steps)
    model.train()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**31)))
        for step in range(n_steps):
            givens, solution = (torch.as_tensor(board, dtype=torch.long) for board in draw(batch_size, rng))
            loss = cross_entropy(model(givens).flatten(0, 1), solution.flatten() - 1)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), clip)
            optimiser.step()
            losses[step] = loss.item()
            if not np.isfinite(losses[step]):
                raise InputError("learning_rate", learning_rate, f"the loss of step {step} is not finite; lower it")
    model.eval()
    return losses
