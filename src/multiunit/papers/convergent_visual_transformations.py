"""Convergent transformations: independent visual systems share their geometry, in the order of a trained hierarchy.

Claim: subjects shown the same images share representational structure region by region, and the depth order of a
trained vision network recovers the order of the regions; an unrelated one does not.

Experiment: four "subjects" are multilayer perceptrons of different seeds that learn MNIST; their four hidden layers are
regions, 60 random units of each. 300 test images are shown twice, with Gaussian noise as large as the signal; the 600
trials run in one random order, the same for all. Inter-subject RSA on single trials with the other repetition of each
image, 200 permutations of the images; preferred layer of each region among the six of a convolutional network of
another seed. The order is the Spearman correlation of region number and preferred depth over all subjects and regions.
Real brains: the RDMs of human inferior temporal cortex of four subjects for 92 images (one region, one session) against
1000 permutations. Shared dimensions of the last regions (kernel multi-view CCA, three components): the share of their
variance that digits explain.

Control: permuted images; the same network with shuffled labels, learnt by heart (500 images), and untrained; a slow
drift of three sinusoids of 5 to 12 cycles in the session, of the same course in all subjects and as large as the
signal, which must raise RSA of equal repetitions (inflation: shift 0 less shift 1) and not that of shifted ones.

Deviations: MNIST and four hidden layers of at least 60 units for the catalogue's 8 x 8 digits, where the readout of 10
units was the last region; drift is judged by the difference between shifts, for it also buries signal; human cortex is
added. Stimuli are permuted with all their repetitions, and each subject's at once.

Not shown: two routes, several regions of brains, language networks; that perceptrons stand for brains.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy.spatial.distance import squareform
from scipy.stats import spearmanr
from torch import nn

from multiunit.core.paper import Claim, Paper, Scale
from multiunit.core.recording import Recording
from multiunit.learning.train_classifier import train_classifier
from multiunit.networks.multilayer_perceptron import MultilayerPerceptron
from multiunit.similarity.intersubject_rsa import intersubject_likeness, intersubject_rsa
from multiunit.similarity.kernel_multiview_cca import kernel_multiview_cca
from multiunit.similarity.rsa_hierarchy import rsa_hierarchy
from multiunit.tasks.data_folder import data_folder
from multiunit.tasks.mnist import mnist

PAPER = Paper(
    id="convergent-visual-transformations",
    title="Convergent transformations of visual representation in brains and models",
    year=2025,
    source="arXiv:2507.13941",
    level="trained",
    uses=(intersubject_rsa, rsa_hierarchy, kernel_multiview_cca),
    needs=("mnist", "rdm92"),
)

N_UNITS, N_REPEATS = 60, 2


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    images, labels = mnist(random_state=rng)
    n_subjects, n_shown, n_permutations = scale.pick(smoke=(2, 100, 20), small=(4, 300, 200))
    n_steps = scale.pick(smoke=60, small=600)
    shown, digit = images[:n_shown], labels[:n_shown]
    train, answers = images[n_shown:], labels[n_shown:]
    regions = []
    for _ in range(n_subjects):
        subject = MultilayerPerceptron([784, 128, 128, 128, 64, 10], random_state=rng)
        train_classifier(subject, train, labels=answers, n_steps=n_steps, random_state=rng)
        layers = _layers(subject, shown)[:-1]
        regions.append([layer[:, rng.permutation(layer.shape[1])[:N_UNITS]] for layer in layers])
    hierarchies, accuracy = _hierarchies(shown, train, answers, scale, rng)

    n_trials = n_shown * N_REPEATS
    stimulus = rng.permutation(np.tile(np.arange(n_shown), N_REPEATS))
    cycles, phase = rng.uniform(5, 12, size=3), rng.uniform(0, 2 * np.pi, size=3)
    drift = np.sqrt(2 / 3) * np.sin(2 * np.pi * np.outer(np.arange(n_trials) / n_trials, cycles) + phase)
    recordings = {
        name: [_recorded(layers, stimulus, course, rng) for layers in regions]
        for name, course in (("steady", None), ("drifting", drift))
    }
    found = intersubject_rsa(recordings["steady"], n_permutations=n_permutations, random_state=rng)
    mean = found["mean"].values
    same, n_regions = np.diag(mean), len(mean)
    chance = np.quantile(found["null"].values[:, range(n_regions), range(n_regions)], 0.95, axis=0)
    by_shift = {
        (name, shift): float(np.diag(intersubject_rsa(of, repetition_shift=shift, n_permutations=1)["mean"]).mean())
        for name, of in recordings.items()
        for shift in (0, 1)
    }
    orders = {name: _order(recordings["steady"], layers, stimulus) for name, layers in hierarchies.items()}
    with np.load(data_folder("rdm92") / "human_it.npz") as file:
        human = np.array([[squareform(one, checks=False)] for one in file["rdms"]])
    cortex = intersubject_likeness(human, n_permutations=scale.pick(smoke=20, small=1000), random_state=rng)
    last = [
        np.array([one.activity[stimulus == s].mean(axis=0) for s in range(n_shown)]) for one in recordings["steady"]
    ]
    last = [activity[:, -N_UNITS:] for activity in last]
    return Claim(
        measured={
            "same_region": float(same.mean()),
            "lowest_region_above_chance": float((same - chance).min()),
            "other_region": float(mean[~np.eye(n_regions, dtype=bool)].mean()),
            "order": orders["trained"],
            "shifted_change_by_drift": by_shift["drifting", 1] - by_shift["steady", 1],
            "digit_share_of_shared_dimensions": _share(kernel_multiview_cca(last).scores, digit),
            "human_cortex": float(cortex["mean"].item()),
            "accuracy": accuracy["trained"],
        },
        control={
            "chance": float(chance.max()),
            "order_shuffled": orders["shuffled"],
            "order_untrained": orders["untrained"],
            "memorised": accuracy["shuffled"],
            "inflation_steady": by_shift["steady", 0] - by_shift["steady", 1],
            "inflation_drifting": by_shift["drifting", 0] - by_shift["drifting", 1],
            "digit_share_of_permuted": _share(kernel_multiview_cca([rng.permutation(x) for x in last]).scores, digit),
            "human_cortex_chance": float(np.quantile(cortex["null"], 0.95)),
        },
        criterion="measured.lowest_region_above_chance > 0 and measured.same_region - measured.other_region >= 0.05 "
        "and measured.order >= 0.7 and measured.order - control.order_shuffled >= 0.15 "
        "and control.inflation_drifting >= 0.05 and abs(control.inflation_steady) <= 0.02 "
        "and measured.shifted_change_by_drift <= 0.02 and measured.human_cortex > control.human_cortex_chance",
    )


def _hierarchies(
    shown: np.ndarray, train: np.ndarray, answers: np.ndarray, scale: Scale, rng: np.random.Generator
) -> tuple[dict[str, list[np.ndarray]], dict[str, float]]:
    """Layers of a network that was trained, one that learnt shuffled labels by heart, and one untrained; accuracies."""
    layers, accuracy = {}, {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**31)))
        start = _network().state_dict()
    few = slice(0, 500)
    for name, pixels, wanted, n_steps in (
        ("untrained", train[few], answers[few], 0),
        ("trained", train, answers, scale.pick(smoke=40, small=600)),
        ("shuffled", train[few], rng.permutation(answers[few]), scale.pick(smoke=40, small=1500)),
    ):
        network = _network()
        network.load_state_dict(start)
        if n_steps:
            train_classifier(network, pixels, labels=wanted, n_steps=n_steps, random_state=rng)
        layers[name] = _layers(network, shown)
        # What it was trained on: shuffled labels can only be learnt by heart.
        accuracy[name] = float((_layers(network, pixels[few])[-1].argmax(axis=1) == wanted[few]).mean())
    return layers, accuracy


def _network() -> nn.Sequential:
    def convolution(n_in: int, n_out: int, stride: int = 1) -> list[nn.Module]:
        return [nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1), nn.ReLU()]

    return nn.Sequential(
        *convolution(1, 16, stride=2), *convolution(16, 16), nn.MaxPool2d(2), *convolution(16, 32),
        *convolution(32, 32), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(288, 64), nn.ReLU(), nn.Linear(64, 10),
    )  # fmt: skip


@torch.no_grad()
def _layers(network: nn.Sequential, images: np.ndarray) -> list[np.ndarray]:
    """Activity after each rectifier, and the readout: `(image, unit)`."""
    x, found = torch.as_tensor(images), []
    for number, part in enumerate(network):
        x = part(x)
        if isinstance(part, nn.ReLU) or number == len(network) - 1:
            found.append(x.flatten(1).double().numpy())
    return found


def _recorded(
    layers: Sequence[np.ndarray], stimulus: np.ndarray, drift: np.ndarray | None, rng: np.random.Generator
) -> Recording:
    """Noisy trials of one subject; drift has one course `(trial, component)`, and weights of the subject's units."""
    parts = []
    for layer in layers:
        size = np.sqrt(layer.var(axis=0).mean())
        activity = layer[stimulus] + size * rng.normal(size=(len(stimulus), layer.shape[1]))
        if drift is not None:
            activity += size * drift @ rng.normal(size=(drift.shape[1], layer.shape[1]))
        parts.append(activity)
    # The n-th time that an image is shown.
    repeat = np.array([np.sum(stimulus[:t] == s) for t, s in enumerate(stimulus)])
    site = np.repeat([f"region {number + 1}" for number in range(len(layers))], [x.shape[1] for x in layers])
    presentations = {"stimulus_id": stimulus, "repeat": repeat}
    return Recording.from_activity(np.hstack(parts), units={"site": site.astype(object)}, presentations=presentations)


def _order(recordings: Sequence[Recording], layers: Sequence[np.ndarray], stimulus: np.ndarray) -> float:
    """How well preferred depth orders the regions: Spearman over subjects and regions; 0 if all prefer one layer."""
    model = {f"layer {number}": layer[stimulus] for number, layer in enumerate(layers)}
    depth = np.array([rsa_hierarchy(one, model)["depth"].values for one in recordings])
    number = np.broadcast_to(np.arange(depth.shape[1]), depth.shape)
    return 0.0 if np.ptp(depth) == 0 else float(spearmanr(number.ravel(), depth.ravel())[0])


def _share(scores: np.ndarray, label: np.ndarray) -> float:
    """The share of the variance of scores between labels."""
    means = np.array([scores[label == one].mean(axis=0) for one in np.unique(label)])
    expected = means[np.searchsorted(np.unique(label), label)]
    return float(expected.var(axis=0).sum() / scores.var(axis=0).sum())
