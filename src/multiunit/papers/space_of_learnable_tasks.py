"""The space of learnable tasks: trainings on many tasks run close to a few directions of the space of predictions.

Claim: the training trajectories of many tasks and methods lie near a manifold of few dimensions in the space of
predictions, and training on part of the classes makes much progress on the whole task.

Experiment: networks of two hidden layers of 64 units learn digits of 8 x 8 pixels for 300 steps: all ten classes, the
first and the last five, ten random sets of five, odd or even, and an autoencoder. At 15 steps each, the second hidden
layer is imprinted with the means of all ten classes and predicts held-out images. Intensive PCA of all 225 models;
progress towards the truth less that of the untrained network; lengths; distances of trainings at equal progress.

Control: each model's predictions dealt anew over the images; walks of steps as large as those of training, layer by
layer, in random directions; training on random labels of all images.

Deviations: digits and small networks in place of ImageNet; the imprint follows the authors' code (squared distances,
no temperature). Adam begins anew at each checkpoint.

Found: all but one part holds. Dealing predictions anew keeps how sure each model is; sure models then are far from all
others, and that single axis has as much of the stress (0.76) as three axes of real trajectories (0.75). Explained
stress alone hence does not tell a manifold from a common course of confidence; walks of the same steps hardly move.

Not shown: other architectures, meta-learning, semi-supervised learning, fine-tuning; the tree of tasks.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import nn

from multiunit.core.paper import Claim, Paper, Scale
from multiunit.learning.train_classifier import train_classifier
from multiunit.learning.train_reconstruction import train_reconstruction
from multiunit.networks.multilayer_perceptron import MultilayerPerceptron
from multiunit.similarity.imprint import imprinted_predictions
from multiunit.similarity.intensive_pca import IntensivePCA, bhattacharyya
from multiunit.similarity.training_progress import riemann_length, training_progress, trajectory_distance
from multiunit.tasks.digits import digits

PAPER = Paper(
    id="space-of-learnable-tasks",
    title="A picture of the space of typical learnable tasks",
    year=2023,
    source="arXiv:2210.17011",
    level="trained",
    uses=(bhattacharyya, IntensivePCA, imprinted_predictions, training_progress, riemann_length, trajectory_distance),
)

CHECKPOINTS = (0, 1, 2, 4, 7, 12, 20, 30, 45, 65, 90, 130, 180, 235, 300)
Weights = dict[str, torch.Tensor]


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    frame = digits(random_state=rng)
    train, test = frame[frame["split"] == "train"], frame[frame["split"] == "test"].sample(frac=1, random_state=rng)
    images, known = np.stack(train["stimulus"].tolist()).reshape(-1, 64), train["label"].to_numpy()
    probes = test.head(scale.pick(smoke=100, small=len(test)))
    shown, truth = np.stack(probes["stimulus"].tolist()).reshape(-1, 64), probes["label"].to_numpy()
    steps = scale.pick(smoke=CHECKPOINTS[:12:3], small=CHECKPOINTS)

    def predictions(network: nn.Module, trained: Sequence[Weights]) -> np.ndarray:
        found = []
        for weights in trained:
            network.load_state_dict(weights)
            features = nn.Sequential(*list(network.children())[:-1])
            with torch.no_grad():
                z, new = (features(torch.as_tensor(x)).numpy() for x in (images, shown))
            found.append(imprinted_predictions(z, new, labels=known))
        return np.stack(found)

    tasks: dict[str, np.ndarray | None] = {"all": np.arange(10), "first_five": _part(range(5))}
    if scale.name == "small":
        tasks |= {"last_five": _part(range(5, 10)), "parity": np.arange(10) % 2, "autoencoder": None}
        tasks |= {f"five_{k}": _part(rng.permutation(10)[:5]) for k in range(10)}
    real, walks = {}, {}
    for name, named in tasks.items():
        network, trained = _trained(images, None if named is None else named[known], steps, rng)
        real[name] = predictions(network, trained)
        walks[name] = predictions(network, _walk(trained, rng))
    dealt = rng.integers(10, size=len(known))
    random_labels = predictions(*_trained(images, dealt, steps, rng))

    stress = _stress(list(real.values()))
    shuffled = _stress([np.stack([rng.permutation(p) for p in run]) for run in real.values()])
    walked = _stress(list(walks.values()))
    gain = {name: _gain(run, truth) for name, run in real.items()}
    halves = [name for name in ("first_five", "last_five") if name in real]
    measured = {
        "explained_stress_1": stress[0],
        "explained_stress_3": stress[2],
        "explained_stress_5": stress[4],
        "progress": float(training_progress(real["all"][-1:], truth)[0]),
        "progress_gain": gain["all"],
        "half_gain": float(np.mean([gain[name] for name in halves])),
        "length": riemann_length(real["all"]),
        "half_length": float(np.mean([riemann_length(real[name]) for name in halves])),
        "half_distance": float(
            np.mean([trajectory_distance(real["all"], real[name], labels=truth).mean() for name in halves])
        ),
    }
    if scale.name == "small":
        measured |= {
            "random_five_gain": float(np.mean([gain[name] for name in gain if name.startswith("five_")])),
            "parity_gain": gain["parity"],
            "autoencoder_gain": gain["autoencoder"],
        }
    return Claim(
        measured=measured,
        control={
            "shuffled_stress_1": shuffled[0],
            "shuffled_stress_3": shuffled[2],
            "shuffled_stress_5": shuffled[4],
            "walk_stress_3": walked[2],
            "walk_gain": _gain(walks["all"], truth),
            "walk_length": riemann_length(walks["all"]),
            "random_labels_gain": _gain(random_labels, truth),
        },
        criterion="measured.explained_stress_3 >= 0.7 "
        "and measured.explained_stress_3 >= control.shuffled_stress_3 + 0.15 "
        "and measured.half_gain >= 0.6 * measured.progress_gain "
        "and measured.half_gain >= 1.5 * control.random_labels_gain",
    )


def _part(classes: Sequence[int] | range | np.ndarray) -> np.ndarray:
    """New numbers of the classes, -1 of those left out."""
    named = np.full(10, -1)
    named[list(classes)] = np.arange(len(classes))
    return named


def _trained(
    images: np.ndarray, labels: np.ndarray | None, steps: Sequence[int], rng: np.random.Generator
) -> tuple[nn.Module, list[Weights]]:
    """A network and its weights at the given steps; without labels it gives its input back."""
    used = slice(None) if labels is None else labels >= 0
    network = MultilayerPerceptron([64, 64, 64, 64 if labels is None else labels.max() + 1], random_state=rng)
    found = [_weights(network)]
    for before, after in pairwise(steps):
        if labels is None:
            train_reconstruction(network, images, n_steps=after - before, random_state=rng)
        else:
            train_classifier(network, images[used], labels=labels[used], n_steps=after - before, random_state=rng)
        found.append(_weights(network))
    return network, found


def _weights(network: nn.Module) -> Weights:
    return {name: value.clone() for name, value in network.state_dict().items()}


def _walk(trained: Sequence[Weights], rng: np.random.Generator) -> list[Weights]:
    """From the same start, steps of the same norms in random directions."""
    found = [trained[0]]
    for before, after in pairwise(trained):
        place = {}
        for name, value in found[-1].items():
            direction = torch.as_tensor(rng.normal(size=tuple(value.shape))).float()
            place[name] = value + direction * (after[name] - before[name]).norm() / direction.norm()
        found.append(place)
    return found


def _stress(runs: Sequence[np.ndarray]) -> list[float]:
    models = np.concatenate(runs)
    return IntensivePCA(n_components=3).fit(bhattacharyya(models, models)).explained_stress_.tolist()


def _gain(run: np.ndarray, truth: np.ndarray) -> float:
    start, end = training_progress(run[[0, -1]], truth)
    return float(end - start)
