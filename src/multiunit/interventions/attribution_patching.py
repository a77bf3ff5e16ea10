"""Attribution patching: activation patching of every component at once, to first order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from multiunit.core.edit import group_units
from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.interventions.components import Components, chosen_components
from multiunit.interventions.gradients_between import gradients_between
from multiunit.interventions.inner_sites import with_inner_sites
from multiunit.interventions.prompt_pairs import EVERYWHERE, Direction, Positions, checked_direction, ends, split_pairs
from multiunit.systems.gradients import Objective
from multiunit.systems.torch_system import TorchSystem


@method(kind="causal", source="arXiv:2310.10348", example=lambda rng: _example(rng))
def attribution_patching(
    system: TorchSystem,
    pairs: pd.DataFrame,
    *,
    objective: Objective,
    components: Components | None = None,
    positions: Positions | None = None,
    direction: Direction = "noise",
    n_steps: int = 1,
) -> xr.Dataset:
    """Estimate what patching each component would do, from the two runs and the gradient along the way between them.

    effect(c) = mean[sum_{u in c, t} (a_source - a_base)_ut * g_ut] / mean[m(source) - m(base)], with
    g = 1/n sum_{k=0}^{n-1} dm/da at token embeddings base + k/n (source - base). One step is attribution patching, the
    gradient in the base run; more are integrated gradients over the inputs, which do not vanish where the base
    run is saturated. All components together cost n passes forwards and back.

    Args:
        system: of torch.
        pairs: one row a pair: `clean`, `corrupted` - of as many tokens - and label columns for the objective.
        objective: m, differentiable, `objective(output, sequences, last) -> (sequence,)`.
        components: name -> unit ids; by default every attention head and MLP.
        positions: name -> where: None for everywhere, positions (negative from the last token), or sequence_id ->
            positions. By default `{"all": None}`.
        direction: `noise`: base clean, source corrupted; `denoise`: the reverse.
        n_steps: n; more than one needs a module that embeds tokens and has pre-norm blocks.

    Returns:
        `effect(component, position)`; `estimate(component, position, sequence)`, the estimated move of the
        objective itself; `clean(sequence)` and `corrupted(sequence)`.

    Raises:
        InputError: for pairs that do not match, an objective that does not tell them apart, or no steps.
        SiteError: for units that the system lacks.

    Source: Nanda 2023, "Attribution Patching"; Syed et al. 2023, arXiv:2310.10348; the steps are those of EAP-IG (Hanna
    et al. 2024, arXiv:2403.17806) for `noise`, which counts k/n from the corrupted end and ends on the clean run.

    What the logits read linearly is estimated exactly:

    >>> from multiunit.networks.induction_circuit import induction_circuit, induction_pairs
    >>> from multiunit.systems.gradients import LogitDifference
    >>> system = TorchSystem(induction_circuit(gains=(3.0, 1.0), direct=2.0))
    >>> found = attribution_patching(system, induction_pairs(4), objective=LogitDifference())
    >>> found["effect"].sel(component=["head 0.1", "head 1.0", "head 1.1"], position="all").round(4).values.tolist()
    [0.2, 0.6, 0.2]
    """
    clean, corrupted = split_pairs(system, pairs)
    chosen = chosen_components(system, clean, components)
    where = EVERYWHERE if positions is None else positions
    span = ends(system, clean, corrupted=corrupted, objective=objective)
    embedding = None
    if n_steps > 1:
        inner = with_inner_sites(system, clean)
        system, embedding = inner.system, str(inner.table.index[0])
    base, source = (clean, corrupted) if checked_direction(direction) == "noise" else (corrupted, clean)
    groups = [group_units(units) for units in chosen.values()]
    estimate = np.zeros((len(chosen), len(where), len(pairs)))
    for part in gradients_between(
        system,
        base,
        source=source,
        sites=list(dict.fromkeys(site for group in groups for site in group)),
        objective=objective,
        n_steps=n_steps,
        embedding=embedding,
    ):
        products = {site: (d * part.gradient[site]).double().cpu().numpy() for site, d in part.difference.items()}
        sequence = part.presentations["sequence_id"].to_numpy()
        kept = [_at(part.presentations, at) for at in where.values()]
        for c, group in enumerate(groups):
            token = np.sum([products[site][:, index].sum(axis=1) for site, index in group.items()], axis=0)
            for p, here in enumerate(kept):
                np.add.at(estimate[c, p], sequence, np.where(here, token, 0.0))
    first, other = (span.clean, span.corrupted) if direction == "noise" else (span.corrupted, span.clean)
    return xr.Dataset(
        {
            "effect": (("component", "position"), estimate.mean(axis=-1) / (other - first).mean()),
            "estimate": (("component", "position", "sequence"), estimate),
            "clean": ("sequence", span.clean),
            "corrupted": ("sequence", span.corrupted),
        },
        coords={
            "component": np.array(list(chosen), dtype=object),
            "position": np.array(list(where), dtype=object),
            "n_units": ("component", np.array([len(units) for units in chosen.values()])),
        },
        attrs={"direction": direction, "n_steps": n_steps},
    )


def _at(table: pd.DataFrame, at: Sequence[int] | Mapping[int, Sequence[int]] | None) -> np.ndarray:
    """Which presentations lie at the positions asked for."""
    if at is None:
        return np.ones(len(table), dtype=bool)
    position = table["position"].to_numpy()
    kept = np.zeros(len(table), dtype=bool)
    sequence = table["sequence_id"].to_numpy()
    for number in np.unique(sequence).tolist():
        if isinstance(at, Mapping) and number not in at:
            raise InputError("positions", number, "names no positions for this sequence_id")
        rows = np.flatnonzero(sequence == number)
        wanted = np.asarray(at[number] if isinstance(at, Mapping) else at, dtype=np.int64).ravel()
        length = position[rows].max() + 1
        kept[rows] = np.isin(position[rows], np.where(wanted < 0, wanted + length, wanted))
    return kept


def _example(rng: np.random.Generator) -> tuple[tuple[Any, ...], dict[str, Any]]:
    from multiunit.interventions.activation_patching import _example

    return _example(rng)
