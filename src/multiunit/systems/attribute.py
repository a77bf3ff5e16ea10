"""How much each unit contributes to a network's answer: its activity, weighed by the gradient of the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch

from multiunit.core.at import At
from multiunit.core.edit import Edit, Replace, like
from multiunit.core.errors import InputError
from multiunit.core.recording import Recording
from multiunit.core.statistic import Batch
from multiunit.core.system import as_stimuli, match_sites
from multiunit.systems.gradients import Objective, OneBatch, backward, batches
from multiunit.systems.sites import Site
from multiunit.systems.torch_system import TorchSystem, _matrix

Baseline = float | Mapping[str, float]
Positions = Sequence[int] | Mapping[int, Sequence[int]]
AttributionMethod = Literal["gradient_x_activation", "integrated_gradients"]


def attribute(
    system: TorchSystem,
    stimuli: Any,
    sites: str | Sequence[str] = "*",
    *,
    objective: Objective,
    method: AttributionMethod = "gradient_x_activation",
    n_steps: int = 20,
    baseline: Baseline = 0.0,
    positions: Positions | None = None,
    edits: Sequence[Edit] = (),
) -> Recording:
    """Attribute the objective of each sequence to the activity at each site; keep it as `record` keeps activity.

    With activity a, baseline b and objective F, as a function of the activity of one site with all that comes after:
    gradient times activation is (a_j - b_j) dF/da_j at a; integrated gradients are
    (a_j - b_j) (1/m) sum_k dF/da_j at b + alpha_k (a - b), alpha_k = (k - 1/2) / m, k = 1 ... m (midpoint rule).
    Integrated gradients of a site add up to F(a) - F(b), with an error that falls as 1 / m^2 where F is smooth; what
    falls on special tokens belongs to that sum but is no presentation. Sites are scaled one at a time, all their units
    together. Steps are run one after the other and summed: memory does not grow with them. Where positions are pooled
    (images; `pool` of the system), the attributions of a unit are added over positions, whatever the pooling.

    Args:
        system: of torch.
        stimuli: as `record` takes them, with the label columns that the objective reads.
        sites: globs.
        objective: as `differentiate` takes it, such as `TargetProbability()`.
        method: `"gradient_x_activation"` (one pass) or `"integrated_gradients"` (`n_steps` passes a site).
        n_steps: m.
        baseline: b, one number or a mapping unit id -> number that names every unit of the sites, such as its mean.
        positions: which positions of each sequence are scaled and attributed to, the others keep their activity and get
            0. As `At` takes them: negative ones count from the last that is no padding. All by default.
        edits: act first; the attribution is that of the edited activity.

    Returns:
        Recording of kind "attribution": presentations and units as `record` gives them.

    Raises:
        InputError: as `differentiate`, for an unknown method, fewer than one step, or a baseline that lacks a unit.
        SiteError: for a site that does not exist.

    Source: Sundararajan, Taly and Yan 2017, arXiv:1703.01365; at an inner layer, Dhamdhere et al. 2018,
    arXiv:1805.12233, there called conductance where the input is scaled in place of the layer.

    F = (a_0 + a_1)^2 at a = (1, 2): the parts add up to 9; the gradient, 6 everywhere, says twice as much.

    >>> net = torch.nn.Sequential(torch.nn.Identity(), torch.nn.Linear(2, 2, bias=False))
    >>> _ = net[1].weight.data.copy_(torch.eye(2))
    >>> def squared_sum(output, sequences, last):
    ...     return output.sum(1) ** 2
    >>> system = TorchSystem(net)
    >>> x = np.array([[1.0, 2.0]], dtype="float32")
    >>> found = attribute(system, x, "1", objective=squared_sum, method="integrated_gradients", n_steps=4)
    >>> found.activity.tolist(), attribute(system, x, "1", objective=squared_sum).activity.tolist()
    ([[3.0, 6.0]], [[6.0, 12.0]])
    """
    options: dict[str, Any] = {"method": method, "n_steps": n_steps, "baseline": baseline, "positions": positions}
    frame = as_stimuli(stimuli)
    stream = _stream(system, frame, sites, objective=objective, edits=edits, by_length=False, **options)
    kept = []
    units: pd.DataFrame | None = None
    for batch in stream:
        units = system._units(batch) if units is None else units
        kept.append((_matrix(batch), batch.presentations))
    activity = np.concatenate([block for block, _ in kept])
    table = pd.concat([rows for _, rows in kept], ignore_index=True)
    attrs: dict[str, Any] = {"kind": "attribution", "source": system.name, "method": method}
    if method == "integrated_gradients":
        attrs["n_steps"] = n_steps
    return Recording.from_activity(activity, units=units, presentations=table, **attrs)


def stream_attributions(
    system: TorchSystem,
    stimuli: Any,
    sites: str | Sequence[str] = "*",
    *,
    objective: Objective,
    method: AttributionMethod = "gradient_x_activation",
    n_steps: int = 20,
    baseline: Baseline = 0.0,
    positions: Positions | None = None,
    edits: Sequence[Edit] = (),
) -> Iterator[Batch]:
    """Yield the attributions of `attribute` batch by batch, in the order of `stream`, for any statistic to take in.

    >>> from multiunit.statistics import Moments
    >>> net = torch.nn.Linear(2, 1, bias=False)
    >>> _ = net.weight.data.copy_(torch.tensor([[3.0, -1.0]]))
    >>> system = TorchSystem(torch.nn.Sequential(net, torch.nn.ReLU()))
    >>> moments = Moments()
    >>> for batch in stream_attributions(system, np.ones((4, 2)), "0", objective=lambda output, *_: output[:, 0]):
    ...     moments.update(batch.activity["0"], batch.presentations)
    >>> moments.result()["mean"].values.tolist()
    [2.0]
    """
    options: dict[str, Any] = {"method": method, "n_steps": n_steps, "baseline": baseline, "positions": positions}
    frame = as_stimuli(stimuli)
    return _stream(system, frame, sites, objective=objective, edits=edits, by_length=True, **options)


def _stream(
    system: TorchSystem,
    frame: pd.DataFrame,
    sites: str | Sequence[str],
    *,
    objective: Objective,
    method: str,
    n_steps: int,
    baseline: Baseline,
    positions: Positions | None,
    edits: Sequence[Edit],
    by_length: bool,
) -> Iterator[Batch]:
    if method not in ("gradient_x_activation", "integrated_gradients"):
        raise InputError("method", method, "'gradient_x_activation' or 'integrated_gradients'")
    if n_steps < 1:
        raise InputError("n_steps", n_steps, "at least one step")
    system._probe(frame)
    wanted = [system._sites[name] for name in match_sites(list(system._sites), sites)]
    base = {site.name: _baseline(baseline, site) for site in wanted}
    for batch in batches(system, frame, by_length=by_length):
        found = backward(system, batch, wanted, objective=objective, edits=edits)
        given = {}
        for site in wanted:
            slope = found.gradient[site.name]
            if method == "integrated_gradients":
                slope = torch.zeros_like(slope, dtype=torch.promote_types(slope.dtype, torch.float32))
                for step in range(n_steps):
                    scaled = _at(positions, Replace(site.name, _scaled(base[site.name], (step + 0.5) / n_steps)))
                    one = backward(system, batch, [site], objective=objective, edits=[*edits, scaled])
                    slope += one.gradient[site.name] / n_steps
            activity = found.activity[site.name].movedim(site.channel_axis, -1)
            share = (activity - like(base[site.name], activity)) * slope.movedim(site.channel_axis, -1)
            if positions is not None:
                # What is kept is what an edit that puts the attributions there would let through.
                kept = _at(positions, Replace(site.name, _instead(share)))
                share = kept.change(site.name, torch.zeros_like(share), batch.shown())
            given[site.name] = share.movedim(-1, site.channel_axis)
        table, flat = batch.flat(system, given, wanted)
        if batch.sequences is None or system.pool is not None:
            flat = {site.name: _added(batch, given[site.name], site) for site in wanted}
        yield Batch(flat, table)


def _baseline(baseline: Baseline, site: Site) -> np.ndarray:
    """`(unit,)`."""
    if not isinstance(baseline, Mapping):
        return np.full(site.n_units, baseline, dtype=np.float64)
    names = [f"{site.name}/{unit}" for unit in range(site.n_units)]
    missing = [name for name in names if name not in baseline]
    if missing:
        raise InputError("baseline", missing[0], "a mapping names every unit of the sites")
    return np.array([baseline[name] for name in names], dtype=np.float64)


def _scaled(base: np.ndarray, alpha: float) -> Callable[[torch.Tensor], torch.Tensor]:
    def scale(activity: torch.Tensor) -> torch.Tensor:
        start = like(base, activity)
        return start + alpha * (activity - start)

    return scale


def _instead(share: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda _: share


def _at(positions: Positions | None, edit: Edit) -> Edit:
    return edit if positions is None else At(edit, positions)


def _added(batch: OneBatch, tensor: torch.Tensor, site: Site) -> torch.Tensor:
    """`(stimulus, unit)`: the sum over the positions of each."""
    flat, ends = batch.ragged(tensor, site)
    return torch.stack([piece.sum(0) for piece in torch.tensor_split(flat, torch.as_tensor(ends[:-1]))])
