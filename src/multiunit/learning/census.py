"""What an architecture can learn: one network for each of many functions of the same inputs, all fitted at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.func import functional_call, stack_module_state
from torch.nn.functional import binary_cross_entropy_with_logits

from multiunit.core.errors import InputError


class Census(NamedTuple):
    """Args:
    logits: of each network for each input, `(function, input)`; above 0 says 1.
    accuracy: share of inputs that are right, `(function,)`.
    """

    logits: np.ndarray
    accuracy: np.ndarray

    @property
    def solved(self) -> np.ndarray:
        """All inputs are right, `(function,)`."""
        return self.accuracy == 1


def census(
    build: Callable[[np.random.Generator], nn.Module],
    inputs: Any,
    *,
    targets: Any,
    n_steps: int,
    learning_rate: float = 0.03,
    random_state: int | np.random.Generator = 0,
) -> Census:
    """Fit one network to each function, on all inputs at every step, by Adam on the mean cross-entropy.

    A function that is not solved was not found by this training; only a proof says that it cannot be.

    Args:
        build: makes a network of `(input, ...)` to one logit an input, `(input, 1)`, from a generator; always of the
            same shape. Networks that draw numbers while they run are not for this.
        inputs: `(input, ...)`, the same for all functions.
        targets: 0 or 1, `(function, input)`.
        n_steps: updates.
        learning_rate: Adam's.
        random_state: draws the networks; the global generators are left alone.

    Returns:
        What each network says at the end.

    Raises:
        InputError: for targets that do not fit, or networks that do not give one logit an input.

    >>> x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> from multiunit.networks import MultilayerPerceptron
    >>> and_xor = [[0, 0, 0, 1], [0, 1, 1, 0]]
    >>> line = census(lambda rng: MultilayerPerceptron([2, 1], random_state=rng), x, targets=and_xor, n_steps=200)
    >>> line.solved.tolist()
    [True, False]
    """
    x = torch.as_tensor(np.asarray(inputs, dtype=np.float32))
    y = torch.as_tensor(np.asarray(targets, dtype=np.float32))
    if y.ndim != 2 or not len(y) or y.shape[1] != len(x) or not ((y == 0) | (y == 1)).all():
        raise InputError("targets", tuple(y.shape), f"needs 0 or 1, (function, {len(x)} inputs)")
    if n_steps < 1:
        raise InputError("n_steps", n_steps, "must be at least 1")
    rng = np.random.default_rng(random_state)
    nets = [build(rng) for _ in range(len(y))]
    found = nets[0](x)
    if found.shape != (len(x), 1):
        raise InputError("build", tuple(found.shape), f"its networks must give ({len(x)}, 1)")
    weights, fixed = stack_module_state(nets)
    template = nets[0]

    def logits(weights: dict[str, torch.Tensor], fixed: dict[str, torch.Tensor]) -> torch.Tensor:
        return functional_call(template, (weights, fixed), (x,))[:, 0]

    together = torch.func.vmap(logits)
    optimiser = torch.optim.Adam(weights.values(), lr=learning_rate)
    for _ in range(n_steps):
        # The sum over functions keeps each network's step as if it were alone.
        loss = binary_cross_entropy_with_logits(together(weights, fixed), y, reduction="sum") / len(x)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        final = together(weights, fixed)
    accuracy = ((final > 0) == (y > 0.5)).double().mean(dim=1)
    return Census(final.numpy(), accuracy.numpy())
