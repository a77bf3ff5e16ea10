"""Influential neuron paths: a few units, found layer by layer, carry what a vision transformer says of an image.

Claim: layer-progressive paths have a higher joint attribution, and change predictions more when they are removed or
enhanced, than paths found without regard to the layers before, and images of one class share them.

Experiment: a vision transformer (2 x 2 patches and a class token, width 48, 4 layers of 192 GELU units) learns
handwritten digits. For 200 test images the path of two units a layer at the class token is found for the probability of
the right class, in 20 steps; the path is set to 0 and doubled, and the paths of images are compared by their units.

Control: the path through the most active units; the path by integrated gradients of each layer alone; a random path
among units with positive activity; for the overlap, digits assigned to the images at random.

Deviations: of the paper's two rivals one, the path of the most active units, is here; the other, the influence pattern
(a chain of gradients times activity through connected units), is left out, and integrated gradients of each layer alone
stand in its place, because what sets the method apart is that layers are searched together. Both rivals are asked for
both halves of the claim; the catalogue asks the cost of removal of random and most active units only, and by that
alone the claim would hold. The joint attribution is the authors' product of sums, which the search itself
maximises; the path integral is reported beside. The paper's comparison of classes is weak: a path is that of the
image's own class, so that images of one class share the reading-out of it even in a network that knows nothing. Two
differences of overlap say how much: in the untrained network, and among paths that are all found for the digit 0, where
only the images differ; they are reported and not asked for.

Not shown: large vision transformers; that a network pruned to frequent path units still works.
"""

from __future__ import annotations

import copy
from functools import partial

import numpy as np
import pandas as pd
import torch
import xarray as xr

from multiunit.core.paper import Claim, Paper, Scale
from multiunit.learning.train_classifier import train_classifier
from multiunit.networks.tiny_vit import TinyViT
from multiunit.systems.activity_at import activity_at
from multiunit.systems.gradients import TargetProbability
from multiunit.systems.torch_system import TorchSystem
from multiunit.tasks.digits import digits
from multiunit.units.neuron_path import AlongPath, joint_attribution, neuron_path, path_of_strongest, path_overlap

PAPER = Paper(
    id="influential-neuron-path",
    title="Discovering Influential Neuron Path in Vision Transformers",
    year=2025,
    source="arXiv:2503.09046",
    level="trained",
    uses=(neuron_path,),
)

PER_LAYER = 2
OBJECTIVE = TargetProbability("label")


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    data = digits(random_state=rng)
    train, test = (data[data["split"] == split] for split in ("train", "test"))
    net = TinyViT(image_size=8, patch_size=2, n_channels=1, width=48, n_layers=4, random_state=rng)
    untrained = copy.deepcopy(net)
    n_epochs = scale.pick(smoke=1, small=10)
    train_classifier(
        net, train["stimulus"], labels=train["label"], n_steps=n_epochs * len(train) // 64, random_state=rng
    )
    images = test.sample(scale.pick(smoke=16, small=200), random_state=rng).reset_index(drop=True)
    system, n_steps = TorchSystem(net), scale.pick(smoke=3, small=20)

    search = partial(neuron_path, objective=OBJECTIVE, n_steps=n_steps, per_layer=PER_LAYER)
    found = search(system, images)
    activity = activity_at(system, images)
    rivals = {
        "loudest": path_of_strongest(activity, per_layer=PER_LAYER),
        "independent": search(system, images, joint=False),
        "random": path_of_strongest(
            {site: rng.random(values.shape) * (values > 0) for site, values in activity.items()}, per_layer=PER_LAYER
        ),
    }
    paths = {"path": found, **rivals}
    attribution = partial(joint_attribution, system, images, objective=OBJECTIVE, n_steps=n_steps)
    score = {name: float(attribution(path=path).mean()) for name, path in paths.items()}
    integral = {name: float(attribution(path=path, form="integrated_gradients").mean()) for name, path in paths.items()}
    intact = _probability(net, images)
    drop = {name: float((intact - _probability(net, images, path, 0.0)).mean()) for name, path in paths.items()}
    rise = {name: float((_probability(net, images, path, 2.0) - intact).mean()) for name, path in paths.items()}
    overlap, label = path_overlap(found["index"].values), images["label"].to_numpy()
    within, between = _overlaps(overlap, label)
    naive = search(TorchSystem(untrained), images)["index"].values
    alike = search(system, images.assign(label=0))["index"].values
    permuted_within, permuted_between = _overlaps(overlap, rng.permutation(label))
    return Claim(
        measured={
            "probability": float(intact.mean()),
            "joint_attribution": score["path"],
            "path_integral": integral["path"],
            "drop": drop["path"],
            "rise": rise["path"],
            "overlap_within": within,
            "overlap_between": between,
        },
        control={
            **{f"{name}_joint_attribution": score[name] for name in rivals},
            **{f"{name}_path_integral": integral[name] for name in rivals},
            **{f"{name}_drop": drop[name] for name in rivals},
            **{f"{name}_rise": rise[name] for name in rivals},
            "permuted_overlap_difference": permuted_within - permuted_between,
            "untrained_overlap_difference": float(np.subtract(*_overlaps(path_overlap(naive), label))),
            "one_target_overlap_difference": float(np.subtract(*_overlaps(path_overlap(alike), label))),
        },
        criterion="measured.drop >= 2 * control.random_drop and measured.drop >= control.loudest_drop "
        "and measured.drop > control.independent_drop and measured.drop > 0 "
        "and measured.joint_attribution > control.loudest_joint_attribution "
        "and measured.joint_attribution > control.independent_joint_attribution "
        "and measured.overlap_within >= measured.overlap_between + 0.1 "
        "and abs(control.permuted_overlap_difference) < 0.05",
    )


def _probability(net: TinyViT, images: pd.DataFrame, path: xr.Dataset | None = None, gain: float = 1.0) -> np.ndarray:
    """The probability of each image's digit, with its own path multiplied by a gain."""
    edits = [] if path is None else [AlongPath(path, gain=gain)]
    with TorchSystem(net).edited(edits) as module, torch.no_grad():
        probability = module(torch.as_tensor(np.stack(list(images["stimulus"])))).softmax(1).numpy()
    return np.asarray(probability[np.arange(len(images)), images["label"]], dtype=np.float64)


def _overlaps(overlap: np.ndarray, label: np.ndarray) -> tuple[float, float]:
    """Mean overlap of the paths of two images of one digit, and of two digits."""
    same, apart = np.equal.outer(label, label), ~np.eye(len(label), dtype=bool)
    return float(overlap[same & apart].mean()), float(overlap[~same].mean())
