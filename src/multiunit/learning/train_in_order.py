"""Train a network on some outputs first and on others later, each stage until it is learned."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from multiunit.core.errors import InputError

Sample = Callable[[int, np.random.Generator], tuple[np.ndarray, np.ndarray]]


def train_in_order(
    model: nn.Module,
    sample: Sample,
    *,
    order: Sequence[Sequence[int]],
    until: float = 1e-3,
    most_steps: int = 3000,
    batch_size: int = 256,
    learning_rate: float = 1e-3,
    random_state: int | np.random.Generator = 0,
) -> np.ndarray:
    """Minimise the mean cross-entropy of binary outputs, in place, by one Adam; fresh inputs at every step.

    Args:
        model: gives a logit for each output, `(presentation, output)`.
        sample: `sample(n, generator)` draws inputs `(n, ...)` and 0 or 1 for each output, `(n, output)`.
        order: for each stage, the outputs that are trained in it.
        until: a stage ends when the mean loss of its last ten steps is below this.
        most_steps: of a stage; then it ends in any case.
        batch_size: presentations a step.
        learning_rate: Adam's.
        random_state: draws the inputs; the global generators are left alone.

    Returns:
        Steps of each stage, `(stage,)`; `most_steps` where it did not get there.

    Raises:
        InputError: for a stage without outputs, or an output that does not exist.

    >>> def sample(n, rng):
    ...     x = rng.choice([-1.0, 1.0], size=(n, 2)).astype(np.float32)
    ...     return x, (x > 0).astype(np.float32)
    >>> net = nn.Linear(2, 2)
    >>> steps = train_in_order(net, sample, order=[[1], [0, 1]], until=0.1, learning_rate=0.1)
    >>> bool((steps < 200).all()), bool((net(torch.tensor([[1.0, -1.0]])) > 0).equal(torch.tensor([[True, False]])))
    (True, True)
    """
    if most_steps < 1 or batch_size < 1:
        raise InputError("most_steps" if most_steps < 1 else "batch_size", min(most_steps, batch_size), "at least 1")
    rng = np.random.default_rng(random_state)
    optimiser = torch.optim.Adam(model.parameters(), lr=learning_rate)
    steps = np.full(len(order), most_steps)
    for stage, outputs in enumerate(order):
        chosen = list(outputs)
        last: list[float] = []
        for step in range(most_steps):
            x, y = (torch.as_tensor(part) for part in sample(batch_size, rng))
            if not chosen or min(chosen) < 0 or max(chosen) >= y.shape[1]:
                raise InputError("order", chosen, f"needs outputs from 0 to {y.shape[1] - 1} in each stage")
            loss = binary_cross_entropy_with_logits(model(x)[:, chosen], y[:, chosen])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            last = [*last[-9:], loss.item()]
            if len(last) == 10 and np.mean(last) < until:
                steps[stage] = step + 1
                break
    return steps
