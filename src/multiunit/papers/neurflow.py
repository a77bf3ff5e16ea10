"""Core concept neurons: a few units of the layer below decide what a unit responds to, and their groups carry weight.

Claim: knocking out the few lower-layer units with the largest integrated-gradient scores changes what a target unit
responds to - its set of strongest stimuli - far more than knocking out as many others; and the weights of edges
between groups track the measured effects of the groups.

Experiment: a real ResNet-20 trained on CIFAR-10. Stimuli are 250 test images and a crop of half the side of each,
resized. Targets: the 10 logits, with the core looked for in the last block (64 channels), and 10 random channels of the
last block, with the core in the last block of the stage before (32 channels). k = 30 strongest stimuli, 4 core units.
(a) the share of the strongest stimuli that are still among the strongest when the core is silenced; (b) over all pairs
of a target and a group of core units, Pearson's r between the weight of the edge and the fall of the target's mean
activity on its strongest stimuli when the group is silenced, in units of its mean size there; the mean r of both
layers.

Control: 4 random units (3 draws); the 4 units of the largest mean activity; for (b) the same weights with the groups
permuted within each target (20 times).

Deviations: a trained network and real images instead of a small one and digits; one crop an image instead of all
windows of three sizes. The network is cut before the layer where cores are looked for, as in the authors' code, so
that what comes earlier runs once.

Not shown: the published tables of optimality and fidelity; labels of groups by a language model; image debugging.
"""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import torch
from torch import nn
from torch.nn.functional import interpolate

from multiunit.core.edit import Ablate
from multiunit.core.paper import Claim, Paper, Scale
from multiunit.networks.resnet_cifar import ResNetCifar, load_resnet_cifar, preprocess
from multiunit.systems.torch_system import TorchSystem
from multiunit.tasks.data_folder import data_folder
from multiunit.units.neuron_groups import NeuronCircuit, core_units, group_circuit

PAPER = Paper(
    id="neurflow",
    title="NeurFlow: Interpreting Neural Networks through Neuron Groups and Functional Interactions",
    year=2025,
    source="arXiv:2502.16105",
    level="data",
    uses=(core_units, group_circuit),
    needs=("cnn_cifar10",),
)

N_CORE = 4
START = "start"


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    folder = data_folder("cnn_cifar10")
    net = load_resnet_cifar(folder / "resnet20.th")
    with np.load(folder / "cifar10_images.npz") as stored:
        images = stored["x"]
    images = images[rng.permutation(len(images))[: scale.pick(smoke=40, small=250)]]
    stages = _stages(net, _with_crops(preprocess(images), rng))
    n_targets = scale.pick(smoke=2, small=10)
    targets = {
        "linear": [f"linear/{index}" for index in range(10)][:n_targets],
        "layer3": [f"layer3.2/{index}" for index in rng.choice(64, size=n_targets, replace=False)],
    }
    options = {"n_top": scale.pick(smoke=10, small=30), "n_core": N_CORE, "n_steps": scale.pick(smoke=4, small=10)}
    n_random = scale.pick(smoke=1, small=3)
    survival: dict[str, list[float]] = {"core": [], "random": [], "loudest": []}
    r, permuted = [], []
    for name, (system, stimuli) in stages.items():
        plain = _activity(system, stimuli, targets[name], [])
        loudness = system.record(stimuli, START).activity.mean(axis=0)
        loudest = [f"{START}/{index}" for index in np.argsort(-loudness)[:N_CORE]]
        for target in targets[name]:
            found = core_units(system, stimuli, target=target, site=START, **options, random_state=rng)
            core = found["unit_id"].values[found["selected"].values].tolist()
            draws = [rng.choice(found["unit_id"].values, size=N_CORE, replace=False).tolist() for _ in range(n_random)]
            for arm, sets in (("core", [core]), ("loudest", [loudest]), ("random", draws)):
                survival[arm] += [_survival(system, stimuli, target, found["exemplar"].values, some) for some in sets]
        circuit = group_circuit(system, stimuli, targets=targets[name], sites=[START], **options)
        weights, falls = _weights_and_falls(circuit, system, stimuli, targets[name], plain, options["n_top"])
        r.append(np.corrcoef(weights.ravel(), falls.ravel())[0, 1])
        shuffled = [rng.permuted(weights, axis=1) for _ in range(20)]
        permuted.append(np.mean([np.corrcoef(w.ravel(), falls.ravel())[0, 1] for w in shuffled]))
    return Claim(
        measured={
            "survival": float(np.mean(survival["core"])),
            "edge_r": float(np.mean(r)),
            "edge_r_logits": float(r[0]),
            "edge_r_channels": float(r[1]),
        },
        control={
            "random_survival": float(np.mean(survival["random"])),
            "loudest_survival": float(np.mean(survival["loudest"])),
            "permuted_r": float(np.mean(permuted)),
        },
        criterion="measured.survival <= control.random_survival - 0.15 "
        "and measured.survival <= control.loudest_survival + 0.02 "
        "and measured.edge_r >= 0.3 and abs(control.permuted_r) < 0.15",
    )


def _with_crops(images: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """The images and a random window of half the side of each, at their size."""
    side = images.shape[-1] // 2
    corners = rng.integers(side + 1, size=(len(images), 2))
    windows = [image[:, y : y + side, x : x + side] for image, (y, x) in zip(images, corners, strict=True)]
    return torch.cat([images, interpolate(torch.stack(windows), scale_factor=2, mode="bilinear")])


@torch.no_grad()
def _stages(net: ResNetCifar, images: torch.Tensor) -> dict[str, tuple[TorchSystem, np.ndarray]]:
    """The two pieces of the network, with the activity that enters each. It is positive, so that a ReLU passes it."""
    net.eval()
    blocks = [net.conv1, net.bn1, net.relu, net.layer1, net.layer2]
    middle = torch.cat([nn.Sequential(*blocks)(batch) for batch in images.split(100)])
    late = torch.cat([net.layer3(batch) for batch in middle.split(100)])
    head = OrderedDict([(START, nn.ReLU()), ("pool", nn.AdaptiveAvgPool2d(1)), ("flat", nn.Flatten())])
    head["linear"] = net.linear
    tail = OrderedDict([(START, nn.ReLU()), ("layer3", net.layer3)])
    made = {"linear": (head, late), "layer3": (tail, middle)}
    return {name: (TorchSystem(nn.Sequential(parts)), into.numpy()) for name, (parts, into) in made.items()}


def _activity(system: TorchSystem, stimuli: np.ndarray, units: list[str], silenced: list[str]) -> np.ndarray:
    """`(stimulus, unit)` of units of one site."""
    edits = [Ablate(silenced)] if silenced else []
    site = units[0].rpartition("/")[0]
    recording = system.record(stimuli, site, edits=edits)
    return recording.activity[:, [int(unit.rpartition("/")[2]) for unit in units]].astype(np.float64)


def _survival(system: TorchSystem, stimuli: np.ndarray, target: str, before: np.ndarray, silenced: list[str]) -> float:
    """The share of the target's strongest stimuli that are among the strongest when units are silenced."""
    after = _activity(system, stimuli, [target], silenced)[:, 0]
    return float(np.isin(np.argsort(-after, kind="stable")[: len(before)], before).mean())


def _weights_and_falls(
    circuit: NeuronCircuit,
    system: TorchSystem,
    stimuli: np.ndarray,
    targets: list[str],
    plain: np.ndarray,
    n_top: int,
) -> tuple[np.ndarray, np.ndarray]:
    """`(target, group)`: the weight of the edges, and the relative fall of the target when the group is silenced."""
    lower = circuit.nodes[circuit.nodes["site"] == START]
    size = circuit.nodes.set_index(["unit", "facet"])["n_exemplars"] / n_top
    keys = list(zip(circuit.edges["target"], circuit.edges["target_facet"], strict=True))
    edges = circuit.edges.assign(weight=circuit.edges["weight"] * size.loc[keys].to_numpy())
    weights, falls = [], []
    for group in lower["group"].unique():
        members = circuit.members(group)
        mine = edges[edges["source"].isin(members)].groupby("target")["weight"].sum()
        weights.append(mine.reindex(targets, fill_value=0.0).to_numpy())
        without = _activity(system, stimuli, targets, members)
        rows = np.argsort(-plain, axis=0, kind="stable")[:n_top]
        before, after = (np.take_along_axis(x, rows, axis=0).mean(axis=0) for x in (plain, without))
        falls.append((before - after) / np.abs(before))
    return np.stack(weights, axis=1), np.stack(falls, axis=1)
