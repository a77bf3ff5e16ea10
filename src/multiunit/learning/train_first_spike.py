"""Train layers of single spikes to let the unit of the right class spike first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from multiunit.core.errors import InputError


class TimedLayer(Protocol):
    """Units of single spikes: see `FirstSpikeLayer`."""

    @property
    def weight(self) -> torch.Tensor: ...
    def __call__(self, z: torch.Tensor) -> torch.Tensor: ...
    def shortfall(self, z: torch.Tensor) -> torch.Tensor: ...


def first_spikes(layers: Sequence[TimedLayer], z: torch.Tensor) -> list[torch.Tensor]:
    """z = exp(t / tau) of the inputs `(batch, input)` to that of each layer in turn, `(batch, unit)`."""
    found = []
    for layer in layers:
        z = layer(z)
        found.append(z)
    return found


def train_first_spike(
    layers: Sequence[TimedLayer],
    z: Any,
    *,
    labels: Any,
    n_steps: int,
    latest: float = 20.0,
    shortfall: float = 10.0,
    batch_size: int = 64,
    learning_rate: float = 1e-3,
    random_state: int | np.random.Generator = 0,
) -> np.ndarray:
    """Minimise the cross-entropy of softmax(-z) of the last layer, in place, by Adam.

    Units that do not spike get no gradient from z. For hidden units that could not if all their inputs did, and for
    class units that cannot with those of a presentation, shortfall * max(0, 1 - sum of weights) is added to the loss.

    Args:
        layers: from the inputs on.
        z: exp(t / tau) of the inputs' spikes, `(input, unit)`; inf where there is none.
        labels: class numbers from 0, `(input,)`.
        n_steps: updates.
        latest: from here on z counts in the loss as latest (1 + log(z / latest)), and not to spike as 5 latest, so
            that late class units neither dominate nor lose their gradient.
        shortfall: see above.
        batch_size: inputs a step, drawn with replacement.
        learning_rate: Adam's, constant.
        random_state: draws the batches.

    Returns:
        The cross-entropy of every step in nats, `(n_steps,)`.

    Raises:
        InputError: for labels that do not fit, or no steps.

    Source: Mostafa, arXiv:1606.08165. Reconstructed; there by plain descent with normalised gradients,
    and with one shortfall, of all inputs, for class units too.

    >>> from multiunit.networks.first_spike_layer import FirstSpikeLayer
    >>> z = np.array([[1.0, np.inf], [np.inf, 1.0]])
    >>> layers = [FirstSpikeLayer(2, 6), FirstSpikeLayer(6, 2)]
    >>> losses = train_first_spike(layers, z, labels=[0, 1], n_steps=100, learning_rate=0.02)
    >>> first_spikes(layers, torch.tensor(z).float())[-1].argmin(1).tolist()
    [0, 1]
    """
    given, y = torch.as_tensor(np.asarray(z, dtype=np.float32)), torch.as_tensor(np.array(labels)).long()
    if not layers or not len(given) or y.shape != (len(given),):
        raise InputError(
            "labels", tuple(y.shape), f"needs one class number for each of {len(given)} inputs, and layers"
        )
    n_classes = layers[-1].weight.shape[1]
    if not 0 <= int(y.min()) <= int(y.max()) < n_classes:
        raise InputError("labels", (int(y.min()), int(y.max())), f"needs classes from 0 to {n_classes - 1}")
    if n_steps < 1:
        raise InputError("n_steps", n_steps, "must be at least 1")
    rng = np.random.default_rng(random_state)
    optimiser = torch.optim.Adam([layer.weight for layer in layers], lr=learning_rate)
    losses = np.empty(n_steps)
    for step in range(n_steps):
        chosen = torch.as_tensor(rng.integers(len(given), size=batch_size))
        found = [given[chosen], *first_spikes(layers, given[chosen])]
        loss = cross_entropy(-_flattened(found[-1], latest), y[chosen])
        missing = layers[-1].shortfall(found[-2])
        for layer in layers[:-1]:
            missing = missing + layer.shortfall(torch.ones(1, len(layer.weight)))
        optimiser.zero_grad(set_to_none=True)
        (loss + shortfall * missing).backward()
        optimiser.step()
        losses[step] = loss.item()
    return losses


def _flattened(z: torch.Tensor, latest: float) -> torch.Tensor:
    late = torch.where(z.isfinite(), z, latest).clamp_min(latest)
    logarithmic = latest * (1 + (late / latest).log()).clamp_max(5.0)
    return torch.where(z < latest, z, torch.where(z.isfinite(), logarithmic, 5 * latest))
