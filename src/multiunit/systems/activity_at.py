"""The activity at one position of every sequence: read it, put other values there, and differentiate by them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch

from multiunit.core.edit import Shown
from multiunit.core.errors import InputError
from multiunit.core.system import as_stimuli, match_sites
from multiunit.systems.batches import labels
from multiunit.systems.evaluated import evaluated
from multiunit.systems.torch_system import TorchSystem

Objective = Callable[[Any, pd.DataFrame, torch.Tensor], torch.Tensor]


def activity_at(
    system: TorchSystem, stimuli: Any, *, sites: str | Sequence[str] | None = None, position: int = 0
) -> dict[str, np.ndarray]:
    """Site -> `(sequence, unit)`: the activity at one position, such as the class token of a vision transformer.

    Args:
        system: of torch.
        stimuli: as `stream` takes them.
        sites: globs; the MLP neurons unless given.
        position: from the start or, negative, from the last token of a text that is no padding; ignored at sites
            without positions.

    Raises:
        InputError: for sites with other axes than sequence, position and unit, or a position that a sequence lacks.

    >>> class Tokens(torch.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.line = torch.nn.Linear(2, 2)
    ...     def forward(self, x):
    ...         return self.line(x)
    >>> tokens = Tokens()
    >>> _ = tokens.line.weight.data.copy_(torch.eye(2)), tokens.line.bias.data.zero_()
    >>> activity_at(TorchSystem(tokens), np.array([[[1.0, 2.0], [3.0, 4.0]]]), sites="line", position=1)
    {'line': array([[3., 4.]], dtype=float32)}
    """
    names, n = layer_names(system, stimuli, sites), 0
    parts: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for run in position_runs(system, stimuli, position):
        values = run.values(names)
        n += len(run.rows)
        for name in names:
            parts.setdefault(name, []).append((run.rows, values[name].float().cpu().numpy()))
    return {name: in_order(pieces, n) for name, pieces in parts.items()}


class PositionRun(NamedTuple):
    """One batch of sequences, to be run again and again with other values at one position."""

    system: TorchSystem
    inputs: Any
    rows: np.ndarray
    lengths: np.ndarray
    last: np.ndarray
    table: pd.DataFrame
    position: int

    def values(self, names: Sequence[str]) -> dict[str, torch.Tensor]:
        """Site -> `(sequence, unit)` at the position, in a run without edits."""
        held = _Held(dict.fromkeys(names), self)
        with torch.no_grad():
            self._output(held)
        return held.seen

    def slopes(
        self,
        values: Mapping[str, torch.Tensor],
        units: Mapping[str, torch.Tensor | None],
        objective: Objective,
        n_steps: int,
    ) -> dict[str, torch.Tensor]:
        """Site -> the mean over steps of dF/dw `(sequence, unit of the path)`, all of the path scaled together.

        `units` says which units of a site are on the path; None takes the whole layer.
        """
        total: dict[str, torch.Tensor] = {}
        for step in range(n_steps):
            leaves = {}
            with torch.inference_mode(False), torch.enable_grad():
                for name, chosen in units.items():
                    scaled = values[name].clone()
                    if chosen is None:
                        scaled *= step / n_steps
                    else:
                        scaled.scatter_(1, chosen, scaled.gather(1, chosen) * (step / n_steps))
                    leaves[name] = scaled.requires_grad_()
                output = self._output(_Held(leaves, self))
                last = torch.as_tensor(self.last, device=self.system._device())
                value = objective(getattr(output, "logits", output), self.table, last)
                if not isinstance(value, torch.Tensor) or value.shape != (len(self.rows),) or not value.requires_grad:
                    mend = "gives one number a sequence that depends on the activity at the position"
                    raise InputError("objective", objective, mend)
                slopes = torch.autograd.grad(value.sum(), list(leaves.values()), allow_unused=True)
            for (name, chosen), slope in zip(units.items(), slopes, strict=True):
                slope = torch.zeros_like(values[name]) if slope is None else slope
                slope = slope if chosen is None else slope.gather(1, chosen)
                total[name] = slope / n_steps + total.get(name, 0)
        return total

    def _output(self, held: _Held) -> Any:
        with ExitStack() as stack:
            module = stack.enter_context(self.system.edited([held]))
            stack.enter_context(evaluated(module))
            stack.enter_context(self.system._showing(Shown(self.rows, self.lengths)))
            return module(**self.inputs) if isinstance(self.inputs, dict) else module(self.inputs)


class _Held:
    """The edit that puts values `(sequence, unit)` at the position, or keeps what it sees where there are none."""

    def __init__(self, values: Mapping[str, torch.Tensor | None], run: PositionRun) -> None:
        self.values, self.run, self.seen = values, run, dict[str, torch.Tensor]()

    def sites(self) -> list[str]:
        return list(self.values)

    def change(self, site: str, activity: Any, shown: Shown | None = None) -> Any:
        if activity.ndim not in (2, 3):
            raise InputError("sites", (site, tuple(activity.shape)), "needs (sequence, position, unit) or no positions")
        where: Any = slice(None)
        if activity.ndim == 3:
            run, n = self.run, activity.shape[1]
            place = np.where(run.position < 0, run.lengths + run.position, run.position)
            place = np.broadcast_to(place, len(run.rows)).copy()
            if place.min() < 0 or place.max() >= n:
                raise InputError("position", run.position, f"a sequence of {site} has {n} positions only")
            where = (torch.arange(len(place), device=activity.device), torch.as_tensor(place, device=activity.device))
        value = self.values[site]
        if value is None:
            self.seen[site] = activity[where].detach().clone()
            return activity
        out = activity.clone()
        out[where] = value
        return out


def position_runs(system: TorchSystem, stimuli: Any, position: int) -> Iterator[PositionRun]:
    """The batches of `stream`, to be run at a position."""
    frame = as_stimuli(stimuli)
    text = system._is_text(frame)
    if position < 0 and not text:
        raise InputError("position", position, "positions are counted from the end in texts only")
    source = system._batches(frame, text, 0, True)
    while True:
        with torch.inference_mode(False):  # inputs made in inference mode could not be differentiated
            found = next(source, None)
        if found is None:
            return
        inputs, rows, sequences = found
        lengths, last, stimulus = np.ones(len(rows), dtype=np.int64), np.zeros(len(rows), dtype=np.int64), rows
        if sequences is not None:
            lengths = np.array([len(sequences.ids[row]) for row in rows])
            last = np.array([np.flatnonzero(sequences.counted[row])[-1] for row in rows])
            stimulus = sequences.stimulus[rows]
        table = pd.DataFrame({"sequence_id": rows} | labels(frame, stimulus))
        yield PositionRun(system, inputs, rows, lengths, last, table, position)


def layer_names(system: TorchSystem, stimuli: Any, sites: str | Sequence[str] | None) -> list[str]:
    """The sites that the globs name, or all MLP neurons, in the order of the module's parts."""
    table = system.sites(stimuli)
    names = list(table.index[table["kind"] == "mlp-neuron"]) if sites is None else match_sites(list(table.index), sites)
    if not names:
        raise InputError("sites", sites, "the system has no MLP neurons; name the layers of the path")
    return [str(name) for name in names]


def in_order(pieces: Sequence[tuple[np.ndarray, np.ndarray]], n: int) -> np.ndarray:
    """Pieces (rows, values) put together in the order of the rows."""
    out = np.empty((n, *pieces[0][1].shape[1:]), dtype=pieces[0][1].dtype)
    for rows, part in pieces:
        out[rows] = part
    return out
