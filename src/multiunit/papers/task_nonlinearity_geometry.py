"""The same task, two activations: tanh units come to look like the targets, rectified ones keep more of the inputs.

Claim: with the same task, a hidden layer of tanh units aligns with the targets, while one of rectified units keeps more
of the geometry of the inputs.

Experiment: 16 clusters in 50 dimensions (noise 0.2) with random balanced labels; 200 hidden units, small weights at the
start (standard deviation 0.1 / sqrt(50)), cross-entropy, 4000 Adam steps at 0.001 on batches of 128. Mean hidden
activity of each cluster over fresh inputs: its kernel alignment (centred) with the targets and with the inputs; the
parallelism of the label vectors, cross-condition generalisation, and dimensions.

Control: hidden weights that stay as drawn; labels that are all that the inputs hold (alignment 1), where both must
score high on both. Also told: alignment 0.1, and labels that are the exclusive or of two of four input latents.

Deviations: the way in which alignment is dialled is ours, the paper's formula was not read (abstract only). Ridge
classifiers for support vector machines.

Not shown: the learning dynamics that explain it, deeper and convolutional networks.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from multiunit.core.paper import Claim, Paper, Scale
from multiunit.learning.train_regression import train_regression
from multiunit.networks.multilayer_perceptron import MultilayerPerceptron
from multiunit.populations.representation_geometry import ccgp, parallelism, participation_ratio
from multiunit.similarity.linear_cka import linear_cka
from multiunit.tasks.geometry_task import GeometryTask, balanced_labels, geometry_task, latent_conditions

PAPER = Paper(
    id="task-nonlinearity-geometry",
    title="Task structure and nonlinearity jointly determine learned representational geometry",
    year=2024,
    source="arXiv:2401.13558",
    level="trained",
    uses=(geometry_task, linear_cka, parallelism, ccgp, participation_ratio),
)


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    n_latents = scale.pick(smoke=3, small=4)
    labels = balanced_labels(2**n_latents, random_state=rng)
    latents = latent_conditions(n_latents)
    tasks = {
        "random": geometry_task(labels, random_state=rng),
        "mixed": geometry_task(labels, alignment=0.1, random_state=rng),
        "aligned": geometry_task(labels, alignment=1.0, random_state=rng),
        "xor": geometry_task(latents[:, :1] * latents[:, 1:2], latents=latents, random_state=rng),
    }
    found = {
        (name, activation): _geometry(task, activation, "learned", scale, rng)
        for name, task in tasks.items()
        for activation in ("tanh", "relu")
    }
    frozen = {
        activation: _geometry(tasks["random"], activation, "frozen", scale, rng) for activation in ("tanh", "relu")
    }
    tanh, relu = found["random", "tanh"], found["random", "relu"]
    measured = {f"{name}_{key}": value for name, of in (("tanh", tanh), ("relu", relu)) for key, value in of.items()}
    for (task, activation), of in found.items():
        if task in ("mixed", "xor"):
            measured |= {f"{task}_{activation}_{key}": of[key] for key in ("target", "input", "accuracy")}
    measured["input_gap"] = relu["input"] - tanh["input"]
    measured["target_gap"] = tanh["target"] - relu["target"]
    control = {
        f"frozen_{name}_{key}": of[key] for name, of in frozen.items() for key in ("target", "input", "accuracy")
    }
    control["frozen_input_gap"] = frozen["relu"]["input"] - frozen["tanh"]["input"]
    control["frozen_target_gap"] = frozen["tanh"]["target"] - frozen["relu"]["target"]
    control["aligned_lowest"] = min(
        found["aligned", activation][key] for activation in ("tanh", "relu") for key in ("target", "input")
    )
    return Claim(
        measured=measured,
        control=control,
        criterion="measured.input_gap >= 0.1 and measured.target_gap >= 0.03 "
        "and abs(control.frozen_input_gap) < measured.input_gap / 3 "
        "and abs(control.frozen_target_gap) < measured.target_gap / 3 and control.aligned_lowest >= 0.9",
    )


def _geometry(
    task: GeometryTask, activation: str, hidden: str, scale: Scale, rng: np.random.Generator
) -> dict[str, float]:
    """Alignments and geometry of the hidden layer after training."""
    n_conditions, n_inputs = task.centroids.shape
    net = MultilayerPerceptron([n_inputs, scale.pick(smoke=50, small=200), 1], activation=activation, random_state=rng)
    first = net.get_submodule("hidden_1")
    assert isinstance(first, nn.Linear)
    with torch.no_grad():
        first.weight.mul_(0.1 * 3**0.5)  # uniform within 1 / sqrt(n_inputs) has a variance of 1 / (3 n_inputs)
        first.bias.zero_()
    if hidden == "frozen":
        first.requires_grad_(False)
    inputs, condition = task.sample(scale.pick(smoke=400, small=6400), random_state=rng)
    train_regression(
        net,
        inputs,
        targets=task.targets[condition] > 0,
        n_steps=scale.pick(smoke=600, small=4000),
        loss=binary_cross_entropy_with_logits,
        batch_size=128,
        learning_rate=1e-3,
        random_state=rng,
    )
    inputs, condition = task.sample(20 * n_conditions, random_state=rng)
    with torch.no_grad():
        logits = net(torch.from_numpy(inputs))
        activity = nn.Sequential(*list(net)[:-1])(torch.from_numpy(inputs)).double().numpy()
    means = np.array([activity[condition == k].mean(axis=0) for k in range(n_conditions)])
    side = task.targets[:, 0] > 0
    return {
        "target": linear_cka(means, task.targets, debiased=False),
        "input": linear_cka(means, task.centroids, debiased=False),
        "parallelism": parallelism(means, side),
        "ccgp": ccgp(activity, side, condition=condition, random_state=rng),
        "dimensions": participation_ratio(means),
        "accuracy": float(((logits[:, 0].numpy() > 0) == side[condition]).mean()),
    }
