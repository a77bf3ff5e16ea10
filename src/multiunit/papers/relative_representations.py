"""Relative representations: told by their likeness to shared anchors, networks trained apart understand each other.

Claim: a classifier trained on one encoder's cosines with anchors works unchanged on encoders trained independently,
where the same on their activity itself fails.

Experiment: six autoencoders of handwritten digits with a latent layer of 32, three of dense layers and three of
convolutions, from different seeds, 1,000 steps each. On each, a classifier (one hidden layer of 64, 400 steps) is
trained on r, the cosines with 100 random training images, the same for all, latents centred on them. It is then run on
r of each of the five other encoders. Accuracy on the held-out digits, mean over the 30 pairs, and of each encoder with
its own classifier.

Control: classifiers of the latents themselves; anchors that are not parallel: the other encoder's r is to a hundred
images of its own. 10 and 30 anchors show how accuracy grows with their number.

Deviations: latents of one size, so that nothing need be padded; no text models.

Not shown: training through r, anchors across languages or modalities, reconstruction by another's decoder; or that
more carries over than the likeness of the images themselves, which these encoders were trained to keep.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from multiunit.core.paper import Claim, Paper, Scale
from multiunit.learning.train_classifier import train_classifier
from multiunit.learning.train_reconstruction import train_reconstruction
from multiunit.networks.multilayer_perceptron import MultilayerPerceptron
from multiunit.similarity.relative_representation import relative_representation, relative_similarity
from multiunit.tasks.digits import digits

PAPER = Paper(
    id="relative-representations",
    title="Relative representations enable zero-shot latent space communication",
    year=2023,
    source="arXiv:2209.15430",
    level="trained",
    uses=(relative_representation, relative_similarity),
)

LATENT = 32


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    frame = digits(random_state=rng)
    images = torch.as_tensor(np.stack(list(frame["stimulus"])))
    train, labels = np.array(frame["split"] == "train"), np.array(frame["label"])
    kinds = scale.pick(smoke=("dense", "dense"), small=("dense",) * 3 + ("convolutional",) * 3)
    n_steps, head_steps = scale.pick(smoke=(150, 150), small=(1000, 400))
    latents = []
    for kind in kinds:
        encoder, decoder = _autoencoder(kind, rng)
        train_reconstruction(nn.Sequential(encoder, decoder), images[train], n_steps=n_steps, random_state=rng)
        with torch.no_grad():
            latents.append(encoder(images).double().numpy())
    counts = scale.pick(smoke=(10, 50), small=(10, 30, 100))
    anchors = rng.permutation(np.flatnonzero(train))[: counts[-1]]
    own_anchors = [rng.permutation(np.flatnonzero(train))[: counts[-1]] for _ in latents]

    def relative(rows: np.ndarray) -> list[np.ndarray]:
        return [relative_representation(z, z[rows], centre=True) for z in latents]

    def accuracies(codes: list[np.ndarray], others: list[np.ndarray]) -> tuple[float, float]:
        """Of classifiers on the codes they were trained on, and on those of the other encoders."""
        found = np.zeros((len(codes), len(codes)))
        for i, code in enumerate(codes):
            head = MultilayerPerceptron([code.shape[1], 64, 10], random_state=rng)
            train_classifier(
                head, code[train], labels=labels[train], n_steps=head_steps, learning_rate=3e-3, random_state=rng
            )
            for j, other in enumerate(others):
                given = torch.as_tensor((code if i == j else other)[~train]).float()
                with torch.no_grad():
                    found[i, j] = np.mean(head(given).argmax(1).numpy() == labels[~train])
        same = np.eye(len(codes), dtype=bool)
        return float(found[same].mean()), float(found[~same].mean())

    stitched = {}
    for count in counts:
        codes = relative(anchors[:count])
        own, stitched[count] = accuracies(codes, codes)
    apart = [relative_representation(z, z[rows], centre=True) for z, rows in zip(latents, own_anchors, strict=True)]
    absolute_own, absolute = accuracies(latents, latents)
    pairs = [(x[~train], y[~train]) for i, x in enumerate(latents) for y in latents[:i]]
    return Claim(
        measured={
            "relative_own": own,
            "relative_stitched": stitched[counts[-1]],
            "stitched_with_fewest_anchors": stitched[counts[0]],
            "stitched_with_fewer_anchors": stitched[counts[-2]],
            "relative_similarity": float(np.mean([relative_similarity(x, y, n_anchors=100) for x, y in pairs])),
        },
        control={
            "absolute_own": absolute_own,
            "absolute_stitched": absolute,
            "apart_stitched": accuracies(relative(anchors), apart)[1],
            "shuffled_similarity": float(
                np.mean([relative_similarity(x, rng.permutation(y), n_anchors=100) for x, y in pairs])
            ),
        },
        criterion="measured.relative_stitched >= 0.75 * measured.relative_own and control.absolute_stitched <= 0.4 "
        "and control.apart_stitched <= 0.25 and measured.relative_stitched > measured.stitched_with_fewer_anchors "
        "and measured.stitched_with_fewer_anchors >= measured.stitched_with_fewest_anchors",
    )


def _autoencoder(kind: str, rng: np.random.Generator) -> tuple[nn.Module, nn.Module]:
    """Encoder to the latent layer and decoder back to an image of 8 x 8."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**31)))
        if kind == "dense":
            encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, LATENT))
        else:
            encoder = nn.Sequential(
                nn.Conv2d(1, 16, 3, stride=2, padding=1),
                nn.ReLU(),
                nn.Conv2d(16, 32, 3, stride=2, padding=1),
                nn.ReLU(),
                nn.Flatten(),
                nn.Linear(128, LATENT),
            )
        decoder = nn.Sequential(nn.Linear(LATENT, 128), nn.ReLU(), nn.Linear(128, 64), nn.Unflatten(1, (1, 8, 8)))
    return encoder, decoder
