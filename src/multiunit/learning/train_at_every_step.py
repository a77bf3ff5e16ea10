"""Train a network to say at every step, and at every place, what is going on; and ask it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import softplus

from multiunit.core.errors import InputError


def train_at_every_step(
    model: nn.Module,
    inputs: Any,
    *,
    labels: np.ndarray,
    n_epochs: int,
    batch_size: int = 4,
    learning_rate: float = 3e-3,
    random_state: int | np.random.Generator = 0,
) -> np.ndarray:
    """Minimise the binary cross-entropy of every class, step and place, in place, by Adam.

    The label of a step is asked for at all places alike; places where nothing happens cannot know it, and their share
    of the loss is a constant.

    Args:
        model: `model(spikes)` from `(time, batch, ...)` to logits `(time, batch, class)`, or with places after.
        inputs: `(input, time, ...)`, taken as float32.
        labels: class numbers from 0, `(input, time)`.
        n_epochs: times that each input is seen.
        batch_size: inputs a step.
        learning_rate: Adam's.
        random_state: draws the order.

    Returns:
        The mean loss of every epoch in nats, `(n_epochs,)`.

    Raises:
        InputError: for labels that do not fit, sizes below 1, or a loss that is not finite.

    >>> from multiunit.networks.heterogeneous_delays import HeterogeneousDelays
    >>> x = (np.random.default_rng(0).random((20, 30, 1)) < 0.5)
    >>> y = np.roll(x[:, :, 0], 2, axis=1).astype(int)    # what was two steps ago
    >>> layer = HeterogeneousDelays(1, 2, n_delays=4)
    >>> losses = train_at_every_step(layer, x, labels=y, n_epochs=20, learning_rate=0.1)
    >>> bool((named_at_every_step(layer, x)[:, 3:] == y[:, 3:]).all())
    True
    """
    x, y = torch.as_tensor(np.asarray(inputs, dtype=np.float32)), torch.as_tensor(np.array(labels))
    if x.ndim < 2 or y.shape != x.shape[:2] or y.dtype.is_floating_point or int(y.min()) < 0:
        raise InputError("labels", tuple(y.shape), f"needs a class number from 0 for each of {tuple(x.shape[:2])}")
    if n_epochs < 1 or batch_size < 1:
        raise InputError("n_epochs" if n_epochs < 1 else "batch_size", min(n_epochs, batch_size), "must be at least 1")
    rng = np.random.default_rng(random_state)
    optimiser = torch.optim.Adam(model.parameters(), lr=learning_rate)
    losses = np.zeros(n_epochs)
    for epoch in range(n_epochs):
        for chosen in torch.as_tensor(rng.permutation(len(x))).split(batch_size):
            logits = model(x[chosen].movedim(1, 0))
            own = y[chosen].long().T.reshape(*logits.shape[:2], *[1] * (logits.ndim - 2))
            own = own.expand(*logits.shape[:2], 1, *logits.shape[3:])
            # log(1 + e^z) for every class, less z for the one that is.
            loss = (softplus(logits).sum() - logits.gather(2, own).sum()) / logits.numel()
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            losses[epoch] += loss.item() * len(chosen) / len(x)
        if not np.isfinite(losses[epoch]):
            raise InputError("learning_rate", learning_rate, f"the loss of epoch {epoch} is not finite; lower it")
    return losses


def named_at_every_step(model: nn.Module, inputs: Any, *, batch_size: int = 16) -> np.ndarray:
    """The class with the largest logit, averaged over places, at every step.

    Args:
        model, inputs: see `train_at_every_step`.
        batch_size: inputs at once.

    Returns:
        Class numbers, `(input, time)`.
    """
    x = np.asarray(inputs)
    found = []
    with torch.no_grad():
        for first in range(0, len(x), batch_size):
            batch = torch.as_tensor(x[first : first + batch_size].astype(np.float32))
            logits = model(batch.movedim(1, 0))
            found.append(logits.flatten(3).mean(3).argmax(2).T if logits.ndim > 3 else logits.argmax(2).T)
    return torch.cat(found).numpy()
