"""CETT: how large a part of its layer's output each MLP neuron contributes at a token."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from multiunit.core.edit import Edit
from multiunit.core.errors import InputError, SiteError
from multiunit.core.recording import Recording
from multiunit.core.statistic import Batch
from multiunit.core.system import as_stimuli, match_sites

if TYPE_CHECKING:
    from multiunit.systems.torch_system import TorchSystem

Regions = Callable[[pd.DataFrame], Any]


def contribution(hidden: torch.Tensor, weight: torch.Tensor, *, bias: torch.Tensor | None = None) -> torch.Tensor:
    """The size of each neuron's own vector beside the sum of all: c_jt = |z_jt| ||w_j|| / ||sum_k z_kt w_k + b||.

    Args:
        hidden: `(token, unit)`, z: what enters the down projection.
        weight: `(unit, output)`, w_j: what each unit writes.
        bias: `(output,)`, b.

    Returns:
        `(token, unit)`, at least in single precision; 0 where the output is exactly 0. Without a bias those of a token
        add up to 1 or more: vectors of different directions cancel.

    Raises:
        InputError: for shapes that do not fit.

    >>> z, w = torch.tensor([[3.0, -4.0], [0.0, 0.0]]), torch.eye(2)
    >>> [[round(c, 3) for c in row] for row in contribution(z, w).tolist()]
    [[0.6, 0.8], [0.0, 0.0]]
    """
    if hidden.ndim != 2 or weight.ndim != 2 or hidden.shape[1] != weight.shape[0]:
        raise InputError("weight", (tuple(hidden.shape), tuple(weight.shape)), "needs (token, unit) and (unit, output)")
    kind = torch.promote_types(hidden.dtype, torch.float32)
    hidden, weight = hidden.to(kind), weight.to(kind)
    output = hidden @ weight
    size = torch.linalg.vector_norm(output if bias is None else output + bias.to(kind), dim=1, keepdim=True)
    own = hidden.abs() * torch.linalg.vector_norm(weight, dim=1)
    return torch.where(size > 0, own / size.clamp(min=torch.finfo(kind).tiny), 0.0)


def stream_cett(
    system: TorchSystem, stimuli: Any, sites: str | Sequence[str] | None = None, *, edits: Sequence[Edit] = ()
) -> Iterator[Batch]:
    """Yield the contributions of `cett` batch by batch, in the order of `stream`, for any statistic to take in.

    >>> from multiunit.networks import TinyTransformer
    >>> from multiunit.statistics import Moments
    >>> from multiunit.systems import TorchSystem
    >>> net = TinyTransformer(9, max_positions=4, width=8, n_heads=2, n_layers=1, activation="relu")
    >>> _ = net.layers[0].mlp.up.weight.data[0].zero_()
    >>> moments = Moments()
    >>> for batch in stream_cett(TorchSystem(net), [np.array([1, 2, 3])]):
    ...     moments.update(batch.activity["layers.0.mlp.down"], batch.presentations)
    >>> (moments.result()["mean"].values[:2] > 0).tolist()
    [False, True]
    """
    frame = as_stimuli(stimuli)
    weights: dict[str, tuple[torch.Tensor, torch.Tensor | None]] | None = None
    wanted = _mlp_neurons(system, frame, sites)
    for batch in system.stream(frame, wanted, edits=edits):
        if "token_id" not in batch.presentations:
            mend = "contributions are those at single tokens: the system must take tokens and not pool them"
            raise InputError("stimuli", type(frame["stimulus"].iloc[0]).__name__, mend)
        if weights is None:
            weights = {site: _down(system.module.get_submodule(site.partition("@")[0])) for site in wanted}
        with torch.no_grad():
            shares = {s: contribution(z, weights[s][0], bias=weights[s][1]) for s, z in batch.activity.items()}
        yield Batch(shares, batch.presentations)


def cett(
    system: TorchSystem,
    stimuli: Any,
    sites: str | Sequence[str] | None = None,
    *,
    region: Regions | None = None,
    edits: Sequence[Edit] = (),
) -> Recording:
    """Contribution of every MLP neuron to its layer's output, at every token or as a mean over regions of each text.

    c_jt = |z_jt| ||W_down[:, j]|| / ||down_proj(z)_t||, with z the input of the down projection: after the
    nonlinearity, and after the gate where there is one.

    Args:
        system: a language model; its down projections are `nn.Linear` or GPT-2's transposed `Conv1D`.
        stimuli: as `record` takes them.
        sites: globs of MLP neurons; all there are by default.
        region: `region(presentations) -> one label a row`, such as "answer" and "other"; rows without a label (None
            or NaN) are left out. Means are taken over the tokens of each label of each sequence as they pass, so that
            tokens are never kept.
        edits: act first; the contribution is that of the edited activity.

    Returns:
        Recording of kind "contribution", in the order of the stimuli: a presentation is a token, as in `record`; with
        `region` it is a region of a sequence, with the columns `region` and `n_tokens`.

    Raises:
        InputError: for stimuli that are no tokens, a system that pools, or `region` that gives no label at all or not
            one for each row.
        SiteError: for sites that are no MLP neurons.

    Source: Gao et al. 2025, arXiv:2512.01797, as in the authors' code (thunlp/H-Neurons), which adds 1e-8 to the
    denominator; the measure is after Zhang et al. 2024, arXiv:2402.03804.

    >>> from multiunit.networks import TinyTransformer
    >>> from multiunit.systems import TorchSystem
    >>> system = TorchSystem(TinyTransformer(9, max_positions=4, width=8, n_heads=2, n_layers=2))
    >>> texts = pd.DataFrame({"stimulus": [np.array([1, 2, 3]), np.array([4, 5])], "asked": [2, 1]})
    >>> def region(table):
    ...     return np.where(table["position"] < table["asked"], "prompt", "answer")
    >>> found = cett(system, texts, region=region)
    >>> found.presentations[["sequence_id", "region", "n_tokens"]].values.tolist()
    [[0, 'answer', 1], [0, 'prompt', 2], [1, 'answer', 1], [1, 'prompt', 1]]
    """
    kept, tables, sizes = [], [], {}
    for batch in stream_cett(system, stimuli, sites, edits=edits):
        sizes = {site: share.shape[1] for site, share in batch.activity.items()}
        shares, table = torch.cat(list(batch.activity.values()), dim=1), batch.presentations
        if region is not None:
            shares, table = _means(shares, table, region(table))
        kept.append(shares.cpu().numpy())
        tables.append(table)
    table = pd.concat(tables, ignore_index=True)
    if table.empty:
        raise InputError("region", region, "gives no presentation a label")
    order = np.lexsort((table["position" if region is None else "region"], table["sequence_id"]))
    site = np.repeat(np.array(list(sizes), dtype=object), list(sizes.values()))
    units = {"site": site, "kind": np.full(len(site), "mlp-neuron", dtype=object)}
    rows = table.iloc[order].reset_index(drop=True)
    activity = np.concatenate(kept)[order]
    return Recording.from_activity(activity, units=units, presentations=rows, kind="contribution", source=system.name)


def _mlp_neurons(system: TorchSystem, frame: pd.DataFrame, sites: str | Sequence[str] | None) -> list[str]:
    kind = system.sites(frame)["kind"]
    wanted = match_sites(list(kind.index), "*" if sites is None else sites)
    neurons = [name for name in wanted if kind[name] == "mlp-neuron"]
    if not neurons or (sites is not None and len(neurons) < len(wanted)):
        other = next((name for name in wanted if kind[name] != "mlp-neuron"), system.name)
        raise SiteError("sites", other, "holds no MLP neurons, which alone have a down projection")
    return neurons


def _down(part: nn.Module) -> tuple[torch.Tensor, torch.Tensor | None]:
    """What each unit writes, `(unit, output)`, and the bias."""
    weight, bias = part.get_parameter("weight").detach(), getattr(part, "bias", None)
    # GPT-2's Conv1D keeps its weight as (input, output), nn.Linear as (output, input).
    return weight.T if isinstance(part, nn.Linear) else weight, None if bias is None else bias.detach()


def _means(shares: torch.Tensor, table: pd.DataFrame, labels: Any) -> tuple[torch.Tensor, pd.DataFrame]:
    """One row for each region of each sequence: the mean over its tokens."""
    label = np.asarray(labels, dtype=object)
    if label.shape != (len(table),):
        raise InputError("region", label.shape, f"gives one label for each of {len(table)} presentations")
    known = np.flatnonzero(~pd.isna(label))
    marked = table.iloc[known].assign(region=label[known])
    group = marked.groupby(["sequence_id", "region"], sort=True)
    number = torch.as_tensor(np.array(group.ngroup()), device=shares.device)
    count = np.array(group.size())
    total = shares.new_zeros((len(count), shares.shape[1]))
    total.index_add_(0, number, shares[torch.as_tensor(known, device=shares.device)])
    rows = group.first().reset_index().drop(columns=["position", "token_id"]).assign(n_tokens=count)
    return total / torch.as_tensor(count, device=shares.device)[:, None].to(total), rows
