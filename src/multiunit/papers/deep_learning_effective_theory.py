"""Deep random networks leave the Gaussian limit by depth over width, and keep their signals at a critical start alone.

Claim: at the critical initialisation the kernel neither explodes nor vanishes, and the connected four-point moment of
units of one layer, over the kernel squared, is a function of r = (L - 1) / n, with constants that go with the class of
the activation: 2 (linear), 5 (rectified), 2/3 (tanh, late layers).

Experiment: 30,000 random multilayer perceptrons each for (n, L) = (16, 2), (16, 5), (32, 5), (32, 9), three
activations, one input with |x|^2 = d = 10; C4 = (E z_i^2 z_j^2 - K^2) / K^2 in layer L, its slope C4 n / (L - 1), and
for linear networks the exact (1 + 2/n)^(L-1) - 1. Kernel of rectified networks, n = 64, from layer 1 to 16. Reported
beside it: C4 against the first-order vertex; the loss of rectified networks (16 layers, width 32) after 150 steps on
digits.

Control: C_W = 1.8 in place of 2; two widths at one depth, (16, 5) and (32, 5), whose C4 must differ by 1.5 times where
settings of one r agree; training from C_W = 1.5 and 2.5, which is reported and settles nothing.

Deviations: 30,000 networks instead of 3,000, for the standard error of C4 would be 6 %. The slope of tanh must hold in
all four settings, that of rectified units at r < 0.1 only; beyond, their exact law (1 + 5/n)^(L-1) - 1 bends upwards.
The book was not read; the recursions were derived anew.

Not shown: tangent kernels, learning rates a layer, the best ratio of depth to width.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from multiunit.core.paper import Claim, Paper, Scale
from multiunit.learning.critical_init import critical_init
from multiunit.learning.criticality import criticality
from multiunit.learning.kernel_flow import Activation, kernel_flow
from multiunit.learning.train_classifier import train_classifier
from multiunit.networks.multilayer_perceptron import MultilayerPerceptron
from multiunit.populations.preactivation_statistics import preactivation_statistics, random_preactivations
from multiunit.tasks.digits import digits

PAPER = Paper(
    id="deep-learning-effective-theory",
    title="The Principles of Deep Learning Theory",
    year=2022,
    source="arXiv:2106.10165",
    level="trained",
    uses=(criticality, kernel_flow, critical_init, preactivation_statistics),
)

ACTIVATIONS: dict[str, Activation] = {"linear": lambda z: z, "relu": torch.relu, "tanh": torch.tanh}


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    x = rng.normal(size=10)
    x *= np.sqrt(10) / np.linalg.norm(x)
    settings = scale.pick(smoke=((16, 2), (16, 5)), small=((16, 2), (16, 5), (32, 5), (32, 9)))
    measured: dict[str, float] = {}
    control: dict[str, float] = {}
    c4: dict[tuple[str, int, int], float] = {}
    for name, f in ACTIVATIONS.items():
        point = criticality(f)
        flow = kernel_flow(f, point.weight_variance, weight_variance=point.weight_variance, depth=9)
        gaps = []
        for n, depth in settings:
            z = random_preactivations(
                x,
                widths=[n] * depth,
                activation=f,
                weight_variance=point.weight_variance,
                n_networks=scale.pick(smoke=2000, small=30_000),
                random_state=rng,
            )
            found = preactivation_statistics(z[-1])
            c4[name, n, depth] = found.connected
            measured[f"{name}_slope_{n}_{depth}"] = found.connected * n / (depth - 1)
            gaps.append(abs(found.connected * n / float(flow["vertex"][depth - 1]) - 1))
        measured[f"{name}_largest_gap_to_first_order"] = max(gaps)
        if scale.name == "small":
            measured[f"{name}_same_ratio"] = _apart(c4[name, 16, 5], c4[name, 32, 9])
            control[f"{name}_same_depth"] = _apart(c4[name, 16, 5], c4[name, 32, 5])
    exact = {(n, depth): (1 + 2 / n) ** (depth - 1) - 1 for n, depth in settings}
    measured["linear_gap_to_exact"] = max(abs(c4["linear", *at] / value - 1) for at, value in exact.items())
    tanh = [measured[f"tanh_slope_{n}_{depth}"] for n, depth in settings]
    measured["tanh_least_slope"], measured["tanh_largest_slope"] = min(tanh), max(tanh)

    n_networks = scale.pick(smoke=500, small=5000)
    kernels = {
        (name, variance): _kernels(x, ACTIVATIONS[name], variance, n_networks, rng)
        for name, variance in (("relu", 2.0), ("relu", 1.8), ("tanh", 1.0))
    }
    measured["relu_drift"] = abs(kernels["relu", 2.0][-1] / kernels["relu", 2.0][0] - 1)
    control["relu_drift"] = abs(kernels["relu", 1.8][-1] / kernels["relu", 1.8][0] - 1)
    measured["tanh_kernel_times_depth"] = 16 * kernels["tanh", 1.0][-1]

    table = digits(random_state=rng)
    table = table[table["split"] == "train"]
    seed = int(rng.integers(2**31))  # the three starts differ in scale alone
    for where, name, gain in ((measured, "critical", 1.0), (control, "below", 0.75), (control, "above", 1.25)):
        net = MultilayerPerceptron([64, *[32] * 15, 10])
        critical_init(net, torch.relu, gain=gain, random_state=seed)
        n_steps = scale.pick(smoke=3, small=150)
        losses = train_classifier(net, table["stimulus"], labels=table["label"], n_steps=n_steps, random_state=seed)
        where[f"loss_{name}"] = float(losses[-20:].mean())

    criterion = (
        "measured.linear_gap_to_exact <= 0.15 and measured.relu_slope_16_2 >= 4 and measured.relu_slope_16_2 <= 6.5 "
        "and measured.tanh_least_slope >= 0.5 and measured.tanh_largest_slope <= 0.85 "
        "and measured.relu_drift < 0.1 and control.relu_drift > 0.5"
    )
    if scale.name == "small":
        criterion += "".join(
            f" and measured.{name}_same_ratio <= 1.15 and control.{name}_same_depth >= 1.5"
            for name in ("linear", "tanh")
        )
    return Claim(measured=measured, control=control, criterion=criterion)


def _apart(first: float, second: float) -> float:
    return max(first, second) / min(first, second)


def _kernels(
    x: np.ndarray, activation: Activation, weight_variance: float, n_networks: int, rng: np.random.Generator
) -> Sequence[float]:
    z = random_preactivations(
        x,
        widths=[64] * 16,
        activation=activation,
        weight_variance=weight_variance,
        n_networks=n_networks,
        random_state=rng,
    )
    return [preactivation_statistics(layer).kernel for layer in z]
