"""Watch a network learn: training and test accuracy step by step, and when it memorised and when it understood."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import torch
import xarray as xr
from torch import nn
from torch.nn.functional import cross_entropy

from multiunit.core.errors import InputError
from multiunit.core.method import method

Pairs = tuple[torch.Tensor, torch.Tensor]


class Grokking(NamedTuple):
    """The steps at which training and test accuracy first reach their bars, NaN if never, and their ratio `delay`."""

    memorised: float
    generalised: float
    delay: float


def learning_curve(
    module: nn.Module,
    train: Pairs,
    *,
    test: Pairs,
    optimizer: torch.optim.Optimizer,
    n_steps: int,
    every: int = 50,
    watch: Mapping[str, Callable[[nn.Module], float]] | None = None,
    until: float | None = None,
) -> xr.Dataset:
    """Minimise the cross-entropy on the whole training set, in place, and measure as it goes.

    Args:
        module: `module(inputs)` gives logits `(input, class)`.
        train: inputs and class numbers.
        test: those that are never trained on.
        optimizer: over the module's parameters.
        n_steps: updates at most; one takes in the whole training set.
        every: steps between measurements; the first is before any step.
        watch: name -> number to read off the module at every measurement.
        until: stop once the test accuracy reaches this.

    Returns:
        over `step`: `train_loss`, `train_accuracy`, `test_accuracy`, `weight_norm`, and what was watched.

    Raises:
        InputError: for sizes below 1, or a loss that is not finite.

    >>> from multiunit.networks import PairClassifier
    >>> net = PairClassifier(2, width=4, hidden=8)
    >>> x, y = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]]), torch.tensor([0, 1, 1, 0])
    >>> optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
    >>> curve = learning_curve(net, (x, y), test=(x, y), optimizer=optimizer, n_steps=100)
    >>> curve["step"].values.tolist(), curve["train_accuracy"].values[-1].item()
    ([0, 50, 100], 1.0)
    """
    if n_steps < 1 or every < 1:
        raise InputError("n_steps", (n_steps, every), "at least one step, and one between measurements")
    rows: list[dict[str, float]] = []
    for step in range(n_steps + 1):
        logits = module(train[0])
        loss = cross_entropy(logits, train[1])
        if not torch.isfinite(loss):
            raise InputError("optimizer", type(optimizer).__name__, f"the loss of step {step} is not finite")
        if step % every == 0 or step == n_steps:
            with torch.no_grad():
                norm = sum(float(parameter.square().sum()) for parameter in module.parameters()) ** 0.5
                row = {
                    "step": step,
                    "train_loss": float(loss),
                    "train_accuracy": _accuracy(logits, train[1]),
                    "test_accuracy": _accuracy(module(test[0]), test[1]),
                    "weight_norm": norm,
                }
                rows.append(row | {name: float(read(module)) for name, read in (watch or {}).items()})
            if until is not None and row["test_accuracy"] >= until:
                break
        if step < n_steps:
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
    steps = np.array([int(row["step"]) for row in rows])
    values = {name: ("step", np.array([row[name] for row in rows])) for name in rows[0] if name != "step"}
    return xr.Dataset(values, coords={"step": steps})


@method(kind="learning", source="arXiv:2201.02177", example=lambda rng: _example(rng))
def grokking(curve: xr.Dataset, *, memorised: float = 0.99, generalised: float = 0.95) -> Grokking:
    """When a network knew its training set, when it knew the rule, and how much later.

    t_mem = first step with training accuracy >= `memorised`; t_gen likewise of test accuracy; delay = t_gen / t_mem.

    Args:
        curve: `train_accuracy(step)` and `test_accuracy(step)`, as `learning_curve` gives them.
        memorised: bar of the training accuracy.
        generalised: bar of the test accuracy.

    Returns:
        Steps, as finely as they were measured; `delay` is NaN unless both bars are reached.

    Raises:
        InputError: for a curve without these accuracies.

    Source: Power et al. 2022, arXiv:2201.02177; the bars are a convention.

    >>> values = {"train_accuracy": ("step", [0.1, 1.0, 1.0]), "test_accuracy": ("step", [0.0, 0.1, 0.97])}
    >>> grokking(xr.Dataset(values, {"step": [0, 50, 1000]}))
    Grokking(memorised=50.0, generalised=1000.0, delay=20.0)
    """
    missing = {"train_accuracy", "test_accuracy"} - set(map(str, curve))
    if missing or "step" not in curve.coords:
        raise InputError("curve", sorted(missing), "needs train_accuracy(step) and test_accuracy(step)")
    first = []
    for name, bar in (("train_accuracy", memorised), ("test_accuracy", generalised)):
        reached = curve["step"].values[curve[name].values >= bar]
        first.append(float(reached[0]) if len(reached) else np.nan)
    # A bar that is reached before the first update was reached by the first measured step.
    return Grokking(first[0], first[1], first[1] / max(first[0], 1.0))


def _accuracy(logits: torch.Tensor, targets: torch.Tensor) -> float:
    return float((logits.argmax(dim=1) == targets).double().mean())


def _example(rng: np.random.Generator) -> tuple[tuple[xr.Dataset], dict[str, float]]:
    values = {name: ("step", np.sort(rng.random(20))) for name in ("train_accuracy", "test_accuracy")}
    return (xr.Dataset(values, {"step": np.arange(20) * 10}),), {"memorised": 0.5, "generalised": 0.5}
