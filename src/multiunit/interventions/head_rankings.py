"""What several methods say of every attention head: how much it matters to an answer, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.interventions.activation_patching import activation_patching
from multiunit.interventions.attribution_patching import attribution_patching
from multiunit.interventions.circuit_search import circuit_search
from multiunit.interventions.components import heads_and_mlps
from multiunit.interventions.edge_attribution import edge_attribution
from multiunit.systems.gradients import Objective
from multiunit.systems.torch_system import TorchSystem


@method(kind="causal", source="arXiv:2304.14997", example=lambda rng: _example(rng))
def head_rankings(
    system: TorchSystem,
    pairs: pd.DataFrame,
    *,
    objective: Objective,
    n_steps: int = 5,
    thresholds: Sequence[float] = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0),
) -> xr.Dataset:
    """Score every head by every method, so that they can be compared, or their tops taken as circuits of one size.

    - `activation patching`: |effect| of the head's corrupted activity in the clean run.
    - `attribution patching`, `attribution with steps`: the same to first order, with 1 and `n_steps` gradients.
    - `edge attribution`, `edges with steps`: the largest |effect| among the edges out of the head.
    - `search`: the largest threshold of `circuit_search`, over heads and by the divergence, at which the head is kept;
      among heads of one threshold - or of none - the cost of taking it away at the largest one decides.

    Args:
        system: of torch, a pre-norm transformer.
        pairs: one row a pair: `clean`, `corrupted` - of as many tokens - and label columns for the objective.
        objective: m, differentiable, `objective(output, sequences, last) -> (sequence,)`; the search does without.
        n_steps: of the methods with steps.
        thresholds: of the search, in nats, at least one.

    Returns:
        `score(ranking, head)`, the larger the more; coordinate `head` names them ("head 1.0").

    Raises:
        InputError: for no thresholds; and as each of the methods.

    Source: the comparisons of ACDC (Conmy et al. 2023, arXiv:2304.14997) and EAP (Syed et al. 2023, arXiv:2310.10348),
    on heads instead of edges.

    >>> from multiunit.networks.induction_circuit import induction_circuit, induction_pairs
    >>> from multiunit.systems.gradients import LogitDifference
    >>> system = TorchSystem(induction_circuit(gains=(3.0, 1.0), direct=0.0))
    >>> score = head_rankings(system, induction_pairs(4), objective=LogitDifference())["score"]
    >>> score.sel(ranking="activation patching").round(4).values.tolist()
    [1.0, 0.0, 0.75, 0.25]
    """
    if not len(thresholds):
        raise InputError("thresholds", thresholds, "give at least one")
    heads = heads_and_mlps(system, pairs["clean"], mlps=False)["units"].to_dict()
    names = [str(name) for name in heads]
    found: dict[str, np.ndarray] = {}
    options: dict[str, Any] = {"objective": objective}
    patched = activation_patching(system, pairs, components=heads, direction="noise", **options)  # type: ignore[arg-type]
    found["activation patching"] = np.abs(patched["effect"].values[:, 0])
    for name, steps in (("attribution patching", 1), ("attribution with steps", n_steps)):
        estimated = attribution_patching(system, pairs, components=heads, n_steps=steps, **options)  # type: ignore[arg-type]
        found[name] = np.abs(estimated["effect"].values[:, 0])
    for name, steps in (("edge attribution", 1), ("edges with steps", n_steps)):
        edges = edge_attribution(system, pairs, n_steps=steps, **options)["effect"].sel(sender=names)
        found[name] = np.nanmax(np.abs(edges.values), axis=1)
    found["search"] = _search(system, pairs, heads, thresholds)  # type: ignore[arg-type]
    return xr.Dataset(
        {"score": (("ranking", "head"), np.stack(list(found.values())))},
        coords={"ranking": np.array(list(found), dtype=object), "head": np.array(names, dtype=object)},
        attrs={"n_steps": n_steps, "thresholds": list(thresholds)},
    )


def _search(
    system: TorchSystem, pairs: pd.DataFrame, heads: dict[str, list[str]], thresholds: Sequence[float]
) -> np.ndarray:
    """The rank of (largest threshold at which it is kept, cost at the largest threshold)."""
    largest = np.zeros(len(heads))
    for threshold in sorted(thresholds):
        tried = circuit_search(system, pairs, threshold=threshold, components=heads)
        largest[tried["kept"].values] = threshold
    order = np.lexsort((tried["cost"].values, largest))
    rank = np.empty(len(heads))
    rank[order] = np.arange(len(heads))
    return rank


def _example(rng: np.random.Generator) -> tuple[tuple[Any, ...], dict[str, Any]]:
    from multiunit.interventions.activation_patching import _example

    return _example(rng)
