"""Edge attribution patching: which component tells which through the residual stream, to first order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch
import xarray as xr

from multiunit.core.edit import group_units
from multiunit.core.errors import SiteError
from multiunit.core.method import method
from multiunit.interventions.components import heads_and_mlps
from multiunit.interventions.gradients_between import gradients_between
from multiunit.interventions.inner_sites import with_inner_sites
from multiunit.interventions.prompt_pairs import ends, split_pairs
from multiunit.systems.gradients import Objective
from multiunit.systems.torch_system import TorchSystem

_READS = {"attention-read": "attention", "mlp-read": "mlp", "block-read": "block"}


@method(kind="causal", source="arXiv:2310.10348", example=lambda rng: _example(rng))
def edge_attribution(system: TorchSystem, pairs: pd.DataFrame, *, objective: Objective, n_steps: int = 1) -> xr.Dataset:
    """Score every edge from what writes to the stream to what reads from it, at the cost of a few passes.

    effect(u, v) = mean[sum_t (w_corrupted - w_clean)_t . g_vt] / mean[m(corrupted) - m(clean)]: w is what u writes to
    the stream, g_v = dm/d(input of v) by way of v alone, in the clean run, or the mean over `n_steps` steps of the
    token embeddings from clean towards corrupted. Senders: the embedding, every head, every MLP; receivers: the
    norms before every attention and every MLP - the attention of a layer is one receiver, its heads' queries, keys and
    values are not told apart - and the output.

    Args:
        system: of torch, a pre-norm transformer.
        pairs: one row a pair: `clean`, `corrupted` - of as many tokens - and label columns for the objective.
        objective: m, differentiable, `objective(output, sequences, last) -> (sequence,)`.
        n_steps: 1 is EAP, more are EAP-IG.

    Returns:
        `effect(sender, receiver)`, NaN where the sender does not come before the receiver.

    Raises:
        InputError: for pairs that do not match, an objective that does not tell them apart, or no steps.
        SiteError: if the stream is not the sum of what heads and MLPs write, as with norms after them.

    Source: Syed et al. 2023, arXiv:2310.10348; steps after Hanna et al. 2024, arXiv:2403.17806.

    >>> from multiunit.networks.induction_circuit import induction_circuit, induction_pairs
    >>> from multiunit.systems.gradients import LogitDifference
    >>> system = TorchSystem(induction_circuit(gains=(3.0, 1.0), direct=2.0))
    >>> found = edge_attribution(system, induction_pairs(4), objective=LogitDifference())
    >>> direct = found["effect"].sel(sender=["head 0.0", "head 0.1", "head 1.0"], receiver="output")
    >>> (direct.round(4) + 0.0).values.tolist()
    [0.0, 0.2, 0.6]
    """
    clean, corrupted = split_pairs(system, pairs)
    components = heads_and_mlps(system, clean)
    span = ends(system, clean, corrupted=corrupted, objective=objective)
    inner = with_inner_sites(system, clean)
    known = system.sites()
    last = [str(name) for name in known.index[known["kind"] == "residual"]][-1]
    reads = inner.table[inner.table["kind"].isin(list(_READS))]
    receivers = {f"{_READS[r.kind]} {r.layer}": str(site) for site, r in reads.iterrows()} | {"output": last}
    # When things happen: the attention of layer l at 2 l, its MLP after that, unless they read the same stream.
    late = (reads["kind"] == "mlp-read") & reads["after_attention"].astype(bool)
    heard = [*(2 * reads["layer"] + late).astype(float), np.inf]
    said = [-1.0, *(2 * components["layer"] + (components["kind"] == "mlp")).astype(float)]
    writers = _Writers(inner.system, components, first=next(iter(receivers.values())))
    score = np.zeros((len(said), len(receivers)))
    for part in gradients_between(
        inner.system,
        clean,
        source=corrupted,
        sites=list(dict.fromkeys([*writers.sites, *receivers.values()])),
        objective=objective,
        n_steps=n_steps,
        embedding=str(inner.table.index[0]),
    ):
        writers.check(part.difference, last)
        for r, site in enumerate(receivers.values()):
            score[:, r] += writers.along(part.difference, part.gradient[site])
    score /= len(pairs) * (span.corrupted - span.clean).mean()
    score[np.array(said)[:, None] >= np.array(heard)] = np.nan
    return xr.Dataset(
        {"effect": (("sender", "receiver"), score)},
        coords={
            "sender": np.array(["embedding", *components.index], dtype=object),
            "receiver": np.array(list(receivers), dtype=object),
        },
        attrs={"n_steps": n_steps},
    )


class _Writers:
    """What each component adds to the stream: its units through the projection that they are the input of."""

    def __init__(self, system: TorchSystem, components: pd.DataFrame, *, first: str) -> None:
        # Units of one component lie side by side at its site: (site, where it begins, where it ends).
        self._parts: list[list[tuple[str, int, int]]] = []
        for units in components["units"]:
            places = group_units(units)
            self._parts.append([(site, int(index[0]), int(index[-1]) + 1) for site, index in places.items()])
        self._first = first
        names = dict.fromkeys(site for part in self._parts for site, _, _ in part)
        self.weights = {name: _weight(system, name) for name in names}
        self.sites = [*names, first]

    def along(self, difference: dict[str, torch.Tensor], gradient: torch.Tensor) -> np.ndarray:
        """Sum over presentations of (what each sender writes) . gradient: `(sender,)`, the embedding first."""
        products = {
            site: ((gradient @ weight) * difference[site]).sum(0).double() for site, weight in self.weights.items()
        }
        start = (gradient * difference[self._first]).sum().double()
        parts = [torch.stack([products[s][a:b].sum() for s, a, b in part]).sum() for part in self._parts]
        return torch.stack([start, *parts]).cpu().numpy()

    def check(self, difference: dict[str, torch.Tensor], last: str) -> None:
        """The stream at the end must be the sum of the stream at the start and of all that was written."""
        total = difference[self._first] + sum(difference[site] @ w.T for site, w in self.weights.items())
        scale = max(float(difference[last].abs().max()), 1e-6)
        error = float((total - difference[last]).abs().max())
        if error > 1e-2 * scale:
            mend = "its stream is not the sum of what heads and MLPs write; edges are not defined"
            raise SiteError("system", f"{error / scale:.2g} of the stream is missing", mend)


def _weight(system: TorchSystem, name: str) -> torch.Tensor:
    """`(width of the stream, unit)`, also of GPT-2's transposed layers."""
    part: Any = system.module.get_submodule(name)
    weight: torch.Tensor = part.weight.detach()
    return weight.T if type(part).__name__ == "Conv1D" else weight


def _example(rng: np.random.Generator) -> tuple[tuple[Any, ...], dict[str, Any]]:
    from multiunit.interventions.activation_patching import _example

    return _example(rng)
