"""Pseudo-depth of cortex: few neurons and images tell the place of a population, though not the size of the likeness.

Claim: placing a population at the layer of a reference network it is most like, by SSM or SVCCA, survives the
subsampling of a large survey - about 100 neurons or more, about 100 images - although the values of both do not.

Experiment: four convolutional networks of different seeds learn MNIST; one is the reference, the layers of the other
three stand for areas, with Gaussian noise of half the signal's deviation. Six layers of 128 to 3136 units; 118 test
images; 3, 10, 30, 100 and all units, 30 subsamples each. Mean distance in layers between place and layer; mean
similarity with the layer of the same number. Judged by SSM; SVCCA of 10 components is told beside it.

Control: images of the target permuted (mean distance of chance, at 100 units); three units; the canonical correlation
of a layer with permuted images, without and with the guard on components.

Deviations: MNIST for 8 x 8 digits, and two dense layers of 128 units, so that "all" is more than 100 everywhere; the
readout of ten units is left out. The change of values is that from 100 units to all, relative to the value at 100.

Not shown: mouse cortex (no shared recording has natural images), VGG16, or that cortex is parallel.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from multiunit.core.paper import Claim, Paper, Scale
from multiunit.learning.train_classifier import train_classifier
from multiunit.similarity.pseudo_depth import depth_calibration, guarded_svcca, pseudo_depth, ssm, truncated
from multiunit.similarity.svcca import svcca
from multiunit.tasks.mnist import mnist

PAPER = Paper(
    id="pseudo-depth-of-cortex",
    title="Comparison Against Task Driven Artificial Neural Networks Reveals Functional Organization of Mouse Visual "
    "Cortex",
    year=2019,
    source="arXiv:1911.07986",
    level="trained",
    uses=(pseudo_depth, depth_calibration, guarded_svcca),
    needs=("mnist",),
)

ALL = 100_000


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    images, labels = mnist(random_state=rng)
    n_shown = scale.pick(smoke=40, small=118)
    n_networks, n_draws, n_steps = scale.pick(smoke=(2, 3, 40), small=(4, 30, 400))
    networks = []
    for _ in range(n_networks):
        network = _network(rng)
        train_classifier(network, images[n_shown:], labels=labels[n_shown:], n_steps=n_steps, random_state=rng)
        networks.append(network)
    with torch.no_grad():
        named = torch.as_tensor(images[:n_shown])
        accuracy = np.mean([(network(named).argmax(1).numpy() == labels[:n_shown]).mean() for network in networks])
    reference, *clean = (_layers(network, images[:n_shown]) for network in networks)
    targets = [{name: x + 0.5 * _size(x) * rng.normal(size=x.shape) for name, x in one.items()} for one in clean]
    numbers = scale.pick(smoke=(3, 10, ALL), small=(3, 10, 30, 100, ALL))
    found = {
        name: depth_calibration(
            targets, reference, metric=metric, n_units=numbers, n_images=[n_shown], n_draws=n_draws, random_state=rng
        ).mean(("target", "layer", "n_images"))
        for name, metric in (("ssm", ssm), ("svcca", truncated(10)))
    }
    permuted = [{name: rng.permutation(x) for name, x in one.items()} for one in targets for _ in range(n_draws)]
    chance = depth_calibration(permuted, reference, n_units=[100], n_images=[n_shown], n_draws=1, random_state=rng)
    strangers = [(rng.permutation(x), reference[name]) for name, x in targets[0].items()]
    some = scale.pick(smoke=10, small=100)
    return Claim(
        measured={
            "error_10": float(found["ssm"]["error"].sel(n_units=10)),
            "error_100": float(found["ssm"]["error"].sel(n_units=some)),
            "error_all": float(found["ssm"]["error"].sel(n_units=ALL)),
            "value_100": float(found["ssm"]["value"].sel(n_units=some)),
            "value_all": float(found["ssm"]["value"].sel(n_units=ALL)),
            "svcca_error_10": float(found["svcca"]["error"].sel(n_units=10)),
            "svcca_error_100": float(found["svcca"]["error"].sel(n_units=some)),
            "svcca_value_100": float(found["svcca"]["value"].sel(n_units=some)),
            "svcca_value_all": float(found["svcca"]["value"].sel(n_units=ALL)),
            "accuracy": float(accuracy),
        },
        control={
            "error_permuted": float(chance["error"].mean()),
            "error_3": float(found["ssm"]["error"].sel(n_units=3)),
            "unrelated_svcca": float(np.mean([svcca(x, y) for x, y in strangers])),
            "unrelated_guarded_svcca": float(np.mean([guarded_svcca(x, y) for x, y in strangers])),
        },
        criterion="measured.error_100 <= 1 and measured.error_100 <= 0.6 * measured.error_10 "
        "and control.error_permuted >= 1.5 and control.error_3 >= measured.error_10 "
        "and abs(measured.value_all - measured.value_100) >= 0.2 * measured.value_100 "
        "and control.unrelated_svcca >= control.unrelated_guarded_svcca + 0.2",
    )


def _network(rng: np.random.Generator) -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**31)))
        parts: list[nn.Module] = []
        for n_in, n_out, stride in ((1, 16, 2), (16, 16, 1), (16, 32, 2), (32, 32, 1)):
            parts += [nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1), nn.ReLU()]
        parts += [nn.Flatten(), nn.Linear(1568, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10)]
        return nn.Sequential(*parts)


@torch.no_grad()
def _layers(network: nn.Sequential, images: np.ndarray) -> dict[str, np.ndarray]:
    """Activity after each rectifier, `(image, unit)`."""
    x, found = torch.as_tensor(images), dict[str, np.ndarray]()
    for part in network:
        x = part(x)
        if isinstance(part, nn.ReLU):
            found[f"layer {len(found) + 1}"] = x.flatten(1).double().numpy()
    return found


def _size(activity: np.ndarray) -> float:
    """The deviation of the layer's units over images."""
    return float(np.sqrt(activity.var(axis=0).mean()))
