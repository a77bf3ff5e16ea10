"""Topological RSA: the topology of a representation tells layers apart as its geometry does, and bears noise.

Claim: geo-topological statistics (RGTM, RGDM) in place of the RDM keep the power to tell layers and areas apart, and
lose less of it under noise and between individuals.

Experiment: eight small convolutional networks of different seeds learn handwritten digits; six layers each. Data are
50 random units of a layer at the sight of 60 test images, with noise of 0.25, 0.5, 1 or 2 times the deviation of that
layer's units; squared Euclidean RDMs; five draws of units and noise. Each layer is to be found among the layers of
another network (chance 1/6). Of 25 pairs of quantiles the one that identifies best in four networks, over all levels of
noise, is judged in the other four; so are the RGDM at that upper and the lower quantile 0, and the neighbourhood graph
at the median.

Control: layers of the models permuted; entries of the data RDMs shuffled; and the transform at the quantile 0.02, a
nearly empty graph.

Deviations: each decision is between the layers of one other network, so that chance is 1/6 throughout; quantiles are
chosen on other networks, and not per level of noise. The RDM is one of the 25 pairs (0 and 1), hence what is chosen
can be worse than it only by not holding for the other networks. The RGDM keeps the lower quantile 0: a larger
one makes near pairs 0 long, and they join all presentations at length 0.

Not shown: brains, for the shared data hold no subjects with several areas; large networks; persistent homology.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from multiunit.core.paper import Claim, Paper, Scale
from multiunit.learning.train_classifier import train_classifier
from multiunit.similarity.geotopological import geodesic, geotopological
from multiunit.similarity.identify import choose_quantiles, identify
from multiunit.similarity.rdm import rdm
from multiunit.tasks.digits import digits

PAPER = Paper(
    id="topological-rsa",
    title="The Topology and Geometry of Neural Representations",
    year=2023,
    source="arXiv:2309.11028",
    level="trained",
    uses=(geotopological, geodesic, identify),
)

NOISE = (0.25, 0.5, 1.0, 2.0)
GRID = list(itertools.product((0.0, 0.1, 0.2, 0.3, 0.4), (0.6, 0.7, 0.8, 0.9, 1.0)))
N_UNITS = 50
N_LAYERS = 6


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    frame = digits(random_state=rng)
    train, test = (frame[frame["split"] == part] for part in ("train", "test"))
    shown = np.stack(test["stimulus"].tolist())[rng.permutation(len(test))[: scale.pick(smoke=30, small=60)]]
    noise = scale.pick(smoke=NOISE[:2], small=NOISE)
    n_networks, n_draws, n_steps = scale.pick(smoke=(4, 2, 100), small=(8, 5, 200))
    layers = []
    for _ in range(n_networks):
        network = _network(rng)
        train_classifier(network, train["stimulus"], labels=train["label"], n_steps=n_steps, random_state=rng)
        layers.append(_layers(network, shown))
    models = np.array([[rdm(x, distance="squared_euclidean") for x in one] for one in layers])
    # (noise, draw, network, layer, pair)
    data = np.array(
        [[[[_measured(x, level, rng) for x in one] for one in layers] for _ in range(n_draws)] for level in noise]
    )
    half = n_networks // 2
    flat = data[:, :, :half].reshape(-1, half, *models.shape[1:])
    low, high = choose_quantiles(flat, models[:half], grid=GRID)
    data, models = data[:, :, half:], models[half:]

    def accuracy(transform: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """`(noise,)`"""
        bent = transform(models)
        return np.array([[identify(transform(d), bent)["accuracy"].mean() for d in level] for level in data]).mean(1)

    found = {
        "rdm": accuracy(lambda d: d),
        "rgtm": accuracy(lambda d: geotopological(d, low=low, high=high)),
        "rgdm": accuracy(lambda d: _each(lambda one: geodesic(geotopological(one, low=0.0, high=high)).distance, d)),
        "graph": accuracy(lambda d: geotopological(d, low=0.5, high=0.5)),
        "nearly_empty": accuracy(lambda d: geotopological(d, low=0.02, high=0.02)),
    }
    order = np.stack([rng.permutation(N_LAYERS) for _ in models])
    permuted = np.take_along_axis(models, order[:, :, None], axis=1)
    mixed = rng.permuted(data, axis=-1)
    high_noise = {name: float(values[-2:].mean()) for name, values in found.items()}
    drop = {name: float(values[0] - values[-1]) for name, values in found.items()}
    return Claim(
        measured={
            **{f"{name}_high_noise": high_noise[name] for name in ("rdm", "rgtm", "rgdm", "graph")},
            **{f"{name}_drop": drop[name] for name in ("rdm", "rgtm", "rgdm", "graph")},
            "advantage": high_noise["rgtm"] - high_noise["rdm"],
            "low": low,
            "high": high,
        },
        control={
            "permuted_layers": float(np.mean([identify(d, permuted)["accuracy"].mean() for one in data for d in one])),
            "shuffled_entries": float(np.mean([identify(d, models)["accuracy"].mean() for one in mixed for d in one])),
            "nearly_empty_high_noise": high_noise["nearly_empty"],
        },
        criterion="measured.rgtm_high_noise >= measured.rdm_high_noise - 0.03 and measured.rgtm_high_noise >= 0.4 "
        "and measured.rgtm_drop <= measured.rdm_drop + 0.03 "
        "and control.nearly_empty_high_noise <= measured.rgtm_high_noise - 0.15 "
        "and control.permuted_layers <= 0.35 and control.shuffled_entries <= 0.25",
    )


def _network(rng: np.random.Generator) -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**31)))
        convolutions = [
            part
            for n_in, n_out in ((1, 16), (16, 16), (16, 32), (32, 32))
            for part in (nn.Conv2d(n_in, n_out, 3, padding=1), nn.ReLU())
        ]
        # 8 x 8 images are halved after every second convolution.
        parts = [*convolutions[:4], nn.MaxPool2d(2), *convolutions[4:], nn.MaxPool2d(2), nn.Flatten()]
        return nn.Sequential(*parts, nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))


@torch.no_grad()
def _layers(network: nn.Sequential, images: np.ndarray) -> list[np.ndarray]:
    """Activity after each rectifier, and the readout: `(image, unit)`."""
    x, found = torch.as_tensor(images), []
    for number, part in enumerate(network):
        x = part(x)
        if isinstance(part, nn.ReLU) or number == len(network) - 1:
            found.append(x.flatten(1).double().numpy())
    return found


def _measured(activity: np.ndarray, noise: float, rng: np.random.Generator) -> np.ndarray:
    """The RDM of some units with noise."""
    units = rng.permutation(activity.shape[1])[:N_UNITS]
    deviation = np.sqrt(activity.var(axis=0).mean())
    some = activity[:, units]
    return rdm(some + noise * deviation * rng.normal(size=some.shape), distance="squared_euclidean")


def _each(transform: Callable[[np.ndarray], np.ndarray], rdms: np.ndarray) -> np.ndarray:
    return np.apply_along_axis(transform, -1, rdms)
