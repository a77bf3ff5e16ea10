"""Path patching: what one component tells another directly, everything else held at its clean value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from multiunit.core.edit import Edit, Shown, group_units, like_index
from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.core.patch import Patch
from multiunit.interventions.components import Components, chosen_components, heads_and_mlps, sites_of
from multiunit.interventions.inner_sites import with_inner_sites
from multiunit.interventions.objective_values import objective_values
from multiunit.interventions.prompt_pairs import ends, pieces, split_pairs
from multiunit.systems.gradients import Objective
from multiunit.systems.torch_system import TorchSystem


@method(kind="causal", source="arXiv:2211.00593", example=lambda rng: _example(rng))
def path_patching(
    system: TorchSystem,
    pairs: pd.DataFrame,
    *,
    objective: Objective,
    senders: Components | None = None,
    receivers: Components | None = None,
    freeze_mlps: bool = False,
) -> xr.Dataset:
    """Give a sender its corrupted activity, let only the receiver hear of it, and see how far the answer follows.

    For a sender s and receivers R: (1) record the clean and the corrupted run; (2) run the clean prompts with s at its
    corrupted activity and every other head at its clean one (every MLP too if `freeze_mlps`; else MLPs pass on what
    they hear), and keep what the units of R would say; (3) run the clean prompts with R saying that, nothing else
    frozen. effect(s, R) = mean[m(run 3) - m(clean)] / mean[m(corrupted) - m(clean)]. Where R is the output itself, run
    2 is the answer: the direct effect. A head's own output stands for its queries, keys and values together, of which
    it is a function; units of a projection (`InnerSites.head_units`) are one of them alone.

    Args:
        system: of torch, a transformer.
        pairs: one row a pair: `clean`, `corrupted` - of as many tokens - and label columns for the objective.
        objective: m, `objective(output, sequences, last) -> (sequence,)`.
        senders: name -> unit ids; by default every attention head.
        receivers: name -> unit ids, several heads under one name are patched together; None is the output.
        freeze_mlps: hold MLPs at their clean activity too, so that only the direct edge counts.

    Returns:
        `effect(sender, receiver)`, 0 where a sender does not come before the receiver;
        `patched(sender, receiver, sequence)`, `clean(sequence)` and `corrupted(sequence)`.

    Raises:
        InputError: for pairs that do not match, or an objective that does not tell them apart.
        SiteError: for units that the system lacks.

    Source: Wang et al. 2022, arXiv:2211.00593, appendix B; Goldowsky-Dill et al. 2023, arXiv:2304.05969.

    >>> from multiunit.networks.induction_circuit import induction_circuit, induction_pairs
    >>> from multiunit.systems.gradients import LogitDifference
    >>> system, pairs = TorchSystem(induction_circuit(gains=(3.0, 1.0), direct=2.0)), induction_pairs(4)
    >>> heads = heads_and_mlps(system, pairs["clean"], mlps=False)["units"]
    >>> direct = path_patching(system, pairs, objective=LogitDifference())
    >>> (direct["effect"].sel(receiver="output").round(4) + 0.0).values.tolist()
    [0.0, 0.2, 0.6, 0.2]
    >>> to = {"both": [*heads["head 1.0"], *heads["head 1.1"]], "one": heads["head 1.0"]}
    >>> found = path_patching(system, pairs, objective=LogitDifference(), receivers=to)["effect"]
    >>> (found[:2].round(4) + 0.0).values.tolist()
    [[0.8, 0.6], [0.0, 0.0]]
    """
    clean, corrupted = split_pairs(system, pairs)
    table = heads_and_mlps(system, clean)
    held = table["units"] if freeze_mlps else table.loc[table["kind"] == "head", "units"]
    heads = table.loc[table["kind"] == "head", "units"].to_dict()
    sending = chosen_components(system, clean, heads if senders is None else senders)  # type: ignore[arg-type]
    hearing = {} if receivers is None else chosen_components(system, clean, receivers)
    if receivers is not None and "output" in hearing:
        raise InputError("receivers", "output", "is the name of the answer itself; give the units another one")
    span = ends(system, clean, corrupted=corrupted, objective=objective)
    named = [unit for units in [*sending.values(), *hearing.values()] for unit in units]
    if set(sites_of(named)) - set(system.sites().index):
        system = with_inner_sites(system, clean).system
    listened = sites_of([unit for units in hearing.values() for unit in units]) if hearing else []
    patched = np.empty((len(sending), max(1, len(hearing)), len(pairs)))
    frozen_units = [unit for units in held for unit in units]
    sent_sites = sites_of([unit for units in sending.values() for unit in units])
    for rows, here, there in pieces(clean, corrupted):
        frozen = Patch(frozen_units, system.record(here, sites_of(frozen_units)))
        source = system.record(there, sent_sites)
        for s, units in enumerate(sending.values()):
            # What acts later at a site has the last word: receivers are heard before they are frozen again.
            kept = _Kept(listened)
            edits: list[Edit] = [kept, frozen, Patch(units, source)]
            direct = objective_values(system, here, objective=objective, edits=edits)
            if not hearing:
                patched[s, 0, rows] = direct
            for r, ears in enumerate(hearing.values()):
                heard = _Given(ears, kept)
                patched[s, r, rows] = objective_values(system, here, objective=objective, edits=[heard])
    return xr.Dataset(
        {
            "effect": (("sender", "receiver"), span.effect(patched, "noise")),
            "patched": (("sender", "receiver", "sequence"), patched),
            "clean": ("sequence", span.clean),
            "corrupted": ("sequence", span.corrupted),
        },
        coords={
            "sender": np.array(list(sending), dtype=object),
            "receiver": np.array(list(hearing) or ["output"], dtype=object),
        },
        attrs={"freeze_mlps": int(freeze_mlps)},
    )


@dataclass(frozen=True)
class _Kept:
    """Changes nothing, and keeps what passes, batch by batch."""

    listened: Sequence[str]
    activity: dict[tuple[str, tuple[int, ...]], Any] = field(default_factory=dict, repr=False)

    def sites(self) -> list[str]:
        return list(self.listened)

    def change(self, site: str, activity: Any, shown: Shown | None = None) -> Any:
        assert shown is not None
        self.activity[site, tuple(shown.sequence_id.tolist())] = activity
        return activity


@dataclass(frozen=True)
class _Given:
    """Gives units what was kept of them in another pass over the same batches."""

    units: Sequence[str]
    kept: _Kept

    def sites(self) -> list[str]:
        return sites_of(self.units)

    def change(self, site: str, activity: Any, shown: Shown | None = None) -> Any:
        assert shown is not None
        index = like_index(group_units(self.units)[site], activity)
        out = activity.clone()
        out[..., index] = self.kept.activity[site, tuple(shown.sequence_id.tolist())][..., index]
        return out


def _example(rng: np.random.Generator) -> tuple[tuple[Any, ...], dict[str, Any]]:
    from multiunit.interventions.activation_patching import _example

    return _example(rng)
