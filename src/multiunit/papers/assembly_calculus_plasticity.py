"""Plasticity functions and assemblies: what a projection settles to depends on the rule that synapses learn by.

Claim: projecting a stimulus makes a stable, densely joined assembly under Hebbian and spike-order plasticity; under
Oja's rule the outcome hangs on its constants; without plasticity it does not settle.

Experiment: an area of 1,000 neurons wired at random (p = 0.05), of which the 33 with most input fire, under a stimulus
of 33 neurons for 30 steps; all rules with beta 0.01 to 0.5, Oja's with alpha 1 and 0.1. Overlap of consecutive winners
over the last 5 steps, how many ever won, density of synapses among the winners, and recall from half of the assembly.

Control: no plasticity, and the Hebbian change at as many synapses drawn at random, on the same graph.

Real wiring: the same for an area wired like the 3,554 neurons of the brain of a fly's larva, with synapses where it has
them (Winding et al. 2023); reported beside the verdict, since the paper speaks of random graphs.

Deviations: the paper's constants and its form of the two rules could not be read; weakening in the spike-order rule is
half the strengthening. Three seeds for the catalogue's five.

Not shown: association, merging, areas of realistic size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from multiunit.circuits.assembly_brain import AssemblyBrain
from multiunit.circuits.assembly_plasticity import Anywhere, AssemblyRule, Hebbian, Oja, SpikeOrder
from multiunit.core.paper import Claim, Paper, Scale
from multiunit.tasks.data_folder import data_folder

PAPER = Paper(
    id="assembly-calculus-plasticity",
    title="Effects of Plasticity Functions on Neural Assemblies",
    year=2021,
    source="arXiv:2112.14853",
    level="synthetic",
    uses=(AssemblyBrain,),
    needs=("larva_connectome",),
)

DECIDING = 0.1
RULES: Mapping[str, Callable[[float, np.random.Generator], AssemblyRule | None]] = {
    "hebb": lambda beta, rng: Hebbian(beta),
    "spike_order": lambda beta, rng: SpikeOrder(beta),
    "oja_1": lambda beta, rng: Oja(beta, alpha=1.0),
    "oja_01": lambda beta, rng: Oja(beta, alpha=0.1),
    "none": lambda beta, rng: None,
    "anywhere": lambda beta, rng: Anywhere(beta, rng),
}


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    n, k = scale.pick(smoke=(300, 17), small=(1000, 33))
    betas = scale.pick(smoke=(DECIDING,), small=(0.01, 0.05, DECIDING, 0.5))
    graph, chance = (int(rng.integers(2**31)) for _ in range(2))
    found = {
        (name, beta): settled(n, k=k, rule=make(beta, np.random.default_rng(chance)), random_state=graph)
        for name, make in RULES.items()
        for beta in betas
    }
    at = {name: found[name, DECIDING] for name in RULES}
    wiring = larva_wiring()
    larva = {
        name: settled(
            len(wiring), k=round(len(wiring) ** 0.5), rule=RULES[name](DECIDING, rng), wiring=wiring, random_state=graph
        )
        for name in scale.pick(smoke=("hebb",), small=("hebb", "spike_order", "none"))
    }
    lowest = {name: min(found[name, beta]["overlap"] for beta in betas) for name in RULES}
    return Claim(
        measured={
            **{f"{name}_overlap": at[name]["overlap"] for name in ("hebb", "spike_order", "oja_1", "oja_01")},
            **{f"{name}_lowest_overlap_of_betas": lowest[name] for name in ("hebb", "spike_order", "oja_1", "oja_01")},
            "hebb_recall": at["hebb"]["recall"],
            "spike_order_recall": at["spike_order"]["recall"],
            "hebb_support": at["hebb"]["support"],
            "hebb_density": at["hebb"]["density"],
            **{f"larva_{name}_overlap": r["overlap"] for name, r in larva.items() if name != "none"},
            **{f"larva_{name}_recall": r["recall"] for name, r in larva.items() if name != "none"},
        },
        control={
            "none_overlap": at["none"]["overlap"],
            "none_recall": at["none"]["recall"],
            "none_density": at["none"]["density"],
            "anywhere_overlap": at["anywhere"]["overlap"],
            "anywhere_recall": at["anywhere"]["recall"],
            **{f"larva_none_{what}": larva["none"][what] for what in ("overlap", "recall") if "none" in larva},
        },
        criterion="measured.hebb_overlap >= 0.9 and measured.spike_order_overlap >= 0.9 "
        "and control.none_overlap <= 0.6 and control.anywhere_overlap <= 0.6 "
        "and measured.oja_1_overlap <= 0.7 and measured.oja_01_overlap >= 0.9 "
        "and measured.hebb_density > control.none_density",
    )


def settled(
    n: int, *, k: int, rule: AssemblyRule | None, random_state: int, wiring: np.ndarray | None = None
) -> dict[str, float]:
    """What a projection of k neurons into an area of n has come to after 30 steps."""
    own = {} if wiring is None else {("area", "area"): wiring}
    brain = AssemblyBrain({"stimulus": k, "area": n}, k=k, p=0.05, rule=rule, wiring=own, random_state=random_state)
    brain.fire("stimulus", range(k))
    found = brain.project("stimulus", "area", n_steps=30)
    return {
        "overlap": float(found["overlap"][-5:].mean()),
        "support": float(found["support"][-1]) / k,
        "density": float(found["density"][-1]),
        "recall": brain.recall("area"),
    }


def larva_wiring() -> np.ndarray:
    """Whether one neuron has a synapse onto another, `(neuron, neuron)`."""
    edges = np.loadtxt(data_folder("larva_connectome") / "G_edgelist.txt.gz", usecols=(0, 1), dtype=np.int64)
    neurons, index = np.unique(edges, return_inverse=True)
    index = index.reshape(edges.shape)
    wiring = np.zeros((len(neurons), len(neurons)), dtype=bool)
    wiring[index[:, 0], index[:, 1]] = True
    return wiring
