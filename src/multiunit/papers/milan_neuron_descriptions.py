"""Descriptions of units by mutual information: good enough to find and delete what a network should not look at.

Claim: phrases of high mutual information with the image regions that drive a unit describe it well, and deleting the
units whose description names a spurious cue recovers accuracy where the cue misleads.

Experiment: handwritten digits in a frame that holds a bright 2 x 2 mark; in 80 % of the training images its place, one
of ten, tells the digit. A convolutional network (16 and 32 channels) learns them for 8 epochs. Every channel is
described by the places of its 15 strongest images where it exceeds its 0.99 quantile: 91 candidate phrases, each with
a test of the patch a channel sees ("mark", "vertical line at the bottom left", ...). Measured: how well a channel's
label tells where in held-out images it is active (AUROC), and the accuracy on images whose mark is at a random place
once all channels labelled with a mark are set to 0.

Control: the labels of other channels; as many random channels of the same layer and mean activity; descriptions
without the prior (weight 0), which should be blander; labels permuted among channels.

Deviations: counts of phrases instead of a trained captioner and language model. Ten places around the digit instead of
four corners over it, so that the mark can name the digit and hides no stroke. All channels labelled with a mark are
deleted; the paper orders them by the accuracy without each, and shows a curve.

Not shown: open vocabulary; agreement with what people say of a unit; large networks.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
import xarray as xr
from scipy.ndimage import correlate, uniform_filter

from multiunit.core.edit import Ablate
from multiunit.core.paper import Claim, Paper, Scale
from multiunit.core.recording import Recording
from multiunit.inference.matched_control import matched_control
from multiunit.learning.train_classifier import train_classifier
from multiunit.systems.torch_system import TorchSystem
from multiunit.tasks.digits import digits
from multiunit.units.describe_units import PhraseStatistics, best_phrases
from multiunit.units.exemplar_regions import activation_maps, exemplar_regions
from multiunit.units.label_score import label_score

PAPER = Paper(
    id="milan-neuron-descriptions",
    title="Natural Language Descriptions of Deep Visual Features",
    year=2022,
    source="arXiv:2201.11114",
    level="trained",
    uses=(label_score,),
)

SIDE, SPURIOUS = 12, 0.8
PLACES = {
    "top left": (0, 0),
    "top": (0, 5),
    "top right": (0, 10),
    "upper right": (3, 10),
    "lower right": (7, 10),
    "bottom right": (10, 10),
    "bottom": (10, 5),
    "bottom left": (10, 0),
    "lower left": (7, 0),
    "upper left": (3, 0),
}
# The site of each convolution, and the side of the patch that one of its places sees.
SITES = {"0": 3, "2": 5}
_LINE = np.full((3, 3), -1 / 6)
_LINES = {
    "vertical line": np.where(np.arange(3) == 1, 1 / 3, _LINE),
    "horizontal line": np.where(np.arange(3)[:, None] == 1, 1 / 3, _LINE),
    "falling line": np.where(np.eye(3, dtype=bool), 1 / 3, _LINE),
    "rising line": np.where(np.eye(3, dtype=bool)[::-1], 1 / 3, _LINE),
}
_ACROSS = np.outer(np.ones(3), [-1, 0, 1]) / 3


class Pictures(NamedTuple):
    """Images `(image, 1, row, column)`, what they show, and the place of the mark."""

    image: np.ndarray
    digit: np.ndarray
    place: np.ndarray


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    data = digits(random_state=rng)
    train, rest = data[data["split"] == "train"], data[data["split"] == "test"]
    train = train.iloc[: scale.pick(smoke=200, small=len(train))]
    biased = _marked(train, SPURIOUS, rng)
    half = len(rest) // 2
    seen, held_out = _marked(rest[:half], SPURIOUS, rng), _marked(rest[half:], SPURIOUS, rng)
    shifted = _marked(rest, 0.1, rng)
    net = _network(rng)
    n_steps = scale.pick(smoke=1, small=8) * len(train) // 64
    train_classifier(net, biased.image, labels=biased.digit, n_steps=n_steps, random_state=rng)
    system = TorchSystem(net)

    described = {weight: _described(system, seen, weight, rng) for weight in (0.2, 0.0)}
    labels = described[0.2]["label"].values
    score = {weight: _scored(system, held_out, found, rng) for weight, found in described.items()}
    named = {weight: _names_mark(found["label"].values) for weight, found in described.items()}
    intact = _accuracy(system, shifted, described[0.2], np.zeros(len(labels), dtype=bool))
    n_draws = scale.pick(smoke=2, small=10)
    site, mean = described[0.2]["site"].values, described[0.2]["mean"].values
    random = [matched_control(named[0.2], site=site, mean_activity=mean, random_state=rng) for _ in range(n_draws)]
    permuted = [_names_mark(rng.permutation(labels)) for _ in range(n_draws)]

    def recovery(deleted: np.ndarray) -> float:
        return 100 * (_accuracy(system, shifted, described[0.2], deleted) - intact)

    return Claim(
        measured={
            "accuracy_biased": 100 * _accuracy(system, held_out, described[0.2], np.zeros(len(labels), dtype=bool)),
            "accuracy_shifted": 100 * intact,
            "auroc": float(score[0.2]["auroc"].mean()),
            "n_labels": float(len(np.unique(labels))),
            "n_mark_units": float(named[0.2].sum()),
            "recovered_points": recovery(named[0.2]),
        },
        control={
            "other_labels_auroc": float(score[0.2]["null_mean"].mean()),
            "bland_auroc": float(score[0.0]["auroc"].mean()),
            "bland_n_labels": float(len(np.unique(described[0.0]["label"].values))),
            "bland_n_mark_units": float(named[0.0].sum()),
            "bland_recovered_points": recovery(named[0.0]),
            "random_recovered_points": float(np.mean([recovery(units) for units in random])),
            "permuted_recovered_points": float(np.mean([recovery(units) for units in permuted])),
        },
        criterion="measured.auroc >= control.other_labels_auroc + 0.1 and measured.recovered_points >= 3 "
        "and measured.recovered_points >= control.random_recovered_points + 3 "
        "and measured.n_labels > control.bland_n_labels",
    )


def _network(rng: np.random.Generator) -> torch.nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**31)))
        return torch.nn.Sequential(
            torch.nn.Conv2d(1, 16, 3, padding=1),
            torch.nn.ReLU(),
            torch.nn.Conv2d(16, 32, 3, padding=1),
            torch.nn.ReLU(),
            torch.nn.Flatten(),
            torch.nn.Linear(32 * SIDE**2, 10),
        )


def _marked(frame: pd.DataFrame, share: float, rng: np.random.Generator) -> Pictures:
    """Digits with a mark, in this share of the images at the place that belongs to the digit."""
    digit = frame["label"].to_numpy()
    elsewhere = (digit + rng.integers(1, 10, size=len(digit))) % 10
    place = np.where(rng.random(len(digit)) < share, digit, elsewhere)
    image = np.zeros((len(digit), 1, SIDE, SIDE), dtype=np.float32)
    image[:, :, 2:-2, 2:-2] = np.stack(list(frame["stimulus"]))
    image[:, 0] += _mark(place)
    return Pictures(image, digit, place)


def _mark(place: np.ndarray) -> np.ndarray:
    mark = np.zeros((len(place), SIDE, SIDE), dtype=np.float32)
    for row, (y, x) in enumerate(np.array(list(PLACES.values()))[place]):
        mark[row, y : y + 2, x : x + 2] = 1
    return mark


def _phrases(pictures: Pictures, size: int) -> dict[str, np.ndarray]:
    """For every phrase whether it holds of the patch around each place, bool `(image, row, column)`."""
    x = pictures.image[:, 0].astype(float)
    mean = uniform_filter(x, (0, size, size), mode="constant")
    across, down = (correlate(x, kernel[None], mode="constant") for kernel in (_ACROSS, _ACROSS.T))
    kinds = {"bright": mean > 0.5, "dark": mean < 0.1}
    kinds |= {name: correlate(x, kernel[None], mode="constant") > 0.4 for name, kernel in _LINES.items()}
    kinds["vertical edge"] = (abs(across) > 0.4) & (abs(across) > 2 * abs(down))
    kinds["horizontal edge"] = (abs(down) > 0.4) & (abs(down) > 2 * abs(across))
    third = np.arange(SIDE) * 3 // SIDE
    phrases = dict(kinds)
    for kind, holds in kinds.items():
        for row, vertical in enumerate(("top", "middle", "bottom")):
            for column, horizontal in enumerate(("left", "centre", "right")):
                inside = (third == row)[:, None] & (third == column)
                phrases[f"{kind} at the {vertical} {horizontal}"] = holds & inside
    # Half of the mark within the patch is enough.
    phrases["mark"] = uniform_filter(_mark(pictures.place), (0, size, size), mode="constant") * size**2 > 1.5
    for number, place in enumerate(PLACES):
        phrases[f"mark at the {place}"] = phrases["mark"] & (pictures.place == number)[:, None, None]
    return phrases


def _names_mark(labels: np.ndarray) -> np.ndarray:
    return np.array([str(label).startswith("mark") for label in labels])


def _described(system: TorchSystem, pictures: Pictures, weight: float, rng: np.random.Generator) -> xr.Dataset:
    """`label`, `mean` activity, `unit_id` and `site` of every channel."""
    found = []
    for site, size in SITES.items():
        phrases = _phrases(pictures, size)
        names, holds = np.array(list(phrases)), np.stack(list(phrases.values()), axis=-1)
        anywhere = rng.choice(holds[..., 0].size, size=5000)
        describer = PhraseStatistics([names[row] for row in holds.reshape(-1, len(names))[anywhere]])
        regions = exemplar_regions(system, pictures.image, site=site)
        exemplars = [
            [names[holds[image[rank], y, x]] for rank, y, x in np.argwhere(mask)]
            for image, mask in zip(regions["image"].values, regions["mask"].values, strict=True)
        ]
        labels = best_phrases(exemplars, describer, candidates=list(names), weight=weight)
        maps = torch.cat([part for _, part in activation_maps(system, pictures.image, site=site)])
        mean = maps.relu().mean(dim=(0, 1, 2)).cpu().numpy()
        found.append(
            regions.drop_vars(list(regions.data_vars)).assign(label=("unit", labels.phrase[:, 0]), mean=("unit", mean))
        )
    return xr.concat(found, dim="unit")


def _scored(system: TorchSystem, pictures: Pictures, described: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """The score of each label over places of held-out images."""
    found = []
    for site, size in SITES.items():
        maps = torch.cat([part for _, part in activation_maps(system, pictures.image, site=site)])
        activity = maps.flatten(0, 2).cpu().numpy()
        phrases = _phrases(pictures, size) | {"": np.zeros(maps.shape[:3], dtype=bool)}
        labels = described["label"].values[described["site"].values == site]
        applies = np.stack([phrases[label].ravel() for label in labels], axis=1)
        some = rng.choice(len(activity), size=min(6000, len(activity)), replace=False)
        recording = Recording.from_activity(activity[some], site=site)
        found.append(label_score(recording, applies[some], n_permutations=20, random_state=rng))
    return xr.concat(found, dim="unit")


def _accuracy(system: TorchSystem, pictures: Pictures, described: xr.Dataset, deleted: np.ndarray) -> float:
    edits = [Ablate(list(described["unit_id"].values[deleted]))] if deleted.any() else []
    with system.edited(edits) as module, torch.no_grad():
        answer = module(torch.as_tensor(pictures.image)).argmax(dim=1).numpy()
    return float((answer == pictures.digit).mean())
