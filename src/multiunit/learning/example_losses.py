"""Train on all examples at once, and keep the loss of each of them all the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
import xarray as xr
from torch import nn
from torch.nn.functional import cross_entropy

from multiunit.core.errors import InputError

Pairs = tuple[torch.Tensor, torch.Tensor]
EachLoss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def each_cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of each example in nats, `(example,)`."""
    return cross_entropy(logits, labels, reduction="none")


def example_losses(
    module: nn.Module,
    train: Pairs,
    *,
    optimizer: torch.optim.Optimizer,
    n_steps: int,
    loss: EachLoss = each_cross_entropy,
    every: int = 1,
    watch: Mapping[str, Callable[[nn.Module], float]] | None = None,
    watch_every: int = 100,
) -> xr.Dataset:
    """Minimise the mean loss of all examples, in place, and record the loss of each one before the steps.

    L[t, i] = loss(module_t(x_i), y_i); each step takes in all examples, so that what is recorded costs nothing.

    Args:
        module: `module(inputs)` gives what the loss compares with the targets.
        train: inputs and targets, one an example.
        optimizer: over the module's parameters.
        n_steps: updates.
        loss: `loss(found, targets)` gives one number an example.
        every: steps between rows of L; the first is before any step, the last after all of them.
        watch: name -> number to read off the module.
        watch_every: steps between these.

    Returns:
        `loss(step, example)`, float64; what was watched, over `watched_step`.

    Raises:
        InputError: for sizes below 1, or losses that are not one finite number an example.

    >>> net = nn.Linear(1, 1, bias=False)
    >>> x, y = torch.tensor([[1.0], [1.0]]), torch.tensor([[1.0], [3.0]])               # one input, two answers
    >>> sgd = torch.optim.SGD(net.parameters(), lr=0.5)
    >>> losses = example_losses(net, (x, y), optimizer=sgd, n_steps=9, loss=lambda a, b: ((a - b) ** 2)[:, 0])["loss"]
    >>> losses.shape, losses.values[-1].round(3).tolist()
    ((10, 2), [1.0, 1.0])
    """
    if min(n_steps, every, watch_every) < 1:
        raise InputError("n_steps", (n_steps, every, watch_every), "steps, and those between rows, are at least 1")
    inputs, targets = train
    steps, rows, watched_steps = [], [], []
    watched: dict[str, list[float]] = {name: [] for name in watch or {}}
    for step in range(n_steps + 1):
        losses = loss(module(inputs), targets)
        if losses.shape != (len(inputs),):
            raise InputError("loss", tuple(losses.shape), f"must give one number for each of {len(inputs)} examples")
        mean = losses.mean()
        if not torch.isfinite(mean):
            raise InputError("optimizer", type(optimizer).__name__, f"the loss of step {step} is not finite")
        if step % every == 0 or step == n_steps:
            steps.append(step)
            rows.append(losses.detach().double().cpu().numpy())
        if watched and (step % watch_every == 0 or step == n_steps):
            watched_steps.append(step)
            for name, read in (watch or {}).items():
                watched[name].append(float(read(module)))
        if step < n_steps:
            optimizer.zero_grad(set_to_none=True)
            mean.backward()
            optimizer.step()
    return xr.Dataset(
        {
            "loss": (("step", "example"), np.stack(rows)),
            **{name: ("watched_step", np.array(values)) for name, values in watched.items()},
        },
        coords={"step": steps, "watched_step": np.array(watched_steps, dtype=np.int64)},
    )
