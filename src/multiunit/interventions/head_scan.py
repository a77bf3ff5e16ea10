"""Every attention head of every layer, one at a time: a map of which head matters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr

from multiunit.core.edit import Ablate, Edit
from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.core.patch import Patch
from multiunit.interventions.components import heads_and_mlps
from multiunit.interventions.objective_values import objective_values
from multiunit.interventions.prompt_pairs import ends, split_pairs
from multiunit.systems.gradients import Objective
from multiunit.systems.torch_system import TorchSystem

How = Literal["denoise", "noise", "zero", "mean", "resample"]


@method(kind="causal", source="arXiv:2211.00593", example=lambda rng: _example(rng))
def head_scan(
    system: TorchSystem,
    pairs: pd.DataFrame,
    *,
    objective: Objective,
    how: How = "noise",
    random_state: int = 0,
) -> xr.Dataset:
    """Patch or ablate each head alone and see how far the answer moves, in units of clean to corrupted.

    effect(l, h) = mean[m(run with head l.h changed) - m(base)] / mean[m(other) - m(base)]. The base is the clean run,
    in which a head is given its corrupted activity (`noise`), nothing (`zero`), its mean over all clean tokens
    (`mean`) or what it said at a random clean token (`resample`); in `denoise` it is the corrupted run, in which a
    head is given its clean activity. 1 is the whole way; ablation can go beyond.

    Args:
        system: of torch.
        pairs: one row a pair: `clean`, `corrupted` - of as many tokens - and label columns for the objective.
        objective: m, `objective(output, sequences, last) -> (sequence,)`.
        how: what is done to a head.
        random_state: seed of `resample`.

    Returns:
        over `layer` and `head`: `effect` and `change`, the mean move of the objective itself, NaN where a layer has
        fewer heads; `changed(layer, head, sequence)`; `clean(sequence)` and `corrupted(sequence)`.

    Raises:
        InputError: for pairs that do not match, an objective that does not tell them apart, or an unknown `how`.
        SiteError: if the system has no attention heads.

    Source: the head maps of Wang et al. 2022, arXiv:2211.00593.

    >>> from multiunit.networks.induction_circuit import induction_circuit, induction_pairs
    >>> from multiunit.systems.gradients import LogitDifference
    >>> system = TorchSystem(induction_circuit(gains=(3.0, 1.0), direct=2.0))
    >>> head_scan(system, induction_pairs(4), objective=LogitDifference())["effect"].round(4).values.tolist()
    [[0.8, 0.2], [0.6, 0.2]]
    """
    if how not in ("denoise", "noise", "zero", "mean", "resample"):
        raise InputError("how", how, "must be 'denoise', 'noise', 'zero', 'mean' or 'resample'")
    clean, corrupted = split_pairs(system, pairs)
    heads = heads_and_mlps(system, clean, mlps=False)
    span = ends(system, clean, corrupted=corrupted, objective=objective)
    base = corrupted if how == "denoise" else clean
    shape = (int(heads["layer"].max()) + 1, int(heads["head"].max()) + 1, len(pairs))
    changed = np.full(shape, np.nan)
    for site, rows in heads.groupby("site", sort=False):
        recording = None if how == "zero" else system.record(corrupted if how == "noise" else clean, [str(site)])
        for row in rows.itertuples():
            edit = _edit(row.units, how, recording, random_state)  # type: ignore[arg-type]
            values = objective_values(system, base, objective=objective, edits=[edit])
            changed[row.layer, row.head] = values  # type: ignore[index]
    before = span.corrupted if how == "denoise" else span.clean
    effect = span.effect(changed, "denoise" if how == "denoise" else "noise")
    return xr.Dataset(
        {
            "effect": (("layer", "head"), effect),
            "change": (("layer", "head"), (changed - before).mean(axis=-1)),
            "changed": (("layer", "head", "sequence"), changed),
            "clean": ("sequence", span.clean),
            "corrupted": ("sequence", span.corrupted),
        },
        coords={"layer": np.arange(shape[0]), "head": np.arange(shape[1])},
        attrs={"how": how},
    )


def _edit(units: Sequence[str], how: How, recording: Any, random_state: int) -> Edit:
    if how in ("denoise", "noise"):
        return Patch(units, recording)
    if how == "zero":
        return Ablate(units)
    return Ablate(units, to=how, reference=recording, random_state=random_state)  # type: ignore[arg-type]


def _example(rng: np.random.Generator) -> tuple[tuple[Any, ...], dict[str, Any]]:
    from multiunit.interventions.activation_patching import _example

    return _example(rng)
