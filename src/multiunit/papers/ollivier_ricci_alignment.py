"""Ollivier-Ricci alignment: curvature shows where two systems agree, item by item, and which items are one class.

Claim: curvature of the graph of neighbours, and the communities that Ricci flow leaves, show local agreement of systems
and their classes, which one correlation of RDMs sums away.

Experiment: (a) 100 natural images (CIFAR-10), 20 of each of five classes, to the trained ResNet-20 (64 averaged units
before the readout): the area under the curve with which low curvature tells edges between classes from those within,
and the adjusted Rand index of flow communities and classes. (b) judgements of 92 objects by 16 people, in two random
halves, each half's mean RDM: the rank correlation of the objects' curvature in both. k = 8 neighbours, alpha = 0.5, 10
iterations, edges of length 1 to start from.

Control: three untrained ResNets and the pixels; the trained net's graph rewired with every image's number of edges
kept; for people, the pixels of the same 92 images, and the objects of the second half in another order. Beside them
stand k-means of the same activity into five, and the plain correlation of RDMs.

Deviations: a trained net on natural images and real judgements in place of the catalogue's digits and made-up
judgements; the pairs of trained nets, whose curvature should agree more than that of trained and untrained ones, are
the two halves of the people here, against people and pixels, with the same margin. Edges start at length 1 because
with dissimilarities as lengths short edges are curved down for being short (`auc_with_lengths`).

Not shown: faces, or that what curvature shows and RSA does not has a meaning: k-means finds the classes as well as the
flow does, and halves of the people whose RDMs agree by 0.6 to 0.7 hardly agree in the curvature of single objects.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from scipy.spatial.distance import squareform
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, roc_auc_score

from multiunit.core.paper import Claim, Paper, Scale
from multiunit.networks.resnet_cifar import ResNetCifar, load_resnet_cifar, preprocess
from multiunit.populations.structure_function import rewire
from multiunit.similarity.compare_rdms import compare_rdms
from multiunit.similarity.curvature_similarity import curvature_similarity, node_correlation
from multiunit.similarity.neighbour_graph import neighbour_graph
from multiunit.similarity.ollivier_ricci import ollivier_ricci
from multiunit.similarity.rdm import rdm
from multiunit.similarity.ricci_flow import cut_communities, ricci_flow
from multiunit.systems.torch_system import TorchSystem
from multiunit.systems.unit_maps import unit_maps
from multiunit.tasks.data_folder import data_folder

PAPER = Paper(
    id="ollivier-ricci-alignment",
    title="Exploring Geometric Representational Alignment through Ollivier-Ricci Curvature and Ricci Flow",
    year=2025,
    source="arXiv:2501.00919",
    level="data",
    uses=(ollivier_ricci, ricci_flow, cut_communities, curvature_similarity),
    needs=("cnn_cifar10", "rdm92"),
)

# The last rectifier, whose maps are averaged before the readout.
SITE = "layer3.2.relu2"


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    n_classes, n_each, n_iterations, n_untrained = scale.pick(smoke=(3, 12, 2, 1), small=(5, 20, 10, 3))
    folder = data_folder("cnn_cifar10")
    with np.load(folder / "cifar10_images.npz") as file:
        pixels, classes = file["x"], file["y"]
    shown = rng.permutation(10)[:n_classes]
    chosen = np.concatenate([rng.permutation(np.flatnonzero(classes == c))[:n_each] for c in shown])
    images, labels = pixels[chosen], classes[chosen].astype(int)
    trained = _averaged(load_resnet_cifar(folder / "resnet20.th"), images)
    untrained = [_averaged(ResNetCifar(20, random_state=rng).eval(), images) for _ in range(n_untrained)]

    lengths = neighbour_graph(rdm(trained, distance="correlation"))
    graph = np.sign(lengths)
    rewired = squareform(rewire(squareform(graph), random_state=rng))
    blank = [np.sign(neighbour_graph(rdm(x, distance="correlation"))) for x in untrained]
    seen = np.sign(neighbour_graph(rdm(_flat(images), distance="correlation")))
    kmeans = KMeans(n_classes, n_init=10, random_state=int(rng.integers(2**31))).fit_predict(trained)

    with np.load(data_folder("rdm92") / "behaviour.npz") as file:
        people = np.array([squareform(one, checks=False) for one in file["rdms"]])
    with np.load(data_folder("rdm92") / "stimuli.npz") as file:
        objects = file["images"]
    order = rng.permutation(len(people))
    half, other = (people[part].mean(axis=0) for part in np.array_split(order, 2))
    look = rdm(_flat(objects), distance="correlation")
    mixed = rng.permutation(len(objects))
    disordered = squareform(squareform(other)[mixed][:, mixed])

    def ari(edges: np.ndarray) -> float:
        return float(adjusted_rand_score(labels, cut_communities(ricci_flow(edges, n_iterations=n_iterations)).label))

    return Claim(
        measured={
            "auc": _auc(graph, labels),
            "ari": ari(graph),
            "auc_with_lengths": _auc(lengths, labels),
            "people_curvature": node_correlation(half, other),
            "people_rsa": compare_rdms(half, other, by="spearman"),
        },
        control={
            "untrained_auc": float(np.mean([_auc(one, labels) for one in blank])),
            "untrained_ari": float(np.mean([ari(one) for one in blank])),
            "pixels_auc": _auc(seen, labels),
            "pixels_ari": ari(seen),
            "rewired_auc": _auc(rewired, labels),
            "rewired_ari": ari(rewired),
            "kmeans_ari": float(adjusted_rand_score(labels, kmeans)),
            "people_pixels_curvature": float(np.mean([node_correlation(one, look) for one in (half, other)])),
            "people_pixels_rsa": float(np.mean([compare_rdms(one, look, by="spearman") for one in (half, other)])),
            "permuted_curvature": node_correlation(half, disordered),
        },
        criterion="measured.auc >= 0.7 and measured.ari >= 0.5 and measured.auc >= control.untrained_auc + 0.15 "
        "and measured.ari >= control.untrained_ari + 0.15 and control.rewired_auc >= 0.4 "
        "and control.rewired_auc <= 0.6 and measured.people_curvature >= control.people_pixels_curvature + 0.1",
    )


def _auc(edges: np.ndarray, labels: np.ndarray) -> float:
    """How well low curvature tells edges between classes from those within."""
    found = ollivier_ricci(edges)
    first, second = found.pairs.T
    return float(roc_auc_score(labels[first] != labels[second], -found.edge))


def _averaged(network: ResNetCifar, images: np.ndarray) -> np.ndarray:
    """The units that the readout gets, `(image, unit)`."""
    stimuli = pd.DataFrame({"stimulus": list(preprocess(images))})
    maps = torch.cat([batch[SITE] for batch in unit_maps(TorchSystem(network), stimuli, SITE)])
    return maps.mean(dim=(2, 3)).double().numpy()


def _flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1).astype(np.float64)
