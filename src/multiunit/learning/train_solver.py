"""Train a network to fill in boards that are drawn anew at every step."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from multiunit.core.errors import InputError
from multiunit.learning.minimise import minimise


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

    def loss() -> torch.Tensor:
        givens, solution = (torch.as_tensor(board, dtype=torch.long) for board in draw(batch_size, rng))
        return cross_entropy(model(givens).flatten(0, 1), solution.flatten() - 1)

    losses = minimise(model, loss, optimiser=optimiser, n_steps=n_steps, clip=clip, random_state=rng)
    model.eval()
    return losses
