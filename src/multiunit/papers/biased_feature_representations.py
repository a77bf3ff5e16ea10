"""Of two features that a network computes equally well, is the simpler one, or the one learned first, written larger?

Claim: features that are simpler, or learned earlier, take a larger share of the variance of a representation than
complex or later ones, even if all are computed with equal accuracy.

Experiment: 32 random bits, two independent features of bits of their own; perceptrons 32-256-128-64-2 of rectified
units, Adam at 0.001, batches of 256 fresh inputs, until the loss is below 0.001. Share of the variance of the last
hidden layer that each feature explains, over 2000 new inputs: a bit beside the exclusive or of two, and beside the
parity of three. Then the order: the exclusive or alone until it is learned, then both; this must lower the ratio of bit
to exclusive or by a fifth, against both at once. Also told (added after a first run): the bit alone first. Means of
three networks each.

Control: two features that are equally easy; the same networks before training; permuted labels.

Deviations: the rules and sizes are in the spirit of the paper, of which the abstract was read.

Not shown: convolutional networks and transformers, other optimisers, what this does to comparisons of two systems.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from multiunit.core.paper import Claim, Paper, Scale
from multiunit.learning.train_in_order import train_in_order
from multiunit.networks.multilayer_perceptron import MultilayerPerceptron
from multiunit.populations.feature_variance import feature_variance
from multiunit.tasks.feature_complexity import FeatureComplexity

PAPER = Paper(
    id="biased-feature-representations",
    title="Learned feature representations are biased by complexity, learning order, position, and more",
    year=2024,
    source="arXiv:2405.05847",
    level="trained",
    uses=(feature_variance, train_in_order, FeatureComplexity),
)

# Name -> rules, and the outputs that each stage trains.
CASES: dict[str, tuple[tuple[str, str], list[list[int]]]] = {
    "xor": (("linear", "xor"), [[0, 1]]),
    "parity": (("linear", "parity_3"), [[0, 1]]),
    "equal": (("linear", "linear"), [[0, 1]]),
    "xor_first": (("linear", "xor"), [[1], [0, 1]]),
    "easy_first": (("linear", "xor"), [[0], [0, 1]]),
}


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    found = {
        name: np.mean([_shares(rules, order, scale, rng) for _ in range(scale.pick(smoke=1, small=3))], axis=0)
        for name, (rules, order) in scale.pick(smoke={k: CASES[k] for k in ("xor", "equal")}, small=CASES).items()
    }
    ratio = {name: float(of[0, 0] / of[0, 1]) for name, of in found.items()}
    measured: dict[str, float] = {"accuracy": float(min(of[3].min() for of in found.values()))}
    for name, of in found.items():
        measured |= {
            f"{name}_ratio": ratio[name],
            f"{name}_easy_share": float(of[0, 0]),
            f"{name}_other_share": float(of[0, 1]),
            f"{name}_easy_density": float(of[1, 0]),
            f"{name}_other_density": float(of[1, 1]),
            f"{name}_least_decodability": float(of[2].min()),
        }
    control = {
        "equal_ratio": measured.pop("equal_ratio"),
        "untrained_easy_share": float(max(of[4, 0] for of in found.values())),
        "untrained_xor_share": float(found["xor"][4, 1]),
        "permuted_share": float(max(of[5].max() for of in found.values())),
    }
    complete = scale.name == "small"
    return Claim(
        measured=measured,
        control=control,
        criterion="measured.accuracy >= 0.99 and measured.xor_ratio >= 1.25 "
        "and control.equal_ratio >= 0.8 and control.equal_ratio <= 1.25 "
        "and control.untrained_easy_share <= 0.1 and control.permuted_share <= 0.01"
        + (
            " and measured.parity_ratio >= 2 and measured.xor_first_ratio <= 0.8 * measured.xor_ratio"
            if complete
            else ""
        ),
    )


def _shares(
    rules: tuple[str, str], order: Sequence[Sequence[int]], scale: Scale, rng: np.random.Generator
) -> np.ndarray:
    """Rows: share, density, decodability, accuracy, untrained share, permuted share; columns: the two features."""
    task = FeatureComplexity(rules)
    sizes = scale.pick(smoke=[32, 64, 64, 32, 2], small=[32, 256, 128, 64, 2])
    net = MultilayerPerceptron(sizes, random_state=rng)
    inputs, features = task.sample(2000, random_state=rng)
    labels = {name: features[:, i] for i, name in enumerate(("easy", "other"))}
    x = torch.from_numpy(inputs)

    def hidden() -> np.ndarray:
        with torch.no_grad():
            return nn.Sequential(*list(net)[:-1])(x).numpy()

    untrained = feature_variance(hidden(), labels)["share"].to_numpy()
    train_in_order(
        net,
        lambda n, drawn: task.sample(n, random_state=drawn),
        order=order,
        most_steps=scale.pick(smoke=300, small=3000),
        random_state=rng,
    )
    with torch.no_grad():
        accuracy = ((net(x) > 0).numpy() == (features > 0.5)).mean(axis=0)
    shown = rng.permutation(len(inputs))
    permuted = feature_variance(hidden(), {name: of[shown] for name, of in labels.items()})["share"].to_numpy()
    now = feature_variance(hidden(), labels)
    return np.array([*now[["share", "density", "decodability"]].to_numpy().T, accuracy, untrained, permuted])
