"""Optimisers shape solutions: at equal training performance, networks differ in what they forget and can lose.

Claim: preconditioning that is not diagonal (Shampoo) gives solutions that forget less in a sequence of tasks than those
of stochastic gradient descent or AdamW; updates in proportion to weights (Powerpropagation) give weights to prune.

Experiment: MNIST (pooled to 14 x 14) with its pixels in five orders, one task after another; 4,000 images to train and
2,000 to test; a perceptron 196-100-100-10 with one readout, 4 epochs of batches of 32 a task, momentum 0.9. Rates were
chosen on another seed, blind to forgetting: the lowest of 1, 2, 5 times a power of ten at which accuracy right after
learning, mean over tasks, is 0.92. Accuracy on all tasks at the end. Then 8 epochs of one task by Powerpropagation, at
power 3, and by gradient descent, rates chosen likewise; 80 % and 90 % of weights pruned.

Control: Shampoo with the eigenvalues of its preconditioners on random orthogonal axes (at 0.01, where it comes to
0.918; it got to 0.92 at none of its rates); gradient descent and AdamW at half and double their rates as well, of
which the best counts; all tasks at once (reported).

Deviations: real images for the catalogue's digits. Its random orthogonal preconditioner, which would not descend at
all, keeps positive eigenvalues here. Muon is reported besides. Abstract and reviews of the paper read, not its methods:
sizes, rates and the measure of localised representations (mean cosine of class means, second hidden layer) are ours.

Not shown: class-incremental tasks, sharpness, disagreement of solutions, longer sequences, larger networks. At equal
accuracy Shampoo forgets less than gradient descent, and far less than on random axes; but AdamW comes near, and at half
its rate forgets about as little. Powers of weights can be pruned further, by less than asked for. Mean responses to
digits overlap more after Shampoo and Muon, not less.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import nn

from multiunit.core.paper import Claim, Paper, Scale
from multiunit.learning.forgetting import accuracy_by_task, accuracy_on, forgetting
from multiunit.learning.magnitude_pruning import magnitude_pruning
from multiunit.learning.powerprop import powerprop
from multiunit.learning.shampoo import Shampoo
from multiunit.networks.multilayer_perceptron import MultilayerPerceptron
from multiunit.tasks.mnist import mnist
from multiunit.tasks.permuted_digits import ImageTask, permuted_digits

PAPER = Paper(
    id="optimizers-shape-solutions",
    title="Optimizers Qualitatively Alter Solutions And We Should Leverage This",
    year=2025,
    source="arXiv:2507.12224",
    level="data",
    uses=(Shampoo, powerprop, magnitude_pruning, forgetting),
    needs=("mnist",),
)

SIDE, SIZES = 14, (196, 100, 100, 10)
RATES = {"shampoo": 5e-3, "random": 0.01, "sgd": 0.01, "adamw": 1e-3, "muon": 2e-3}
POWER, POWER_RATE, PLAIN_RATE = 3.0, 0.05, 0.01

Optimisers = Callable[[nn.Module], Sequence[torch.optim.Optimizer]]


class RandomAxes(Shampoo):
    """Shampoo whose preconditioners keep their eigenvalues, on axes that have nothing to do with the gradient."""

    def inverse_root(self, gram: torch.Tensor, eps: float) -> torch.Tensor:
        values = torch.linalg.eigvalsh(super().inverse_root(gram, eps))
        axes = torch.linalg.qr(torch.randn(gram.shape, dtype=gram.dtype))[0]
        return (axes * values) @ axes.T


def optimisers(name: str, rate: float) -> Optimisers:
    def make(model: nn.Module) -> Sequence[torch.optim.Optimizer]:
        weights = list(model.parameters())
        match name:
            case "sgd":
                return [torch.optim.SGD(weights, lr=rate, momentum=0.9)]
            case "adamw":
                return [torch.optim.AdamW(weights, lr=rate)]
            case "muon":
                matrices = [w for w in weights if w.ndim == 2]
                vectors = [w for w in weights if w.ndim != 2]
                return [
                    torch.optim.Muon(matrices, lr=rate, momentum=0.9, weight_decay=0.0),
                    torch.optim.SGD(vectors, lr=rate, momentum=0.9),
                ]
            case _:
                return [(Shampoo if name == "shampoo" else RandomAxes)(weights, lr=rate, momentum=0.9)]

    return make


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    n_tasks, n_epochs = scale.pick(smoke=(2, 2), small=(5, 4))
    tasks = draw(rng, n_tasks=n_tasks, n_train=scale.pick(smoke=1000, small=4000))
    seed = int(rng.integers(2**31))
    measured: dict[str, float] = {}
    control: dict[str, float] = {}
    together = [join(tasks)]
    for name, rate in RATES.items():
        found = measured if name == "shampoo" else control
        net, table = learn(tasks, optimisers(name, rate), n_epochs=n_epochs, seed=seed)
        kept = forgetting(table)
        found |= {f"{name}_final": kept.final, f"{name}_just_after": kept.just_after}
        found[f"{name}_class_overlap"] = class_overlap(net, tasks[-1])
        if name in ("shampoo", "sgd", "adamw"):
            joint = learn(together, optimisers(name, rate), n_epochs=n_epochs, seed=seed)[1]
            found[f"{name}_joint"] = float(joint[0, 0])
    finals = [control["sgd_final"], control["adamw_final"]]
    for name in ("sgd", "adamw"):
        for factor in (0.5, 2.0):
            table = learn(tasks, optimisers(name, factor * RATES[name]), n_epochs=n_epochs, seed=seed)[1]
            kept, which = forgetting(table), f"{name}_{'half' if factor < 1 else 'double'}_rate"
            finals.append(kept.final)
            control |= {f"{which}_final": kept.final, f"{which}_just_after": kept.just_after}
    control["diagonal_best_final"] = max(finals)

    for name, found, rate in (("power", measured, POWER_RATE), ("plain", control, PLAIN_RATE)):
        net = MultilayerPerceptron(SIZES, random_state=seed)
        if name == "power":
            powerprop(net, alpha=POWER)
        accuracy_by_task(net, tasks[:1], optimisers=optimisers("sgd", rate), n_epochs=2 * n_epochs, random_state=seed)
        for percent in (0, 80, 90):
            found[f"{name}_pruned_{percent}"] = accuracy_on(magnitude_pruning(net, percent / 100), tasks[0])
    return Claim(
        measured=measured,
        control=control,
        criterion="measured.shampoo_final >= control.diagonal_best_final + 0.05 "
        "and measured.shampoo_final >= control.random_final + 0.05 "
        "and abs(measured.shampoo_just_after - control.sgd_just_after) <= 0.03 "
        "and abs(measured.shampoo_just_after - control.adamw_just_after) <= 0.03 "
        "and abs(measured.shampoo_just_after - control.random_just_after) <= 0.03 "
        "and measured.power_pruned_90 >= control.plain_pruned_90 + 0.1",
    )


def draw(rng: np.random.Generator, *, n_tasks: int, n_train: int) -> list[ImageTask]:
    images, labels = mnist(random_state=rng)
    pooled = nn.functional.avg_pool2d(torch.from_numpy(images), 28 // SIDE).numpy()
    scaled = (pooled - 0.1307) / 0.3081
    return permuted_digits(scaled, labels, n_tasks=n_tasks, n_train=n_train, n_test=n_train // 2, random_state=rng)


def join(tasks: Sequence[ImageTask]) -> ImageTask:
    """All tasks as one."""
    return ImageTask(*(np.concatenate(parts) for parts in zip(*tasks, strict=True)))


def learn(
    tasks: Sequence[ImageTask], make: Optimisers, *, n_epochs: int, seed: int
) -> tuple[MultilayerPerceptron, np.ndarray]:
    """The same initial weights and order of images for every optimiser."""
    net = MultilayerPerceptron(SIZES, random_state=seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        table = accuracy_by_task(net, tasks, optimisers=make, n_epochs=n_epochs, random_state=seed)
    return net, table


def class_overlap(net: nn.Sequential, task: ImageTask) -> float:
    """Mean cosine between the mean responses to two digits; low where each has units of its own."""
    with torch.no_grad():
        hidden = nn.Sequential(*list(net)[:-1])(torch.as_tensor(task.test))
    labels = torch.as_tensor(task.test_labels)
    means = nn.functional.normalize(torch.stack([hidden[labels == digit].mean(0) for digit in range(10)]), dim=1)
    return float((means @ means.T)[~torch.eye(10, dtype=torch.bool)].mean())
