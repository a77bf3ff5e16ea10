"""Greedy search for a circuit: take away component after component, and put back what is missed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.core.patch import Patch
from multiunit.interventions.components import Components, chosen_components, sites_of
from multiunit.interventions.objective_values import Divergence, objective_values
from multiunit.interventions.prompt_pairs import ends, split_pairs
from multiunit.systems.gradients import Objective
from multiunit.systems.torch_system import TorchSystem


@method(kind="causal", source="arXiv:2304.14997", example=lambda rng: _example(rng))
def circuit_search(
    system: TorchSystem,
    pairs: pd.DataFrame,
    *,
    threshold: float,
    objective: Objective | None = None,
    components: Components | None = None,
) -> xr.Dataset:
    """Prune components from the output to the input; one stays away if the loss rises by less than the threshold.

    A component is taken away by giving it its corrupted activity in the clean run. The loss is
    KL(clean run || pruned run) at the last position, in nats; or, with an objective m,
    |mean m(pruned) - mean m(clean)| / |mean m(corrupted) - mean m(clean)|. In turn, each component c is taken away on
    top of those that are away: gone if loss(away + c) - loss(away) < threshold.

    Args:
        system: of torch.
        pairs: one row a pair: `clean`, `corrupted` - of as many tokens - and label columns for the objective.
        threshold: in nats, or as a share of the way from clean to corrupted.
        objective: m, `objective(output, sequences, last) -> (sequence,)`, or None for the divergence.
        components: name -> unit ids, in the order in which they act; by default every attention head and MLP.

    Returns:
        over `component`: `kept` (bool), `cost` (what taking it away added to the loss when its turn came) and `turn`;
        attribute `loss`, of the circuit that is kept.

    Raises:
        InputError: for pairs that do not match, an objective that does not tell them apart, or a threshold below 0.

    Source: ACDC (Conmy et al. 2023, arXiv:2304.14997), on the nodes of the graph instead of its edges.

    >>> from multiunit.networks.induction_circuit import induction_circuit, induction_pairs
    >>> system = TorchSystem(induction_circuit(gains=(3.0, 0.0), direct=0.0))
    >>> found = circuit_search(system, induction_pairs(4), threshold=0.01)
    >>> found["component"].values[found["kept"].values].tolist()
    ['head 0.0', 'head 1.0']
    """
    if not threshold >= 0:
        raise InputError("threshold", threshold, "must be 0 or more")
    clean, corrupted = split_pairs(system, pairs)
    chosen = chosen_components(system, clean, components)
    if objective is None:
        measure: Objective = Divergence.of(system, clean)
        target, scale = 0.0, 1.0
    else:
        span = ends(system, clean, corrupted=corrupted, objective=objective)
        measure, target = objective, float(span.clean.mean())
        scale = abs(float(span.corrupted.mean()) - target)
    every = [unit for units in chosen.values() for unit in units]
    recording = system.record(corrupted, sites_of(every))
    away: list[str] = []
    loss = 0.0
    names = list(chosen)
    kept, cost = np.ones(len(names), dtype=bool), np.empty(len(names))
    for c in reversed(range(len(names))):
        units = [*away, *chosen[names[c]]]
        values = objective_values(system, clean, objective=measure, edits=[Patch(units, recording)])
        tried = abs(float(values.mean()) - target) / scale
        cost[c] = tried - loss
        if cost[c] < threshold:
            kept[c], away, loss = False, units, tried
    return xr.Dataset(
        {
            "kept": ("component", kept),
            "cost": ("component", cost),
            "turn": ("component", np.arange(len(names))[::-1].copy()),
        },
        coords={"component": np.array(names, dtype=object)},
        attrs={"loss": loss, "threshold": threshold, "measure": "divergence" if objective is None else "objective"},
    )


def _example(rng: np.random.Generator) -> tuple[tuple[Any, ...], dict[str, Any]]:
    from multiunit.interventions.activation_patching import _example

    args, kwargs = _example(rng)
    return args, kwargs | {"threshold": 0.01}
