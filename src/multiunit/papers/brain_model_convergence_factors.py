"""Factors of convergence: size, training and images of a model each bring its representations closer to a brain's.

Claim: model size, amount of training and match of the training images each raise brain-model similarity, and early
areas are reached earlier in training than late ones.

Experiment: the stand-in for a brain is a trained ResNet-20 seeing natural images (CIFAR-10): 40 "voxels" (a channel
over a quarter of height and width) of each of four depths, two repeats with noise as large as the signal; and 20
"sensors" that mix all voxels, whose areas peak 50 ms one after the other. Models: convolutional networks of 4 or 16
channels at first, doubled by each of four stages, that tell by how much an image was turned, without other labels, in
400 steps; trained on other images of the same kind, or on these with their pixels in one random order. Three replicates
of all. Score: held-out correlation of ridge encoding over the voxels' ceiling, best layer, mean over voxels. Main
effects of size, log steps and images over all checkpoints; spatial and temporal scores; half-times of areas.

Control: images of model and brain in different order; the untrained network; training on shuffled pixels.

Deviations: the catalogue's brain was a network trained on digits; real weights and photographs took its place, and
turning, for which there is a trainer, the place of contrastive learning. A brain of this kind is itself a network.
The paper's text was not read: scores and half-times are reconstructed from reviews.

Found: of the three factors only size counts. Learning takes place (half of the turns of new images are named, a quarter
by chance), but untrained networks predict the voxels as well as trained ones (0.46); the first area gains nothing and
so has no half-time, and all stages predict the sensors best at the same moment. Only the spatial score rises, from 0.30
to 0.41. Whether the few images (1,300), the task of turns or this kind of brain is the reason was not tried.

Not shown: brains, transformers, or maps of cortical expansion, thickness and myelin.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn.functional import adaptive_avg_pool2d

from multiunit.core.paper import Claim, Paper, Scale
from multiunit.encoding.half_time import half_time
from multiunit.encoding.hierarchy_scores import spatial_score, temporal_score
from multiunit.encoding.ridge_encoding import layer_encoding, ridge_encoding
from multiunit.inference.factorial_effects import factorial_effects
from multiunit.inference.unit_reliability import unit_reliability
from multiunit.learning.train_classifier import train_classifier
from multiunit.networks.resnet_cifar import load_resnet_cifar, preprocess
from multiunit.systems.torch_system import TorchSystem
from multiunit.systems.unit_maps import unit_maps
from multiunit.tasks.data_folder import data_folder

PAPER = Paper(
    id="brain-model-convergence-factors",
    title="Disentangling the Factors of Convergence between Brains and Computer Vision Models",
    year=2025,
    source="arXiv:2508.18226",
    level="data",
    uses=(ridge_encoding, factorial_effects),
    needs=("cnn_cifar10",),
)

AREAS = ("relu", "layer1.2.relu2", "layer2.2.relu2", "layer3.2.relu2")
TIME = np.linspace(0.05, 0.35, 13)


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    folder = data_folder("cnn_cifar10")
    with np.load(folder / "cifar10_images.npz") as file:
        images = preprocess(file["x"][: scale.pick(smoke=160, small=1500)])
    brain = TorchSystem(load_resnet_cifar(folder / "resnet20.th"))
    widths, steps = scale.pick(smoke=((2, 4), (0, 3, 8)), small=((4, 16), (0, 10, 30, 80, 180, 400)))
    n_replicates, n_shown, n_voxels = scale.pick(smoke=(2, 60, 5), small=(3, 200, 40))
    rows: list[dict[str, float]] = []
    found: dict[str, list[float]] = {}
    for replicate in range(n_replicates):
        order = torch.as_tensor(rng.permutation(len(images)))
        shown, seen = images[order[:n_shown]], images[order[n_shown:]]
        shuffled = seen.flatten(2)[:, :, torch.as_tensor(rng.permutation(1024))].reshape(seen.shape)
        signal = _voxels(brain, shown, n_voxels, rng)
        measured = signal + rng.normal(size=(2, *signal.shape))
        against: dict[str, Any] = {"y": measured.mean(axis=0), "random_state": int(rng.integers(2**31))}
        against["ceiling"] = unit_reliability(measured).ceiling
        area = np.repeat(np.arange(len(AREAS)), n_voxels)

        for width in widths:
            seed = int(rng.integers(2**31))
            for matched, pictures in ((0, shuffled), (1, seen)):
                network = _network(width, seed)
                scores = [layer_encoding(_layers(network, shown), **against)]
                untrained = scores[0]
                for before, after in pairwise(steps):
                    _learn_turns(network, pictures, after - before, rng)
                    scores.append(layer_encoding(_layers(network, shown), **against))
                best = np.stack([one.max("layer").values for one in scores])
                rows += [
                    {"size": np.log2(width), "steps": np.log1p(s), "images": matched, "seed": replicate, "score": v}
                    for s, v in zip(steps, best.mean(axis=1), strict=True)
                ]
        # The last network is the large one that saw the matched images.
        half = half_time(best.reshape(len(steps), len(AREAS), n_voxels).mean(axis=2), steps)
        layers = _layers(network, shown)
        apart = rng.permutation(n_shown)
        sensors = _sensors(signal, area, rng)
        over_time = layer_encoding(layers, sensors, random_state=rng)
        new = {
            "named_turns": _named_turns(network, shown),
            "score": best[-1].mean(),
            "untrained_score": best[0].mean(),
            "permuted_score": layer_encoding({k: x[apart] for k, x in layers.items()}, **against).max("layer").mean(),
            "spatial_score": spatial_score(scores[-1], area).correlation,
            "untrained_spatial_score": spatial_score(untrained, area).correlation,
            "temporal_score": temporal_score(over_time, TIME).correlation,
            "late_area_later": half[-1] > half[0],
            "gain_of_first_area": best[-1, area == 0].mean() - best[0, area == 0].mean(),
            "gain_of_last_area": best[-1, area == 3].mean() - best[0, area == 3].mean(),
        }
        for name, value in new.items():
            found.setdefault(name, []).append(float(value))
    table = pd.DataFrame(rows)
    effects = factorial_effects(
        table, "score", factors=["size", "steps", "images"], replicate="seed", level=0.9, random_state=rng
    )
    mean = {name: float(np.mean(values)) for name, values in found.items()}
    large = table[(table["size"] == table["size"].max()) & (table["steps"] == table["steps"].max())]
    return Claim(
        measured={
            **{f"{name}_effect": float(effects["value"].sel(effect=name)) for name in ("size", "steps", "images")},
            **{f"{name}_low": float(effects["low"].sel(effect=name)) for name in ("size", "steps", "images")},
            "steps_x_images_effect": float(effects["value"].sel(effect="steps x images")),
            "n_late_area_later": float(np.sum(found["late_area_later"])),
            **{k: mean[k] for k in ("named_turns", "score", "spatial_score", "temporal_score")},
            **{k: mean[k] for k in ("gain_of_first_area", "gain_of_last_area")},
        },
        control={
            "shuffled_pixels_score": float(large.loc[large["images"] == 0, "score"].mean()),
            **{k: mean[k] for k in ("untrained_score", "permuted_score", "untrained_spatial_score")},
        },
        criterion="measured.size_low > 0 and measured.steps_low > 0 and measured.images_low > 0 "
        "and measured.n_late_area_later >= 2 and abs(control.permuted_score) < 0.1",
    )


def _voxels(brain: TorchSystem, images: torch.Tensor, n_voxels: int, rng: np.random.Generator) -> np.ndarray:
    """`(image, voxel)`, standardised, area by area."""
    maps = list(unit_maps(brain, pd.DataFrame({"stimulus": list(images)}), AREAS))
    found = []
    for name in AREAS:
        pooled = adaptive_avg_pool2d(torch.cat([batch[name] for batch in maps]), 4).flatten(1).double().numpy()
        alive = np.flatnonzero(pooled.std(axis=0) > 0)
        found.append(pooled[:, rng.choice(alive, n_voxels, replace=False)])
    voxels = np.concatenate(found, axis=1)
    return np.asarray((voxels - voxels.mean(axis=0)) / voxels.std(axis=0))


def _sensors(signal: np.ndarray, area: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """`(image, sensor, time)`: mixtures of all voxels, each area's at its own time, with noise."""
    course = np.exp(-0.5 * ((TIME - (0.1 + 0.05 * area[:, None])) / 0.03) ** 2)
    mixing = rng.normal(size=(len(area), 20))
    clean = np.einsum("nv,vs,vt->nst", signal, mixing, course, optimize=True)
    return clean + clean.std() * rng.normal(size=clean.shape)


def _network(width: int, seed: int) -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        channels = [3, *(width * 2**k for k in range(4))]
        stages = [nn.Sequential(nn.Conv2d(a, b, 3, stride=2, padding=1), nn.ReLU()) for a, b in pairwise(channels)]
        return nn.Sequential(*stages, nn.Flatten(), nn.Linear(channels[-1] * 4, 4))


def _learn_turns(network: nn.Module, images: torch.Tensor, n_steps: int, rng: np.random.Generator) -> None:
    turns = rng.integers(4, size=len(images))
    turned = torch.stack([torch.rot90(image, int(n), (1, 2)) for image, n in zip(images, turns, strict=True)])
    train_classifier(network, turned, labels=turns, n_steps=n_steps, batch_size=32, random_state=rng)


def _named_turns(network: nn.Module, images: torch.Tensor) -> float:
    with torch.no_grad():
        right = [network(torch.rot90(images, n, (2, 3))).argmax(1) == n for n in range(4)]
    return float(torch.cat(right).double().mean())


def _layers(network: nn.Sequential, images: torch.Tensor) -> dict[str, np.ndarray]:
    """Activity `(image, unit)` of the four stages, over at most 4 x 4 places."""
    found, x = {}, images
    with torch.no_grad():
        for number, stage in enumerate(list(network.children())[:4]):
            x = stage(x)
            found[f"stage_{number}"] = adaptive_avg_pool2d(x, min(4, x.shape[-1])).flatten(1).double().numpy()
    return found
