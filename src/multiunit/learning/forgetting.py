"""Learn tasks one after another, and tell how much of the earlier ones is left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import nn
from torch.nn.functional import cross_entropy

from multiunit.core.errors import InputError
from multiunit.core.method import method


class Task(Protocol):
    """Inputs `(input, ...)` and class numbers `(input,)`, to train and to test: see `permuted_digits`."""

    @property
    def train(self) -> np.ndarray: ...
    @property
    def train_labels(self) -> np.ndarray: ...
    @property
    def test(self) -> np.ndarray: ...
    @property
    def test_labels(self) -> np.ndarray: ...


class Forgetting(NamedTuple):
    """Args:
    final: mean accuracy on all tasks after the last one.
    just_after: mean accuracy on each task right after it was learned.
    backward_transfer: what is left of that, mean over all tasks but the last; negative where tasks are forgotten.
    forgetting: mean loss from the best accuracy ever reached on a task, over all but the last.
    """

    final: float
    just_after: float
    backward_transfer: float
    forgetting: float


@method(kind="learning", source="arXiv:1706.08840")
def forgetting(accuracy: ArrayLike) -> Forgetting:
    """Summarise a[i, j], the accuracy on task j after learning the first i + 1 of T tasks.

    final = mean_j a[T-1, j]; just_after = mean_j a[j, j]; backward_transfer = mean_{j<T-1} (a[T-1, j] - a[j, j]);
    forgetting = mean_{j<T-1} (max_{j<=i<T-1} a[i, j] - a[T-1, j]).

    Args:
        accuracy: `(task learned last, task tested)`; what stands above the diagonal is not read.

    Returns:
        Forgetting: four numbers.

    Raises:
        InputError: for fewer than two tasks, or accuracies that are not finite on or below the diagonal.

    Source: Lopez-Paz & Ranzato, arXiv:1706.08840; the last: Chaudhry et al., arXiv:1801.10112.

    >>> found = forgetting([[0.9, np.nan], [0.5, 0.8]])
    >>> [round(value, 2) for value in found]
    [0.65, 0.85, -0.4, 0.4]
    """
    a = np.asarray(accuracy, dtype=float)
    if a.ndim != 2 or a.shape[0] != a.shape[1] or len(a) < 2:
        raise InputError("accuracy", a.shape, "needs (task, task), for two tasks or more")
    seen = np.tri(len(a), dtype=bool)
    if not np.isfinite(a[seen]).all():
        raise InputError("accuracy", "not finite", "needs every task that was learned tested at all later times")
    last, after = a[-1], np.diag(a)
    best = np.where(seen, a, -np.inf)[:-1, :-1].max(axis=0)
    return Forgetting(
        float(last.mean()),
        float(after.mean()),
        float((last - after)[:-1].mean()),
        float((best - last[:-1]).mean()),
    )


def accuracy_by_task(
    model: nn.Module,
    tasks: Sequence[Task],
    *,
    optimisers: Callable[[nn.Module], Sequence[torch.optim.Optimizer]],
    n_epochs: int,
    batch_size: int = 32,
    random_state: int | np.random.Generator = 0,
) -> np.ndarray:
    """Minimise the mean cross-entropy of one task after another, in place, and test all tasks seen after each.

    The optimisers are made once, so what they know of earlier tasks (momentum, curvature) goes on into later ones.

    Args:
        model: gives logits `(input, class)`, the same outputs for all tasks.
        tasks: in the order of learning.
        optimisers: `optimisers(model)` gives those that together update its parameters, each at every step.
        n_epochs: passes through each task.
        batch_size: inputs a step; the last one of a pass may be smaller.
        random_state: order of the inputs.

    Returns:
        `(task learned last, task tested)`; NaN above the diagonal.

    Raises:
        InputError: for no task or pass, or a loss that is not finite.

    >>> from multiunit.tasks import digits
    >>> from multiunit.tasks.permuted_digits import permuted_digits
    >>> frame = digits()
    >>> images = np.stack(list(frame["stimulus"]))
    >>> tasks = permuted_digits(images, frame["label"], n_tasks=2, n_train=1000, n_test=500)
    >>> net = nn.Linear(64, 10)
    >>> sgd = lambda m: [torch.optim.SGD(m.parameters(), lr=0.1)]
    >>> found = accuracy_by_task(net, tasks, optimisers=sgd, n_epochs=5)
    >>> bool(found[0, 0] > 0.85), bool(found[1, 0] < found[0, 0] - 0.05)            # learned, and partly forgotten
    (True, True)
    """
    if not tasks or n_epochs < 1 or batch_size < 1:
        raise InputError("tasks", (len(tasks), n_epochs, batch_size), "needs at least one task, epoch and input")
    rng = np.random.default_rng(random_state)
    made = list(optimisers(model))
    found = np.full((len(tasks), len(tasks)), np.nan)
    for i, task in enumerate(tasks):
        x, y = torch.as_tensor(task.train), torch.as_tensor(task.train_labels)
        model.train()
        for _ in range(n_epochs):
            for chosen in torch.as_tensor(rng.permutation(len(x))).split(batch_size):
                loss = cross_entropy(model(x[chosen]), y[chosen])
                model.zero_grad(set_to_none=True)
                loss.backward()
                for optimiser in made:
                    optimiser.step()
            if not torch.isfinite(loss):
                raise InputError(
                    "optimisers", f"task {i}", "the loss is not finite; lower the learning rate, or mend the inputs"
                )
        model.eval()
        for j, earlier in enumerate(tasks[: i + 1]):
            found[i, j] = accuracy_on(model, earlier)
    return found


def accuracy_on(model: nn.Module, task: Task) -> float:
    """Share of a task's test inputs whose class has the largest logit."""
    with torch.no_grad():
        return float((model(torch.as_tensor(task.test)).argmax(1) == torch.as_tensor(task.test_labels)).float().mean())
