"""Neuron paths: one unit, or a few, in every layer, that together move a network's answer most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
import xarray as xr

from multiunit.core.edit import Shown, shown_or_all
from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.systems.activity_at import Objective, PositionRun, in_order, layer_names, position_runs
from multiunit.systems.torch_system import TorchSystem

Form = Literal["product", "integrated_gradients"]


def joint_score(value: Any, slope: Any, *, form: Form = "product") -> Any:
    """The attribution of units that are scaled together, from their values and mean slopes.

    product: (sum_l w_l) (sum_l g_l);  integrated_gradients: sum_l w_l g_l;  g_l = mean_k dF(alpha_k w) / dw_l. Both
    are the same for a single unit.

    Args:
        value: `(..., path)`, w.
        slope: `(..., path)`, g.
        form: the authors' product of sums, or the textbook's sum of products.

    Returns:
        `(...,)`.

    Raises:
        InputError: for another form.

    >>> joint_score(np.array([1.0, 2.0]), np.array([3.0, 0.0])), joint_score(
    ...     np.array([1.0, 2.0]), np.array([3.0, 0.0]), form="integrated_gradients")
    (np.float64(9.0), np.float64(3.0))
    """
    if form not in ("product", "integrated_gradients"):
        raise InputError("form", form, "is 'product' or 'integrated_gradients'")
    return value.sum(-1) * slope.sum(-1) if form == "product" else (value * slope).sum(-1)


def path_overlap(index: np.ndarray) -> np.ndarray:
    """How far the paths of two stimuli share their units: Jaccard index, `|A and B| / |A or B|`.

    Args:
        index: whole numbers `(sequence, layer, rank)`.

    Returns:
        `(sequence, sequence)`.

    >>> path_overlap(np.array([[[0], [1]], [[0], [2]]])).round(3).tolist()
    [[1.0, 0.333], [0.333, 1.0]]
    """
    from scipy.sparse import csr_array

    index = np.asarray(index)
    flat = (index + np.arange(index.shape[1])[None, :, None] * (index.max(initial=0) + 1)).reshape(len(index), -1)
    rows = np.repeat(np.arange(len(flat)), flat.shape[1])
    held = csr_array((np.ones(flat.size), (rows, flat.ravel())), shape=(len(flat), int(flat.max(initial=0)) + 1))
    both = (held @ held.T).toarray()
    return np.asarray(both / (2 * flat.shape[1] - both))


def path_of_strongest(scores: Mapping[str, np.ndarray], *, per_layer: int = 1) -> xr.Dataset:
    """A path through the units of the highest score in every layer, each layer by itself.

    Args:
        scores: site -> `(sequence, unit)`, in the order of the layers; the activity gives the path of the loudest.
        per_layer: units in every layer.

    Returns:
        `index(sequence, layer, rank)` with the coordinates `sequence_id` and `site(layer)`.

    Raises:
        InputError: for no layers, or a layer with fewer units.

    >>> path_of_strongest({"a": np.array([[1.0, 3.0, 2.0]])}, per_layer=2)["index"].values.tolist()
    [[[1, 2]]]
    """
    if not scores or min(score.shape[1] for score in scores.values()) < per_layer or per_layer < 1:
        raise InputError("per_layer", per_layer, "needs layers, and at least one unit and at most all of each")
    best = [np.argsort(-score, axis=1, kind="stable")[:, :per_layer] for score in scores.values()]
    return _as_path(np.stack(best, axis=1), list(scores))


@method(kind="causal", source="arXiv:2503.09046", example=lambda rng: _example(rng))
def neuron_path(
    system: TorchSystem,
    stimuli: Any,
    *,
    objective: Objective,
    sites: str | Sequence[str] | None = None,
    position: int = 0,
    n_steps: int = 20,
    per_layer: int = 1,
    form: Form = "product",
    joint: bool = True,
) -> xr.Dataset:
    """Find, layer by layer, the units that add most to the joint attribution of the path found so far.

    JAS = (sum_l w_l) (1/m) sum_k sum_l dF(alpha_k w) / dw_l,  alpha_k = k/m, k = 0, ..., m - 1. In layer l the units
    found before are at alpha w and the whole layer is at alpha w; all other units of these layers, at this position,
    are held at their values, and what follows runs. The `per_layer` units of the highest JAS join the path. There is no
    look-ahead. One pass forwards and backwards a layer and step gives all candidates of a batch; nothing is kept of a
    step but a sum.

    Args:
        system: of torch; all its sequences have the position.
        stimuli: as `stream` takes them; label columns are handed to the objective.
        objective: F, `objective(output, sequences, last) -> (sequence,)`, such as `TargetProbability("label")`.
        sites: globs of the layers, in the order in which they run; the MLP neurons unless given.
        position: of the token whose activity is scaled, 0 for a class token; negative ones count from the last real
            token of a text. Ignored where there are no positions.
        n_steps: m, steps of the Riemann sum.
        per_layer: units in every layer.
        form: see `joint_score`.
        joint: False takes every layer by itself, as independent integrated gradients do: a baseline.

    Returns:
        `index(sequence, layer, rank)`: units of the path; `value`: w of each; `gain`: JAS when each was found;
        `attribution(sequence)`: JAS of the whole path, with the coordinates `sequence_id` and `site(layer)`.

    Raises:
        InputError: for no layers, too many units a layer, activity with other axes than sequence, position and unit, or
            an objective that does not depend on the layers.

    Source: Wang et al. 2025, arXiv:2503.09046, and the authors' code, which takes the sums from the left and multiplies
    the sum of values with that of slopes; `form="integrated_gradients"` is the path integral itself.

    >>> net = torch.nn.Sequential(torch.nn.Linear(2, 3, bias=False), torch.nn.Linear(3, 2, bias=False))
    >>> _ = net[0].weight.data.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))
    >>> _ = net[1].weight.data.copy_(torch.tensor([[0.0, 5.0, 1.0], [0.0, 0.0, 0.0]]))
    >>> def first(output, sequences, last):
    ...     return output[:, 0]
    >>> path = neuron_path(TorchSystem(net), np.ones((1, 2), dtype="float32"), objective=first, sites="0")
    >>> path["index"].values.tolist(), path["attribution"].values.tolist()
    ([[[1]]], [5.0])
    """
    names, pieces, n = layer_names(system, stimuli, sites), [], 0
    if n_steps < 1:
        raise InputError("n_steps", n_steps, "at least one step")
    for run in position_runs(system, stimuli, position):
        n += len(run.rows)
        pieces.append((run.rows, _search(run, names, objective, n_steps, per_layer, form, joint)))
    index, value, gain = (in_order([(rows, part[k]) for rows, part in pieces], n) for k in range(3))
    path = _as_path(index, names).assign(value=(_PATH, value), gain=(_PATH, gain))
    path.attrs |= {"n_steps": n_steps, "form": form, "position": position, "joint": joint}
    attribution = joint_attribution(
        system, stimuli, path=path, objective=objective, position=position, n_steps=n_steps, form=form
    )
    return path.assign(attribution=("sequence", attribution))


def joint_attribution(
    system: TorchSystem,
    stimuli: Any,
    *,
    path: xr.Dataset,
    objective: Objective,
    position: int = 0,
    n_steps: int = 20,
    form: Form = "product",
) -> np.ndarray:
    """JAS of any path, such as one through the loudest units; see `neuron_path`.

    Args:
        path: `index(sequence, layer, rank)` and `site(layer)`, a row for each sequence in the stimuli's order.

    Returns:
        `(sequence,)`.

    Raises:
        InputError: as `neuron_path`.
    """
    names, pieces, n = [str(name) for name in path["site"].values], [], 0
    layer_names(system, stimuli, names)
    for run in position_runs(system, stimuli, position):
        values = run.values(names)
        n += len(run.rows)
        units = {
            name: torch.as_tensor(path["index"].values[run.rows, layer], device=values[name].device)
            for layer, name in enumerate(names)
        }
        slopes = run.slopes(values, units, objective, n_steps)
        value, slope = (torch.cat([part[name] for name in names], 1) for part in (_gathered(values, units), slopes))
        pieces.append((run.rows, joint_score(value.double(), slope.double(), form=form).cpu().numpy()))
    return in_order(pieces, n)


@dataclass(frozen=True)
class AlongPath:
    """Multiply the units of each stimulus's own path at its position: 0 removes the path, 2 enhances it.

    Args:
        path: as `neuron_path` or `path_of_strongest` gives it; its rows are matched by `sequence_id`.
        gain: factor.
        position: see `neuron_path`.

    Raises:
        InputError: when it acts on a sequence that the path does not hold.

    >>> path = path_of_strongest({"a": np.array([[1.0, 3.0]])})
    >>> AlongPath(path).change("a", np.ones((1, 2, 2))).tolist()
    [[[1.0, 0.0], [1.0, 1.0]]]
    """

    path: xr.Dataset = field(repr=False)
    gain: float = 0.0
    position: int = 0

    def sites(self) -> list[str]:
        return [str(name) for name in self.path["site"].values]

    def change(self, site: str, activity: Any, shown: Shown | None = None) -> Any:
        known = shown_or_all(activity, shown)
        rows = pd.Index(self.path["sequence_id"].values).get_indexer(pd.Index(known.sequence_id))
        if (rows < 0).any():
            raise InputError("path", int(known.sequence_id[rows < 0][0]), "holds no path for this sequence_id")
        chosen = self.path["index"].values[rows, self.sites().index(site)]
        where: tuple[Any, ...] = (np.arange(len(rows))[:, None], chosen)
        if activity.ndim == 3:
            place = self.position if self.position >= 0 else known.length + self.position
            where = (where[0], (np.zeros_like(rows) + place)[:, None], chosen)
        out = activity.clone() if hasattr(activity, "clone") else np.array(activity)
        if hasattr(activity, "new_tensor"):
            where = tuple(torch.as_tensor(part, device=activity.device) for part in where)
        out[where] = out[where] * self.gain
        return out


_PATH = ("sequence", "layer", "rank")


def _search(
    run: PositionRun, names: Sequence[str], objective: Objective, n_steps: int, per_layer: int, form: Form, joint: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Index, value and gain, each `(sequence, layer, rank)`."""
    values = run.values(names)
    found: dict[str, torch.Tensor] = {}
    gains = []
    for name in names:
        if not 1 <= per_layer <= values[name].shape[1]:
            raise InputError("per_layer", per_layer, f"{name} has {values[name].shape[1]} units")
        before: dict[str, torch.Tensor] = found if joint else {}
        slopes = run.slopes(values, {**before, name: None}, objective, n_steps)
        on_path = _gathered(values, before)
        # Every candidate (sequence, unit) with the path before it, along the last axis.
        pairs = [(values[name], slopes[name])] + [
            (
                on_path[layer][:, rank, None].expand_as(values[name]),
                slopes[layer][:, rank, None].expand_as(values[name]),
            )
            for layer in before
            for rank in range(per_layer)
        ]
        value, slope = (torch.stack([pair[k] for pair in pairs], -1).double() for k in range(2))
        gain, chosen = joint_score(value, slope, form=form).topk(per_layer, dim=1)
        found[name] = chosen
        gains.append(gain)
    index = torch.stack(list(found.values()), 1).cpu().numpy()
    on_path = _gathered(values, found)
    return index, torch.stack(list(on_path.values()), 1).double().cpu().numpy(), torch.stack(gains, 1).cpu().numpy()


def _gathered(values: Mapping[str, torch.Tensor], units: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The values of the units on the path."""
    return {name: values[name].gather(1, chosen) for name, chosen in units.items()}


def _as_path(index: np.ndarray, names: Sequence[str]) -> xr.Dataset:
    coords = {"sequence_id": ("sequence", np.arange(len(index))), "site": ("layer", np.array(names, dtype=object))}
    return xr.Dataset({"index": (_PATH, index)}, coords)


def _example(rng: np.random.Generator) -> tuple[tuple[Any, ...], dict[str, Any]]:
    from multiunit.networks.multilayer_perceptron import MultilayerPerceptron
    from multiunit.systems.gradients import TargetProbability

    system = TorchSystem(MultilayerPerceptron([4, 6, 6, 3], random_state=rng))
    stimuli = pd.DataFrame({"stimulus": list(rng.normal(size=(5, 4)).astype("float32")), "answer": [0, 1, 2, 0, 1]})
    return (system, stimuli), {"objective": TargetProbability(), "sites": "activation_*", "n_steps": 4}
