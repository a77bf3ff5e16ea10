"""Train a network to name the class of its input."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from multiunit.core.errors import InputError
from multiunit.learning.minimise import minimise


def train_classifier(
    model: nn.Module,
    inputs: Any,
    *,
    labels: Any,
    n_steps: int,
    batch_size: int = 64,
    learning_rate: float = 1e-3,
    weight_decay: float = 0.01,
    random_state: int | np.random.Generator = 0,
) -> np.ndarray:
    """Minimise the mean cross-entropy -log p(label | input), in place, by AdamW.

    Args:
        model: `model(inputs)` gives logits `(input, class)`.
        inputs: array or tensor `(input, ...)`, or a list of equal arrays; taken as float32.
        labels: class numbers from 0, `(input,)`.
        n_steps: updates.
        batch_size: inputs a step, drawn with replacement.
        learning_rate: AdamW's, constant.
        weight_decay: AdamW's.
        random_state: draws the batches and any dropout; the global generators are left alone.

    Returns:
        The loss of every step in nats, `(n_steps,)`.

    Raises:
        InputError: for no inputs, inputs that are not finite, labels that do not fit, or a loss that is not finite.

    >>> from multiunit.networks import MultilayerPerceptron
    >>> x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> net = MultilayerPerceptron([2, 16, 2])
    >>> losses = train_classifier(net, x, labels=[0, 1, 1, 0], n_steps=200, learning_rate=0.02)    # exclusive or
    >>> net(torch.tensor(x).float()).argmax(1).tolist()
    [0, 1, 1, 0]
    """
    x = inputs if isinstance(inputs, torch.Tensor) else torch.as_tensor(np.asarray(list(inputs), dtype=np.float32))
    y = torch.as_tensor(np.array(labels))  # a copy: torch warns of read-only memory
    if not len(x) or not torch.isfinite(x).all():
        raise InputError("inputs", tuple(x.shape), "needs at least one input, and finite numbers only")
    if y.shape != (len(x),) or y.dtype.is_floating_point or int(y.min()) < 0:
        raise InputError("labels", tuple(y.shape), f"needs one class number from 0 for each of {len(x)} inputs")
    if n_steps < 1 or batch_size < 1:
        raise InputError("n_steps" if n_steps < 1 else "batch_size", min(n_steps, batch_size), "must be at least 1")
    rng = np.random.default_rng(random_state)
    device = next(model.parameters()).device
    x, y = x.float().to(device), y.long().to(device)
    optimiser = torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=weight_decay)

    def loss() -> torch.Tensor:
        chosen = torch.as_tensor(rng.integers(len(x), size=batch_size), device=device)
        return cross_entropy(model(x[chosen]), y[chosen])

    return minimise(model, loss, optimiser=optimiser, n_steps=n_steps, random_state=rng)
