"""Faithfulness and completeness: is a ranking's top enough for the answer, and is it all there is?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy.integrate import trapezoid

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.core.patch import Patch
from multiunit.interventions.components import Components, chosen_components, sites_of
from multiunit.interventions.objective_values import objective_values
from multiunit.interventions.prompt_pairs import split_pairs
from multiunit.systems.gradients import Objective
from multiunit.systems.torch_system import TorchSystem


@method(kind="causal", source="arXiv:2403.19647", example=lambda rng: _example(rng))
def faithfulness(
    system: TorchSystem,
    pairs: pd.DataFrame,
    *,
    ranking: Sequence[str],
    objective: Objective,
    components: Components | None = None,
    sizes: Sequence[int] | None = None,
    n_random: int = 5,
    random_state: int | np.random.Generator = 0,
) -> xr.Dataset:
    """Leave only the top k components of a ranking as they are, or all but them, for every k.

    With C the top k, M all components, and m(S) the mean objective on the clean prompts when everything outside S has
    its corrupted activity and S computes on what it then hears:
    faithfulness(k) = [m(C) - m(none)] / [m(M) - m(none)], 1 if C is enough;
    completeness(k) = [m(M without C) - m(none)] / [m(M) - m(none)], 0 if nothing outside C can do it.
    The area is the mean over k / n by the trapezoid rule: near 1 for faithfulness and near 0 for completeness where
    few are enough.
    Random rankings have as many components of each width at each size: the ranking with names exchanged among
    components of the same number of units, so that a head never stands for an MLP.

    Args:
        system: of torch.
        pairs: one row a pair: `clean`, `corrupted` - of as many tokens - and label columns for the objective.
        ranking: names of components, the most important first; all of them, each once.
        objective: m, `objective(output, sequences, last) -> (sequence,)`.
        components: name -> unit ids; by default every attention head and MLP.
        sizes: k, from 0 to the number of components; by default every one. Both ends are always among them.
        n_random: random rankings.
        random_state: seed or generator that draws them.

    Returns:
        over `size`: `faithfulness`, `completeness`; over `draw` and `size`: `random_faithfulness`,
        `random_completeness`; `area`, `area_completeness`, and over `draw` `random_area`, `random_area_completeness`.

    Raises:
        InputError: for a ranking that is no order of the components, sizes out of range, or components that do not
            matter to the objective all together.

    Source: Marks et al. 2024, arXiv:2403.19647 (both measures); the question is that of Wang et al. 2022,
    arXiv:2211.00593, whose completeness compares subsets instead.

    >>> from multiunit.networks.induction_circuit import induction_circuit, induction_pairs
    >>> from multiunit.systems.gradients import LogitDifference
    >>> system = TorchSystem(induction_circuit(gains=(3.0, 0.0), direct=0.0))
    >>> best = ["head 1.0", "head 0.0", "head 0.1", "head 1.1", "mlp 0", "mlp 1"]
    >>> found = faithfulness(system, induction_pairs(4), ranking=best, objective=LogitDifference())
    >>> found["faithfulness"].round(4).values.tolist()
    [0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    """
    clean, corrupted = split_pairs(system, pairs)
    chosen = chosen_components(system, clean, components)
    order = [str(name) for name in ranking]
    if sorted(order) != sorted(chosen):
        missing = sorted(set(chosen) ^ set(order))[:3]
        raise InputError("ranking", missing, f"must name each of the {len(chosen)} components once")
    n = len(order)
    wanted = np.arange(n + 1) if sizes is None else np.unique([0, n, *sizes])
    if wanted[0] < 0 or wanted[-1] > n:
        raise InputError("sizes", [int(wanted[0]), int(wanted[-1])], f"run from 0 to {n}")
    recording = system.record(corrupted, sites_of([unit for units in chosen.values() for unit in units]))
    known: dict[frozenset[str], float] = {}

    def score(kept: frozenset[str]) -> float:
        if kept not in known:
            units = [unit for name, own in chosen.items() if name not in kept for unit in own]
            edits = [Patch(units, recording)] if units else []
            known[kept] = float(objective_values(system, clean, objective=objective, edits=edits).mean())
        return known[kept]

    nothing, whole = score(frozenset()), score(frozenset(chosen))
    if nothing == whole:
        raise InputError("components", n, "patching all of them does not change the objective")

    def curves(names: list[str]) -> np.ndarray:
        tops = [frozenset(names[:k]) for k in wanted]
        values = [[score(top) for top in tops], [score(frozenset(chosen) - top) for top in tops]]
        return (np.array(values) - nothing) / (whole - nothing)

    rng = np.random.default_rng(random_state)
    own = curves(order)
    drawn = np.array([curves(_shuffled(order, chosen, rng)) for _ in range(n_random)]).reshape(n_random, 2, len(wanted))
    areas = trapezoid(np.concatenate([own[None], drawn]), wanted / n, axis=-1)
    return xr.Dataset(
        {
            "faithfulness": ("size", own[0]),
            "completeness": ("size", own[1]),
            "random_faithfulness": (("draw", "size"), drawn[:, 0]),
            "random_completeness": (("draw", "size"), drawn[:, 1]),
            "area": ((), areas[0, 0]),
            "area_completeness": ((), areas[0, 1]),
            "random_area": ("draw", areas[1:, 0]),
            "random_area_completeness": ("draw", areas[1:, 1]),
        },
        coords={"size": wanted, "draw": np.arange(n_random)},
    )


def _shuffled(order: list[str], components: Components, rng: np.random.Generator) -> list[str]:
    """Names exchanged among components of one width: what stands at each place has the same number of units."""
    names, width = np.array(order, dtype=object), np.array([len(components[name]) for name in order])
    for size in np.unique(width):
        same = np.flatnonzero(width == size)
        names[same] = names[rng.permutation(same)]
    return names.tolist()


def _example(rng: np.random.Generator) -> tuple[tuple[Any, ...], dict[str, Any]]:
    from multiunit.interventions.activation_patching import _example

    args, kwargs = _example(rng)
    ranking = ["head 0.0", "head 1.0", "head 1.1", "head 0.1", "mlp 0", "mlp 1"]
    return args, kwargs | {"ranking": ranking}
