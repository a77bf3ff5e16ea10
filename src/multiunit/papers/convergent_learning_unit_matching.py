"""Convergent learning: networks of other seeds share some units, and share subspaces better than units.

Claim: independently trained networks share a core of units that match one by one, while others have no counterpart;
what a layer's units span together is shared better than the units themselves.

Experiment: four convolutional networks of other initial weights and batches learn MNIST (32 filters of 5 x 5, 64 of
3 x 3, 64 dense units, all ReLU). 1,000 held-out images; of a convolution, 16 places an image whose receptive field
holds some ink. For all six pairs, in the first layer: one-to-one matching (and the best partner with re-use) by
correlation; the R^2 of every unit from all of the other network on other images, by Lasso at five penalties; spectral
clusters of both networks' units; canonical correlation. In the other layers: one-to-one matching.

Control: presentations of the other network permuted; the other network's units turned by a random rotation; untrained
networks; a network against its own rotation, which must leave the subspace and break the units, and against its own
units in another order, which must be found again.

Deviations: MNIST and three layers in place of ImageNet and AlexNet; no mutual information. Places without ink are left
out, since they would make all units alike. That all units together predict more than the best one is true of any two
systems, and so says little; hence, beyond the catalogue, units must match better than units match rotated ones, by
0.05. Units that never fire are left out.

Not shown: which units match, or that the thresholds of 0.7 and 0.5 mean something; the paper's numbers a layer. That
subspaces are shared better than units rests on R^2: the mean canonical correlation, to which directions of little
variance count as much as others, was below the mean match (0.69 and 0.78).
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import max_pool2d

from multiunit.core.paper import Claim, Paper, Scale
from multiunit.learning.train_classifier import train_classifier
from multiunit.similarity.canonical_correlation import canonical_correlation
from multiunit.similarity.localisation import rotated
from multiunit.similarity.one_to_one_matching import one_to_one_matching
from multiunit.similarity.sparse_matching import sparse_matching
from multiunit.similarity.spectral_matching import spectral_matching
from multiunit.tasks.mnist import mnist

PAPER = Paper(
    id="convergent-learning-unit-matching",
    title="Convergent Learning: Do different neural networks learn the same representations?",
    year=2016,
    source="arXiv:1511.07543",
    level="trained",
    uses=(one_to_one_matching, sparse_matching, spectral_matching),
    needs=("mnist",),
)

N_PLACES = 16
FEW = 0.03  # the penalty at which predictors are counted


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    images, labels = mnist(random_state=rng)
    n_shown, n_networks, n_steps = scale.pick(smoke=(100, 2, 30), small=(1000, 4, 400))
    shown = torch.as_tensor(images[:n_shown])
    places = _places(shown, rng)
    networks = [_network(rng) for _ in range(n_networks)]
    untrained = [_layers(network, shown, places)[0] for network in networks]
    for network in networks:
        train_classifier(network, images[n_shown:], labels=labels[n_shown:], n_steps=n_steps, random_state=rng)
    with torch.no_grad():
        accuracy = [float((n(shown).argmax(1).numpy() == labels[:n_shown]).mean()) for n in networks]
    trained = [_layers(network, shown, places) for network in networks]
    layers = [list(one) for one in zip(*trained, strict=True)]

    first = layers[0]
    r = np.concatenate([one_to_one_matching(x, y)["correlation"].values for x, y in combinations(first, 2)])
    sparse = [sparse_matching(x, y) for x, y in combinations(first, 2)]
    groups = [spectral_matching(x, y, n_clusters=8, random_state=rng) for x, y in combinations(first, 2)]
    x = first[0]
    order = rng.permutation(x.shape[1])
    turned = rotated(x, random_state=rng)
    again = one_to_one_matching(x, x[:, order])["partner"].values
    return Claim(
        measured={
            "accuracy": float(np.mean(accuracy)),
            "matched": float(r.mean()),
            "matched_r2": float((r**2).mean()),
            "share_above_07": float((r > 0.7).mean()),
            "share_below_05": float((r < 0.5).mean()),
            "best_with_reuse": _mean([one_to_one_matching(x, y)["best"] for x, y in combinations(first, 2)]),
            "linear_r2": _mean([one["r2"].isel(penalty=0) for one in sparse]),
            "sparse_r2": _mean([one["r2"].sel(penalty=FEW) for one in sparse]),
            "sparse_predictors": _mean([one["n_predictors"].sel(penalty=FEW) for one in sparse]),
            "clusters_of_both": _mean([(one["n_units"] * one["n_other_units"] > 0) for one in groups]),
            "cluster_agreement": _mean([one["agreement"] for one in groups]),
            "canonical_correlation": _mean([canonical_correlation(x, y)[0] for x, y in combinations(first, 2)]),
            "second_layer_matched": _matched(layers[1]),
            "dense_layer_matched": _matched(layers[2]),
        },
        control={
            "permuted_matched": _mean(
                [one_to_one_matching(x, rng.permutation(y))["correlation"] for x, y in combinations(first, 2)]
            ),
            "rotated_matched": _mean(
                [one_to_one_matching(x, rotated(y, random_state=rng))["correlation"] for x, y in combinations(first, 2)]
            ),
            "untrained_matched": _matched(untrained),
            "own_rotation_canonical": float(canonical_correlation(x, turned)[0].mean()),
            "own_rotation_matched": float(one_to_one_matching(x, turned)["correlation"].mean()),
            "own_order_found": float((order[again] == np.arange(len(order))).mean()),
        },
        criterion="measured.matched >= control.permuted_matched + 0.15 "
        "and measured.matched >= control.rotated_matched + 0.05 and measured.matched > control.untrained_matched "
        "and measured.share_above_07 >= 0.1 and measured.share_below_05 >= 0.1 "
        "and measured.linear_r2 >= measured.matched_r2 + 0.1 "
        "and control.own_rotation_canonical >= 0.999 and control.own_order_found >= 1",
    )


def _network(rng: np.random.Generator) -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**31)))
        return nn.Sequential(
            nn.Conv2d(1, 32, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.Conv2d(32, 64, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(64 * 49, 64),
            nn.ReLU(),
            nn.Linear(64, 10),
        )


def _places(images: torch.Tensor, rng: np.random.Generator) -> list[torch.Tensor]:
    """Of both convolutions, places `(image, place)` whose receptive field holds ink, drawn with replacement."""
    ink = max_pool2d(images, 5, stride=2, padding=2)
    found = []
    for field in (ink, max_pool2d(ink, 3, stride=2, padding=1)):
        draws = [rng.choice(np.flatnonzero(one > 0), N_PLACES) for one in field.flatten(1).numpy()]
        found.append(torch.as_tensor(np.stack(draws)))
    return found


def _layers(network: nn.Sequential, images: torch.Tensor, places: list[torch.Tensor]) -> list[np.ndarray]:
    """The activity `(image and place, unit)` of each layer, without units that are constant."""
    found, x = [], images
    with torch.no_grad():
        for number, part in enumerate(list(network.children())[:-1]):
            x = part(x)
            if not isinstance(part, nn.ReLU):
                continue
            activity = x
            if x.ndim == 4:
                chosen = places[number // 2][:, None].expand(-1, x.shape[1], -1)
                activity = x.flatten(2).gather(2, chosen).transpose(1, 2).flatten(0, 1)
            values = activity.double().numpy()
            found.append(values[:, values.std(axis=0) > 0])
    return found


def _matched(systems: list[np.ndarray]) -> float:
    return _mean([one_to_one_matching(x, y)["correlation"] for x, y in combinations(systems, 2)])


def _mean(parts: Iterable[Any]) -> float:
    return float(np.mean([np.mean(part) for part in parts]))
