"""Hebbian orthogonal projection: neurons learn where old tasks live, and new learning keeps out of there.

Claim: weight updates confined to the complement of subspaces that lateral neurons learn by a Hebbian rule leave old
tasks almost untouched, where sequential training forgets.

Experiment: five tasks, each MNIST (pooled to 14 x 14) with its pixels in another order; 4,000 images to train, 2,000 to
test; a spiking perceptron 196-200-200-10 with one readout for all tasks, 6 steps, three epochs a task by plain gradient
descent. Each layer's subspace gets 30 rows a task for the pixels and 40 for spikes. Accuracy after all tasks, backward
transfer (accuracy at the end less that right after learning, mean over the first four tasks), and the mean cosine of
the angles between what was learned of the first task and its true principal subspace, the worst of the three layers.

Control: training without projection; projection on a random subspace of the same size; as an upper reference the true
principal subspace.

Deviations: real images for the catalogue's digits; pixels and their number chosen so that five tasks leave room (150 of
196 directions); rates of Hebbian learning are larger than the authors', since there are ten times fewer updates. The
first layer's subspace learns from the image once a batch, not once a step, for it is the same.

Not shown: convolutional networks, other rules of credit assignment, spiking lateral neurons.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import nn

from multiunit.core.paper import Claim, Paper, Scale
from multiunit.learning.hebbian_subspace import HebbianSubspace
from multiunit.learning.orthogonal_projection import OrthogonalProjection, Subspace
from multiunit.learning.reference_subspaces import PrincipalSubspace, RandomSubspace
from multiunit.networks.spiking_perceptron import SpikingPerceptron
from multiunit.tasks.mnist import mnist

PAPER = Paper(
    id="hebbian-orthogonal-projection",
    title="Hebbian Learning based Orthogonal Projection for Continual Learning of Spiking Neural Networks",
    year=2024,
    source="arXiv:2402.11984",
    level="data",
    uses=(HebbianSubspace, OrthogonalProjection),
    needs=("mnist",),
)

SIDE = 14
SIZES = (SIDE * SIDE, 200, 200, 10)
ROWS = {"linear.0": 30, "linear.1": 40, "readout": 40}
RATES = {"linear.0": 0.02, "linear.1": 0.1, "readout": 0.1}


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    n_train, n_test, n_epochs = scale.pick(smoke=(320, 200, 1), small=(4000, 2000, 3))
    n_tasks = scale.pick(smoke=2, small=5)
    images, labels = _digits(rng)
    orders = [rng.permutation(SIDE * SIDE) for _ in range(n_tasks)]
    weights, batches, rows = (int(rng.integers(2**31)) for _ in range(3))
    makers: Mapping[str, Callable[[str, int], Subspace]] = {
        "hebbian": lambda name, n: HebbianSubspace(n, learning_rate=RATES[name], random_state=rows),
        "random": lambda name, n: RandomSubspace(n, random_state=rows),
        "principal": lambda name, n: PrincipalSubspace(n),
    }
    table, agreement = {}, 0.0
    for kind in ("hebbian", "none", "random", "principal"):
        net = SpikingPerceptron(SIZES, random_state=weights)
        guard = None
        if kind != "none":
            spaces = {name: makers[kind](name, layer.in_features) for name, layer in net.layers.items()}
            guard = OrthogonalProjection(net.layers, subspaces=spaces)
        accuracy = np.full((n_tasks, n_tasks), np.nan)
        for task, order in enumerate(orders):
            x = images[:n_train, order]
            if guard is not None:
                guard.start_task(ROWS)
            train_epochs(net, x, labels[:n_train], guard=guard, n_epochs=n_epochs, random_state=batches)
            if guard is not None:
                guard.end_task()
            if kind == "hebbian" and task == 0 and guard is not None:
                agreement = min(subspace_agreement(net, x, guard).values())
            for earlier in range(task + 1):
                test = images[n_train : n_train + n_test, orders[earlier]]
                accuracy[task, earlier] = _accuracy(net, test, labels[n_train : n_train + n_test])
        table[kind] = accuracy
    final = {kind: float(a[-1].mean()) for kind, a in table.items()}
    transfer = {kind: float((a[-1] - np.diag(a))[:-1].mean()) for kind, a in table.items()}
    return Claim(
        measured={
            "accuracy": final["hebbian"],
            "backward_transfer": transfer["hebbian"],
            "last_task": float(table["hebbian"][-1, -1]),
            "subspace_agreement": agreement,
        },
        control={
            "sequential_accuracy": final["none"],
            "sequential_backward_transfer": transfer["none"],
            "random_accuracy": final["random"],
            "random_backward_transfer": transfer["random"],
            "principal_accuracy": final["principal"],
            "principal_backward_transfer": transfer["principal"],
        },
        criterion="measured.backward_transfer >= -0.05 and control.sequential_backward_transfer <= -0.15 "
        "and measured.accuracy >= control.random_accuracy + 0.05 and measured.subspace_agreement >= 0.9",
    )


def train_epochs(
    net: SpikingPerceptron,
    x: torch.Tensor,
    labels: torch.Tensor,
    *,
    guard: OrthogonalProjection | None,
    n_epochs: int,
    random_state: int,
) -> None:
    """Plain gradient descent on batches of 64, its gradients projected if there is a guard."""
    rng = np.random.default_rng(random_state)
    optimiser = torch.optim.SGD(net.parameters(), lr=0.1)
    net.train()
    for _ in range(n_epochs):
        for chosen in torch.as_tensor(rng.permutation(len(x))).split(64):
            loss = nn.functional.cross_entropy(net(x[chosen]), labels[chosen])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            if guard is not None:
                guard.project_gradients()
            optimiser.step()
    net.eval()


def subspace_agreement(net: SpikingPerceptron, x: torch.Tensor, guard: OrthogonalProjection) -> dict[str, float]:
    """For each layer the mean cosine of the principal angles between the learned rows and those of its inputs."""
    true = {name: PrincipalSubspace(layer.in_features) for name, layer in net.layers.items()}
    watch = OrthogonalProjection(net.layers, subspaces=true)
    watch.start_task(ROWS)
    net.train()  # watched, as in training; nothing in the network depends on it
    with torch.no_grad():
        net(x[:1000])
    net.eval()
    watch.end_task()
    found = {}
    for name, space in true.items():
        learned = torch.linalg.qr(guard.subspaces[name].rows.T)[0]
        found[name] = float(torch.linalg.svdvals(space.rows @ learned).mean())
    return found


def _accuracy(net: SpikingPerceptron, x: torch.Tensor, labels: torch.Tensor) -> float:
    with torch.no_grad():
        return float((net(x).argmax(1) == labels).float().mean())


def _digits(rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Pixels `(image, pixel)` with the usual mean and deviation of MNIST taken off, and the digits."""
    images, labels = mnist(random_state=rng)
    pixels = nn.functional.avg_pool2d(torch.from_numpy(images), 28 // SIDE).flatten(1)
    return (pixels - 0.1307) / 0.3081, torch.from_numpy(labels)
