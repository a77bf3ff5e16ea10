"""A circuit of heads, found backwards: first what speaks to the answer, then what speaks to those, and so on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.interventions.components import heads_and_mlps
from multiunit.interventions.path_patching import path_patching
from multiunit.systems.gradients import Objective
from multiunit.systems.torch_system import TorchSystem

# Of the way from clean to corrupted: what rounding alone may move.
_NOTHING = 1e-5


@method(kind="causal", source="arXiv:2310.08744", example=lambda rng: _example(rng))
def path_circuit(
    system: TorchSystem,
    pairs: pd.DataFrame,
    *,
    objective: Objective,
    n_heads: int = 2,
    n_stages: int = 2,
    freeze_mlps: bool = False,
) -> xr.Dataset:
    """Path-patch every head to the answer, then to the heads found last, stage by stage.

    R_0 = the answer; R_{i+1} = the `n_heads` heads with the largest |effect(s, R_i)| that are in no R yet, R_i heard
    together (`path_patching`); fewer where fewer have any effect. A head's strength is its largest |effect|.

    Args:
        system: of torch, a transformer.
        pairs: one row a pair: `clean`, `corrupted` - of as many tokens - and label columns for the objective.
        objective: m, `objective(output, sequences, last) -> (sequence,)`.
        n_heads: heads found a stage.
        n_stages: steps back from the answer.
        freeze_mlps: as in `path_patching`.

    Returns:
        `effect(stage, head)`, `strength(head)` and `found(head)`, the stage that took the head, -1 for none; coordinate
        `head` names them ("head 1.0").

    Raises:
        InputError: for fewer than one head or stage, or more than there are; and as `path_patching`.

    Source: Wang et al. 2022, arXiv:2211.00593, and Merullo et al. 2024, arXiv:2310.08744, whose threshold on the effect
    is a number of heads here, so that circuits of several tasks are of one size.

    >>> from multiunit.networks.induction_circuit import induction_circuit, induction_pairs
    >>> from multiunit.systems.gradients import LogitDifference
    >>> system = TorchSystem(induction_circuit(gains=(3.0, 1.0), direct=0.0))
    >>> found = path_circuit(system, induction_pairs(4), objective=LogitDifference(), n_heads=1)
    >>> dict(zip(found["head"].values.tolist(), found["found"].values.tolist(), strict=True))
    {'head 0.0': 1, 'head 0.1': -1, 'head 1.0': 0, 'head 1.1': -1}
    """
    heads = heads_and_mlps(system, pairs["clean"], mlps=False)["units"]
    for name, value in (("n_heads", n_heads), ("n_stages", n_stages)):
        if value < 1 or n_heads * n_stages > len(heads):
            raise InputError(name, value, f"{n_stages} stages of {n_heads} heads out of {len(heads)}")
    effect = np.zeros((n_stages, len(heads)))
    found = np.full(len(heads), -1)
    receivers = None
    for stage in range(n_stages):
        heard = path_patching(system, pairs, objective=objective, receivers=receivers, freeze_mlps=freeze_mlps)
        effect[stage] = heard["effect"].values[:, 0]
        free = np.where(found < 0, np.abs(effect[stage]), 0.0)
        taken = [k for k in np.argsort(-free, kind="stable")[:n_heads] if free[k] > _NOTHING]
        if not taken:
            break
        found[taken] = stage
        receivers = {"heard": [unit for k in taken for unit in heads.iloc[k]]}
    return xr.Dataset(
        {
            "effect": (("stage", "head"), effect),
            "strength": ("head", np.abs(effect).max(axis=0)),
            "found": ("head", found),
        },
        coords={"stage": np.arange(n_stages), "head": heads.index.to_numpy(dtype=object)},
    )


def _example(rng: np.random.Generator) -> tuple[tuple[Any, ...], dict[str, Any]]:
    from multiunit.interventions.activation_patching import _example

    args, kwargs = _example(rng)
    return args, kwargs | {"n_heads": 1}
