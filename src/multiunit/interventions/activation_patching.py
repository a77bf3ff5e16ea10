"""Activation patching: which component carries what tells two prompts apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from multiunit.core.at import At
from multiunit.core.edit import Edit
from multiunit.core.method import method
from multiunit.core.patch import Patch
from multiunit.interventions.components import Components, chosen_components, sites_of
from multiunit.interventions.objective_values import objective_values
from multiunit.interventions.prompt_pairs import EVERYWHERE, Direction, Positions, checked_direction, ends, split_pairs
from multiunit.systems.gradients import Objective
from multiunit.systems.torch_system import TorchSystem


@method(kind="causal", source="arXiv:2309.16042", example=lambda rng: _example(rng))
def activation_patching(
    system: TorchSystem,
    pairs: pd.DataFrame,
    *,
    objective: Objective,
    components: Components | None = None,
    positions: Positions | None = None,
    direction: Direction = "denoise",
) -> xr.Dataset:
    """Put each component's activity of one run into the other run, and see how far the answer follows.

    effect(c) = mean[m(base run with c from the source run) - m(base)] / mean[m(source) - m(base)], over pairs;
    `denoise`: base corrupted, source clean (is c enough?); `noise`: the reverse (is c needed?).

    Args:
        system: of torch.
        pairs: one row a pair: `clean`, `corrupted` - of as many tokens - and label columns for the objective.
        objective: m, `objective(output, sequences, last) -> (sequence,)`; both runs are judged by the same labels.
        components: name -> unit ids; by default every attention head and MLP. Components of one site, one after the
            other, share one recording of it, which is all that is held in memory.
        positions: name -> where to patch: None for everywhere, positions (negative from the last token), or
            sequence_id -> positions. By default `{"all": None}`.
        direction: `denoise` or `noise`.

    Returns:
        `effect(component, position)`; `patched(component, position, sequence)`, `clean(sequence)` and
        `corrupted(sequence)`, the objective itself.

    Raises:
        InputError: for pairs that do not match, or an objective that does not tell them apart.
        SiteError: for units that the system lacks.

    Source: Vig et al. 2020, arXiv:2004.12265; Meng et al. 2022, arXiv:2202.05262; directions and metrics after Zhang
    and Nanda 2024, arXiv:2309.16042.

    >>> from multiunit.networks.induction_circuit import induction_circuit, induction_pairs
    >>> from multiunit.systems.gradients import LogitDifference
    >>> system = TorchSystem(induction_circuit(gains=(3.0, 1.0), direct=2.0))
    >>> found = activation_patching(system, induction_pairs(4), objective=LogitDifference())
    >>> found["effect"].sel(position="all").round(4).to_series().to_dict()  # doctest: +NORMALIZE_WHITESPACE
    {'head 0.0': 0.8, 'head 0.1': 0.2, 'mlp 0': 0.0, 'head 1.0': 0.6, 'head 1.1': 0.2, 'mlp 1': 0.0}
    """
    clean, corrupted = split_pairs(system, pairs)
    base, source = (corrupted, clean) if checked_direction(direction) == "denoise" else (clean, corrupted)
    chosen = chosen_components(system, clean, components)
    where = EVERYWHERE if positions is None else positions
    span = ends(system, clean, corrupted=corrupted, objective=objective)
    patched = np.empty((len(chosen), len(where), len(pairs)))
    held: list[str] = []
    for c, units in enumerate(chosen.values()):
        if sites_of(units) != held:
            held = sites_of(units)
            recording = system.record(source, held)
        patch = Patch(units, recording)
        for p, at in enumerate(where.values()):
            edit: Edit = patch if at is None else At(patch, at)
            patched[c, p] = objective_values(system, base, objective=objective, edits=[edit])
    return xr.Dataset(
        {
            "effect": (("component", "position"), span.effect(patched, direction)),
            "patched": (("component", "position", "sequence"), patched),
            "clean": ("sequence", span.clean),
            "corrupted": ("sequence", span.corrupted),
        },
        coords={
            "component": np.array(list(chosen), dtype=object),
            "position": np.array(list(where), dtype=object),
            "n_units": ("component", np.array([len(units) for units in chosen.values()])),
        },
        attrs={"direction": direction},
    )


def _example(rng: np.random.Generator) -> tuple[tuple[Any, ...], dict[str, Any]]:
    from multiunit.networks.induction_circuit import induction_circuit, induction_pairs
    from multiunit.systems.gradients import LogitDifference

    pairs = induction_pairs(3, random_state=rng)
    return (TorchSystem(induction_circuit()), pairs), {"objective": LogitDifference()}
