"""Deep weight-space networks: to read a network from its weights, treat its hidden units alike.

Claim: an architecture that is equivariant to new orders of hidden units tells a property of a network from its weights
much better than one that takes the weights as a plain vector.

Experiment: sine-activated perceptrons 1-16-16-1, each with a start of its own, fitted to sin(2 pi a x) with a uniform
in 0.5 to 4; those whose mean squared error is below 0.01 are kept, three quarters to learn from. A deep weight-space
network (3 layers of 12 channels, means) learns to tell a; mean squared error over the variance of a, on networks held
out.

Control, trained for as many steps: a perceptron (two layers of 256 units) on the vector of weights, without and with a
new order of hidden units at every step. All are asked again with the hidden units of the held-out networks in another
order. Beside them, a perceptron on mean, deviation and quantiles of each matrix and bias, which is invariant too, but
blind to which weights belong to one unit. The perceptrons learn at 0.001, which suits them better than 0.005, the
weight-space network at 0.005; at 0.001, as first tried, it had not learned its training networks after 150 rounds.

Deviations: smaller networks, one number to tell, and frequencies up to 4 in place of 10. Weights are standardised by
moments over networks and over hidden units; a mean for each position, as the authors take it, breaks the symmetry.

384 networks to learn from are few: once, with four times as many and another seed, the error of the weight-space
network fell to 0.30, and that of the perceptrons stayed at 1.0 and more.

Not shown: larger networks, tasks that change the weights, or the symmetry of signs that sine units have besides.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from multiunit.core.paper import Claim, Paper, Scale
from multiunit.learning.fit_many_networks import fit_many_networks
from multiunit.learning.train_regression import train_regression
from multiunit.networks.multilayer_perceptron import MultilayerPerceptron
from multiunit.networks.weight_space import (
    InvariantDWSNet,
    flat_weights,
    permute_hidden,
    stacked_weights,
    standard,
)

PAPER = Paper(
    id="deep-weight-space-networks",
    title="Equivariant Architectures for Learning in Deep Weight Spaces",
    year=2023,
    source="arXiv:2301.12780",
    level="trained",
    uses=(InvariantDWSNet, fit_many_networks),
)

SIZES = (1, 16, 16, 1)
N_HIDDEN = 256


class _Permuted(nn.Module):
    """A network that is shown a new order of hidden units whenever it learns."""

    def __init__(self, module: nn.Module, rng: np.random.Generator) -> None:
        super().__init__()
        self.module, self.rng = module, rng

    def forward(self, flat: torch.Tensor) -> torch.Tensor:
        return self.module(permute_hidden(flat, sizes=SIZES, random_state=self.rng) if self.training else flat)


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    frequency = rng.uniform(0.5, 4.0, size=scale.pick(smoke=48, small=512))
    x = np.linspace(-1, 1, 64)[:, None]
    waves = np.sin(2 * np.pi * frequency[:, None, None] * x)
    n_fit = scale.pick(smoke=100, small=400)
    fitted = fit_many_networks(x, waves, sizes=SIZES, n_steps=n_fit, random_state=rng)
    kept = np.flatnonzero(fitted.loss < scale.pick(smoke=np.inf, small=1e-2))
    flat, frequency = flat_weights(fitted.weights, fitted.biases)[kept], frequency[kept]
    n_train = 3 * len(kept) // 4
    mean, deviation = standard(flat[:n_train], sizes=SIZES)
    flat = (flat - mean) / deviation
    moved = permute_hidden(flat[n_train:], sizes=SIZES, random_state=rng)
    target = (frequency - frequency[:n_train].mean()) / frequency[:n_train].std()

    n_parameters = flat.shape[1]
    statistics = _statistics(flat)
    # A single bias has no deviation.
    centre, spread = statistics[:n_train].mean(0), statistics[:n_train].std(0).clamp_min(1e-6)
    n_statistics = statistics.shape[1]
    readers: dict[str, nn.Module] = {
        "dws": InvariantDWSNet(SIZES, width=12, n_layers=3, random_state=rng),
        "mlp": MultilayerPerceptron([n_parameters, N_HIDDEN, N_HIDDEN, 1], random_state=rng),
        "augmented_mlp": _Permuted(MultilayerPerceptron([n_parameters, N_HIDDEN, N_HIDDEN, 1], random_state=rng), rng),
        "statistics": MultilayerPerceptron([n_statistics, N_HIDDEN, N_HIDDEN, 1], random_state=rng),
    }
    error, change, largest = {}, {}, {}
    for name, reader in readers.items():
        shown, other = flat, moved
        if name == "statistics":
            shown, other = ((_statistics(side) - centre) / spread for side in (flat, moved))
        train_regression(
            reader,
            shown[:n_train],
            targets=target[:n_train, None],
            n_steps=scale.pick(smoke=5, small=200) * -(-n_train // 64),
            learning_rate=5e-3 if name == "dws" else 1e-3,
            decay=True,
            random_state=rng,
        )
        with torch.no_grad():
            said, again = (reader.eval()(side).numpy()[:, 0] for side in (shown[n_train:], other))
        error[name] = float(np.mean((said - target[n_train:]) ** 2) / np.var(target[n_train:]))
        change[name] = float(np.sqrt(np.mean((said - again) ** 2)) / np.std(target[n_train:]))
        largest[name] = float(np.abs(said - again).max())
    return Claim(
        measured={"r2": 1 - error["dws"], "error": error["dws"], "largest_change": largest["dws"]},
        control={f"{name}_error": error[name] for name in readers if name != "dws"}
        | {"best_error": min(error["mlp"], error["augmented_mlp"])}
        | {f"{name}_change": change[name] for name in readers if name != "dws"}
        | {"n_networks": float(len(kept))},
        criterion="measured.error <= 0.7 * control.best_error and measured.r2 >= 0.3 "
        "and measured.largest_change < 0.0001 and control.mlp_change > 0.1",
    )


def _statistics(flat: torch.Tensor) -> torch.Tensor:
    """`(network, statistic)`: mean, deviation and five quantiles of every matrix and bias."""
    found = []
    for part in (part.flatten(1) for side in stacked_weights(flat, sizes=SIZES) for part in side):
        quantiles = part.quantile(torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0]), dim=1).T
        found.append(torch.cat([part.mean(1, keepdim=True), part.std(1, correction=0, keepdim=True), quantiles], dim=1))
    return torch.cat(found, dim=1)
