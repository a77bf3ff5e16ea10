"""Why negative connections: without them, a network of rising units is a rising function, and no more.

Claim: networks whose weights are all non-negative, with activations that never fall, realise monotone functions only,
so no exclusive or, no boundary of positive slope, no closed or disconnected region; negative weights bring back the
rest.

Experiment: every Boolean function of two bits (16) and three (256), each fitted by its own tanh network n-16-16-1 with
W = |u| and free biases, full batches, 1200 Adam steps at 0.03; which are solved, against the list of monotone ones (6
and 20). Ten shapes in the plane, 400 points each.

Control: the same networks with free weights; non-negative weights with units that do not only rise, |z| and sin z; and
non-negative weights that are given x and 1 - x.

Also told, not in the criterion: a share of 1, 5, 20 % of all weights of fixed negative sign, and 20 % of all units
inhibitory, three bits; and the worm's chemical synapses (Cook et al. 2019, each neuron's input scaled to 1) as a rate
model, x <- tanh(3 x W + input) for 6 steps: of the sensory-motor pairs that are joined by a path, the share in which
raising the sensory input ever lowers the motor neuron, with the 26 classical GABA neurons inhibitory and with their
synapses taken away.

Deviations: the paper proves that nothing else can be realised; that all monotone functions are reached is ours, and
seen for two hidden layers of tanh units only. A function that is not solved was not found from one start; for functions
that do not rise, and non-negative weights, there is a proof behind it. GABA excites some of the worm's muscles, and
other transmitters inhibit. Text read: the abstract.

Not shown: convolutions, other activations, what large networks of one sign can do.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
from torch import nn

from multiunit.core.paper import Claim, Paper, Scale
from multiunit.io.worm_connectome import read_worm_connectome
from multiunit.learning.census import Census, census
from multiunit.networks.signed_linear import SignedLinear
from multiunit.populations.monotonicity import order_violations, path_balance
from multiunit.tasks.boolean_functions import boolean_functions
from multiunit.tasks.boundary_shapes import boundary_shapes
from multiunit.tasks.data_folder import data_folder

PAPER = Paper(
    id="nonnegative-network-capacity",
    title="Why do networks have inhibitory/negative connections?",
    year=2022,
    source="arXiv:2208.03211",
    level="trained",
    uses=(SignedLinear, census, order_violations, path_balance),
    needs=("worm_connectome",),
)

# McIntire et al. 1993.
GABA = [f"DD{i:02d}" for i in range(1, 7)] + [f"VD{i:02d}" for i in range(1, 14)]
GABA += ["RMEL", "RMER", "RMED", "RMEV", "RIS", "AVL", "DVB"]
EXCLUSIVE_OR = 6
MONOTONE_SHAPES = ("half_plane_0", "half_plane_45", "half_plane_90")
N_STEPS = 6


class _Bent(nn.Module):
    def __init__(self, f: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.f = f

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.f(x)


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    n_steps = scale.pick(smoke=300, small=1200)

    def fit(
        x: np.ndarray,
        y: np.ndarray,
        sign: str,
        *,
        f: Callable[[torch.Tensor], torch.Tensor] = torch.tanh,
        negative_share: float = 0.2,
    ) -> Census:
        def layer(n_in: int, n_out: int, drawn: np.random.Generator) -> nn.Module:
            return SignedLinear(n_in, n_out, sign=sign, negative_share=negative_share, random_state=drawn)

        def build(drawn: np.random.Generator) -> nn.Module:
            return nn.Sequential(
                layer(x.shape[1], 16, drawn), _Bent(f), layer(16, 16, drawn), _Bent(f), layer(16, 1, drawn)
            )

        return census(build, x, targets=y, n_steps=n_steps, random_state=rng)

    measured: dict[str, float] = {}
    control: dict[str, float] = {}
    n_wrong = n_missed = 0
    bits = scale.pick(smoke=(2,), small=(2, 3))
    for n in bits:
        x, y, is_monotone = boolean_functions(n)
        solved, free = fit(x, y, "nonneg").solved, fit(x, y, "free").solved
        n_wrong += int((solved & ~is_monotone).sum())
        n_missed += int((is_monotone & ~solved).sum())
        measured[f"solved_{n}_bits"] = float(solved.sum())
        control[f"free_solved_{n}_bits"] = float(free.sum())
        control[f"complement_solved_{n}_bits"] = float(fit(np.hstack([x, 1 - x]), y, "nonneg").solved.sum())
    n_functions = sum(len(boolean_functions(n).outputs) for n in bits)
    n_monotone = sum(int(boolean_functions(n).is_monotone.sum()) for n in bits)
    measured["not_monotone_solved"] = float(n_wrong)
    measured["monotone_solved_share"] = 1 - n_missed / n_monotone
    control["free_share"] = sum(control[f"free_solved_{n}_bits"] for n in bits) / n_functions

    x, y, _ = boolean_functions(2)
    for name, f in (("absolute", torch.abs), ("sine", torch.sin)):
        solved = fit(x, y, "nonneg", f=f).solved
        control[f"{name}_solved_2_bits"] = float(solved.sum())
        control[f"{name}_solves_xor"] = float(solved[EXCLUSIVE_OR])
    both = np.hstack([x, 1 - x])
    control["complement_solves_xor"] = float(fit(both, y, "nonneg").solved[EXCLUSIVE_OR])

    x, y, _ = boolean_functions(bits[-1])
    for share in scale.pick(smoke=(0.2,), small=(0.01, 0.05, 0.2)):
        solved = fit(x, y, "mixed", negative_share=share).solved
        measured[f"solved_at_{round(100 * share)}_percent_negative"] = float(solved.sum())
    measured["solved_at_20_percent_inhibitory_units"] = float(fit(x, y, "dale").solved.sum())

    points = rng.uniform(-1, 1, size=(scale.pick(smoke=100, small=400), 2))
    shapes = boundary_shapes(points)
    targets = np.array(list(shapes.values()))
    rising = np.isin(list(shapes), MONOTONE_SHAPES)
    accuracy = {sign: fit(points, targets, sign).accuracy for sign in ("nonneg", "free")}
    measured["least_accuracy_rising_shapes"] = float(accuracy["nonneg"][rising].min())
    measured["accuracy_other_shapes"] = float(accuracy["nonneg"][~rising].mean())
    control["free_accuracy_other_shapes"] = float(accuracy["free"][~rising].mean())
    control["majority_other_shapes"] = float(np.maximum(targets.mean(1), 1 - targets.mean(1))[~rising].mean())

    n_pairs = scale.pick(smoke=5, small=100)
    measured["worm_falling_share"], measured["worm_inverting_path_share"] = _worm(-1.0, n_pairs, rng)
    control["worm_falling_share_without_gaba"], control["worm_inverting_path_share_without_gaba"] = _worm(
        0.0, n_pairs, rng
    )
    return Claim(
        measured=measured,
        control=control,
        criterion="measured.not_monotone_solved == 0 and measured.monotone_solved_share >= 0.95 "
        "and control.free_share >= 0.99 and control.absolute_solves_xor == 1 and control.sine_solves_xor == 1 "
        "and control.complement_solves_xor == 1",
    )


def _worm(gaba: float, n_pairs: int, rng: np.random.Generator) -> tuple[float, float]:
    """Share of joined sensory-motor pairs that ever fall, and that a path with a negative weight joins."""
    folder = data_folder("worm_connectome")
    neurons = pd.read_csv(folder / "neurons.csv").set_index("name")
    edges = read_worm_connectome(folder / "cook_jarrell_2019_h.json")
    edges = edges[(edges["kind"] == "chemical") & edges["pre"].isin(neurons.index) & edges["post"].isin(neurons.index)]
    names = pd.Index(sorted(set(edges["pre"]) | set(edges["post"])))
    weights = np.zeros((len(names), len(names)))
    weights[names.get_indexer(edges["pre"]), names.get_indexer(edges["post"])] = edges["weight"]
    weights /= np.maximum(weights.sum(axis=0), 1)
    weights[names.isin(GABA)] *= gaba
    kind = neurons.loc[names, "type"].to_numpy()
    sensory, motor = np.flatnonzero(kind == "sensory"), np.flatnonzero(kind == "motorneuron")

    def respond(u: np.ndarray) -> np.ndarray:
        x = np.zeros((len(u), len(names)))
        x[:, sensory] = u
        fed = x.copy()
        for _ in range(N_STEPS):
            x = np.tanh(3 * x @ weights + fed)
        return x[:, motor]

    none = np.zeros(len(sensory))
    falls = order_violations(respond, low=none, high=none + 1, n_pairs=n_pairs, random_state=rng)
    signed, unsigned = (
        np.array([path_balance([w] * n)[np.ix_(sensory, motor)] for n in range(1, N_STEPS + 1)])
        for w in (weights, np.abs(weights))
    )  # walks of 1 to 6 steps
    joined = (unsigned > 0).any(axis=0)
    return float((falls[joined] > 0).mean()), float(np.any(signed < unsigned, axis=0)[joined].mean())
