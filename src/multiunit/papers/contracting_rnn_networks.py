"""RNNs of RNNs: feedback that is skew in the modules' metric keeps the whole network contracting at any strength.

Claim: modules that contract can be joined by feedback M L + L' M = 0 of any strength without losing contraction, and
such networks, stable by proof, still learn permuted sequential image classification.

Experiment: 6,000 MNIST images (pooled to 7 x 7), one pixel a step in an order permuted once, to 4 modules of 16 relu
units, each certified to contract at half the rate of its leak; only feedback, input and readout are trained, by 600
updates; tested on 2,000 others. The trained feedback times 1, 4 and 16: distance of 10 pairs of trajectories in the
metric after 20 time constants relative to the start, integrated by Runge-Kutta with a step of 0.005; the worst pair.

Control: the trained feedback with the sign of one direction changed, so that it is symmetric in the metric, which must
come apart at 16 times; no feedback, and feedback that is left as it was drawn, which must learn less.

Deviations: real images of 49 pixels for the catalogue's 64; a step that is exact for leak and feedback, so that the
trained network itself contracts at any strength (explicit Euler, as in the paper, needs weak feedback); a density of
0.2, since at 3.3 % modules of 16 units have hardly any loops. Distances are counted up to a million times the start.

Not shown: the paper's accuracies on full images, modules that are themselves trained.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from multiunit.core.paper import Claim, Paper, Scale
from multiunit.dynamics.as_map import Map
from multiunit.dynamics.contraction import contraction_certificate, twin_distance
from multiunit.learning.train_classifier import train_classifier
from multiunit.networks.combo_net import ComboNet
from multiunit.tasks.mnist import mnist

PAPER = Paper(
    id="contracting-rnn-networks",
    title="RNNs of RNNs: Recursive Construction of Stable Assemblies of Recurrent Neural Networks",
    year=2022,
    source="arXiv:2106.08928",
    level="data",
    uses=(ComboNet, contraction_certificate, twin_distance),
    needs=("mnist",),
)

SIDE = 7
GAINS = (1.0, 4.0, 16.0)
FURTHEST = 1e6


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    images, labels = _sequences(rng)
    n_train, n_test = scale.pick(smoke=(300, 200), small=(6000, 2000))
    n_updates, duration = scale.pick(smoke=(10, 5.0), small=(600, 20.0))
    n_modules = scale.pick(smoke=2, small=4)
    weights, batches = (int(rng.integers(2**31)) for _ in range(2))
    accuracy, nets = {}, {}
    for feedback in ("skew", "none", "fixed"):
        net = ComboNet(
            1, 10, n_modules=n_modules, module_size=16, density=0.2, dt=0.1, feedback=feedback, random_state=weights
        )  # the same weights and batches for all
        train_classifier(
            net,
            images[:n_train],
            labels=labels[:n_train],
            n_steps=n_updates,
            learning_rate=1e-2,
            weight_decay=0.0,
            random_state=batches,
        )
        with torch.no_grad():
            answers = net(images[n_train : n_train + n_test]).argmax(1).numpy()
        accuracy[feedback] = float((answers == labels[n_train : n_train + n_test]).mean())
        nets[feedback] = net
    trained = nets["skew"]
    metric = trained.metric.double().numpy()
    starts = rng.normal(size=(2, 10, len(metric)))
    distance = {
        (kind, gain): _final_distance(
            network_step(trained, gain=gain, symmetric=kind == "symmetric"), starts, metric, duration
        )
        for kind in ("skew", "symmetric")
        for gain in GAINS
    }
    certified = contraction_certificate(trained.weights.double().numpy(), metric=metric).rate
    return Claim(
        measured={
            "accuracy": accuracy["skew"],
            "twin_distance": max(distance["skew", gain] for gain in GAINS),
            "certified_rate": certified,
            "feedback_norm": float(np.linalg.norm(trained.coupling().detach().numpy(), 2)),
        },
        control={
            "accuracy_without_feedback": accuracy["none"],
            "accuracy_untrained_feedback": accuracy["fixed"],
            "symmetric_twin_distance": distance["symmetric", 16.0],
            "symmetric_twin_distance_gain_4": distance["symmetric", 4.0],
            "symmetric_twin_distance_gain_1": distance["symmetric", 1.0],
        },
        criterion="measured.twin_distance <= 0.001 and control.symmetric_twin_distance >= 0.1 "
        "and measured.accuracy >= control.accuracy_without_feedback + 0.05 "
        "and measured.accuracy > control.accuracy_untrained_feedback",
    )


def network_step(net: ComboNet, *, gain: float, symmetric: bool, dt: float = 0.005) -> Map:
    """One Runge-Kutta step of the trained network without input, its feedback times `gain`."""
    kind, net.feedback = net.feedback, "symmetric" if symmetric else net.feedback
    with torch.no_grad():
        linear = (gain * net.coupling().double() - torch.eye(len(net.metric), dtype=torch.float64)).numpy().T
    net.feedback = kind
    weights = net.weights.double().numpy().T
    bias = net.inward.bias.detach().double().numpy()

    def slope(x: np.ndarray) -> np.ndarray:
        return x @ linear + np.maximum(x, 0.0) @ weights + bias

    def step(x: np.ndarray) -> np.ndarray:
        one = slope(x)
        two = slope(x + dt / 2 * one)
        three = slope(x + dt / 2 * two)
        return x + dt / 6 * (one + 2 * two + 2 * three + slope(x + dt * three))

    return step


def _final_distance(step: Map, starts: np.ndarray, metric: np.ndarray, duration: float) -> float:
    """The worst pair's distance at the end, from the same starts for all networks."""
    n_steps = round(duration / 0.005)
    distance = twin_distance(step, first=starts[0], second=starts[1], n_steps=n_steps, metric=metric)
    return float(min(distance[-1].max(), FURTHEST))


def _sequences(rng: np.random.Generator) -> tuple[torch.Tensor, np.ndarray]:
    """`(image, pixel)` in one random order, and the digits."""
    images, labels = mnist(random_state=rng)
    pixels = nn.functional.avg_pool2d(torch.from_numpy(images), 28 // SIDE).flatten(1)
    return pixels[:, torch.as_tensor(rng.permutation(SIDE * SIDE))], labels
