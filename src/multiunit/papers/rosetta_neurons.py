"""Rosetta neurons: networks of different architecture, task and supervision share units that fire at the same places.

Claim: mutually best-matching units, by where and when they are active, recur across classifiers, self-supervised
networks and generators, without any label being used to find them.

Experiment: 1,500 natural images (CIFAR-10) to three networks: the trained ResNet-20 (32 units of its second stage), an
autoencoder (its 32 units at half the image's side) and a vision transformer that tells by how much an image was turned
(64 units of the residual stream of its second block), the latter two trained on the spot on these images. Mutual
5-nearest neighbours by correlation over images and places; cliques of one unit of each network, all mutual.

Control: the images of one network in another order; untrained copies of all three; the channels of the ResNet mixed by
a random rotation, which keeps all that they say together and takes away its basis.

Deviations: catalogue's digits replaced by real images and a real network; the agreement with permuted images is taken
over the pairs that are mutual neighbours there, as everywhere.

Not shown: large networks, generators, or that shared units mean something to a person.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from torch import nn

from multiunit.core.paper import Claim, Paper, Scale
from multiunit.learning.train_classifier import train_classifier
from multiunit.learning.train_reconstruction import train_reconstruction
from multiunit.networks.convolutional_autoencoder import ConvolutionalAutoencoder
from multiunit.networks.resnet_cifar import ResNetCifar, load_resnet_cifar, preprocess
from multiunit.networks.tiny_vit import TinyViT
from multiunit.similarity.rosetta_units import map_correlation, mutual_neighbours, rosetta_units
from multiunit.systems.torch_system import TorchSystem
from multiunit.systems.unit_maps import unit_maps
from multiunit.tasks.data_folder import data_folder

PAPER = Paper(
    id="rosetta-neurons",
    title="Rosetta Neurons: Mining the Common Units in a Model Zoo",
    year=2023,
    source="arXiv:2306.09346",
    level="data",
    uses=(rosetta_units,),
    needs=("cnn_cifar10",),
)

SITES = ("layer2.2.relu2", "down.0.1", "layers.1")
PAIRS = ((0, 1), (0, 2), (1, 2))


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    folder = data_folder("cnn_cifar10")
    with np.load(folder / "cifar10_images.npz") as file:
        pixels = file["x"][rng.permutation(len(file["x"]))[: scale.pick(smoke=100, small=1500)]]
    images = preprocess(pixels)
    n_steps = scale.pick(smoke=5, small=600)
    autoencoder = ConvolutionalAutoencoder([32, 64], random_state=rng)
    turner = TinyViT(n_classes=4, n_layers=2, random_state=rng)
    untrained = [ResNetCifar(20, random_state=rng).eval(), copy.deepcopy(autoencoder), copy.deepcopy(turner)]
    train_reconstruction(autoencoder, images, n_steps=n_steps, random_state=rng)
    turns = rng.integers(4, size=len(images))
    turned = torch.stack([torch.rot90(image, int(n), (1, 2)) for image, n in zip(images, turns, strict=True)])
    train_classifier(turner, turned, labels=turns, n_steps=n_steps, random_state=rng)

    maps = _maps([load_resnet_cifar(folder / "resnet20.th"), autoencoder, turner], images)
    rotation = torch.as_tensor(np.linalg.qr(rng.normal(size=(32, 32)))[0]).float()
    mixed = [torch.einsum("nuhw,uv->nvhw", maps[0], rotation), *maps[1:]]
    order = torch.as_tensor(rng.permutation(len(images)))
    found = {
        "trained": maps,
        "permuted": [maps[0][order], maps[1], maps[2][order.flip(0)]],
        "untrained": _maps(untrained, images),
        "mixed": mixed,
    }
    agreement, cliques = {}, {}
    for name, three in found.items():
        r = {(i, j): map_correlation(_pieces(three[i], three[j])) for i, j in PAIRS}
        agreement[name] = float(np.mean([values[mutual_neighbours(values)].mean() for values in r.values()]))
        cliques[name] = float(len(rosetta_units(r)))
    return Claim(
        measured={"agreement": agreement["trained"], "shared_units": cliques["trained"]},
        control={
            "permuted_agreement": agreement["permuted"],
            "untrained_agreement": agreement["untrained"],
            "mixed_agreement": agreement["mixed"],
            "permuted_shared_units": cliques["permuted"],
            "untrained_shared_units": cliques["untrained"],
            "mixed_shared_units": cliques["mixed"],
        },
        criterion="measured.agreement >= control.permuted_agreement + 0.2 "
        "and measured.agreement >= control.untrained_agreement + 0.05 "
        "and measured.shared_units >= 2 * control.mixed_shared_units and measured.shared_units > 0",
    )


def _maps(modules: Sequence[nn.Module], images: torch.Tensor) -> list[torch.Tensor]:
    stimuli = pd.DataFrame({"stimulus": list(images)})
    return [
        torch.cat([batch[site] for batch in unit_maps(TorchSystem(module), stimuli, site)])
        for module, site in zip(modules, SITES, strict=True)
    ]


def _pieces(first: torch.Tensor, second: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return list(zip(first.split(128), second.split(128), strict=True))
