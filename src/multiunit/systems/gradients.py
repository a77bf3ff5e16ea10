"""What a network's answer owes to the activity of its units: gradients of an objective at any site."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import nn

from multiunit.core.edit import Edit, Shown
from multiunit.core.errors import InputError, SiteError
from multiunit.core.system import as_stimuli, match_sites
from multiunit.systems.batches import Sequences, labels
from multiunit.systems.capture import _hook
from multiunit.systems.evaluated import evaluated
from multiunit.systems.pooling import over_space
from multiunit.systems.sites import Site
from multiunit.systems.torch_system import TorchSystem

Objective = Callable[[Any, pd.DataFrame, torch.Tensor], torch.Tensor]


class Differentiated(NamedTuple):
    """One batch.

    Args:
        activity: site -> `(presentation, unit)`, as `stream` gives it, after the edits.
        gradient: site -> `(presentation, unit)`, the derivative of the objective by that activity.
        value: `(sequence,)`, the objective.
        presentations: one row a presentation: `sequence_id`, `position`, `token_id` of tokens, and the labels.
    """

    activity: dict[str, torch.Tensor]
    gradient: dict[str, torch.Tensor]
    value: torch.Tensor
    presentations: pd.DataFrame


@dataclass(frozen=True)
class TargetProbability:
    """The probability of each sequence's own target at its last position: p = softmax(output)[target], or log p.

    Args:
        column: the label column that holds the number of the target token or class.
        log: give the logarithm instead.

    Raises:
        InputError: for a column that is absent or holds no such numbers, or an output without logits.

    >>> rows, last = pd.DataFrame({"answer": [1]}), torch.tensor([0])
    >>> TargetProbability()(torch.zeros(1, 3, 4), rows, last).tolist()
    [0.25]
    """

    column: str = "answer"
    log: bool = False

    def __call__(self, output: Any, sequences: pd.DataFrame, last: torch.Tensor) -> torch.Tensor:
        logits = _at_last(output, last)
        target = _targets(sequences, self.column, logits)
        chosen = torch.log_softmax(logits, dim=-1).gather(1, target[:, None])[:, 0]
        return chosen if self.log else chosen.exp()


@dataclass(frozen=True)
class LogitDifference:
    """How far the right token or class is ahead of a wrong one at the last position: logit[correct] - logit[wrong].

    Args:
        correct: the label column that holds the number of the right token or class.
        wrong: that of the wrong one.

    Raises:
        InputError: as `TargetProbability`.

    >>> rows, last = pd.DataFrame({"answer": [1], "foil": [0]}), torch.tensor([0])
    >>> LogitDifference()(torch.tensor([[1.0, 4.0]]), rows, last).tolist()
    [3.0]
    """

    correct: str = "answer"
    wrong: str = "foil"

    def __call__(self, output: Any, sequences: pd.DataFrame, last: torch.Tensor) -> torch.Tensor:
        logits = _at_last(output, last)
        right, wrong = (_targets(sequences, column, logits)[:, None] for column in (self.correct, self.wrong))
        return (logits.gather(1, right) - logits.gather(1, wrong))[:, 0]


def differentiate(
    system: TorchSystem,
    stimuli: Any,
    sites: str | Sequence[str] = "*",
    *,
    objective: Objective,
    edits: Sequence[Edit] = (),
) -> Iterator[Differentiated]:
    """Yield activity and gradient batch by batch, in the order of `stream`; one pass forwards, one back.

    g_ju = d objective(sequence) / d a_ju: the total derivative, through everything that comes after the site, other
    sites included. Where positions are pooled (images; `pool` of the system), it is the derivative by the pooled value:
    `mean` sums the gradient over positions - all are moved alike - `max` takes it where the maximum is, `last` at the
    last. The parameters take no part and get no gradient.

    Args:
        system: of torch.
        stimuli: as `stream` takes them; label columns are handed to the objective.
        sites: globs.
        objective: `objective(output, sequences, last) -> (sequence,)`, differentiable, each value from its own
            sequence alone. `output`: logits `(sequence, position, token)` or `(sequence, class)`, or what else the
            module returns; `sequences`: one row a sequence, with `sequence_id` and the labels; `last`: `(sequence,)`,
            position of its last token, neither padding nor special; 0 where stimuli are no tokens.
        edits: act first; the gradient is that by the edited activity.

    Raises:
        InputError: for an objective of another shape, or one that no site bears on.
        SiteError: for a site that does not exist or does not run.

    >>> net = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 1, bias=False))
    >>> _ = net[1].weight.data.copy_(torch.tensor([[3.0, -1.0]]))
    >>> batch = next(differentiate(TorchSystem(net), np.ones((1, 2)), "0", objective=lambda output, *_: output[:, 0]))
    >>> batch.gradient["0"].tolist(), net[0].weight.grad
    ([[3.0, -1.0]], None)
    """
    frame = as_stimuli(stimuli)
    system._probe(frame)
    wanted = [system._sites[name] for name in match_sites(list(system._sites), sites)]
    for batch in batches(system, frame, by_length=True):
        found = backward(system, batch, wanted, objective=objective, edits=edits)
        table, flat = batch.flat(system, found.activity, wanted)
        slope = {}
        for site in wanted:
            gradient, ends = batch.ragged(found.gradient[site.name], site)
            if batch.sequences is None or system.pool is not None:
                activity, _ = batch.ragged(found.activity[site.name], site)
                pieces = zip(_split(activity, ends), _split(gradient, ends), strict=True)
                gradient = torch.stack([_along(system.pool or "mean", *piece) for piece in pieces])
            slope[site.name] = gradient
        yield Differentiated(flat, slope, found.value, table)


# --- one batch, for this file and for `attribute` ---------------------------------------------------------------


class Raw(NamedTuple):
    """Activity and gradient as the module has them, site -> tensor of any shape, and the objective `(sequence,)`."""

    activity: dict[str, torch.Tensor]
    gradient: dict[str, torch.Tensor]
    value: torch.Tensor


class OneBatch(NamedTuple):
    """What the module takes in at once; `sequences` is None where stimuli are no tokens."""

    frame: pd.DataFrame
    inputs: Any
    rows: np.ndarray
    sequences: Sequences | None

    def shown(self) -> Shown:
        lengths = [1] * len(self.rows) if self.sequences is None else [len(self.sequences.ids[r]) for r in self.rows]
        return Shown(self.rows, np.array(lengths))

    def last(self) -> np.ndarray:
        """`(sequence,)`: the position of the last token that is neither padding nor special."""
        if self.sequences is None:
            return np.zeros(len(self.rows), dtype=np.int64)
        return np.array([np.flatnonzero(self.sequences.counted[row])[-1] for row in self.rows])

    def table(self) -> pd.DataFrame:
        """One row a sequence: `sequence_id` and the labels."""
        stimulus = self.rows if self.sequences is None else self.sequences.stimulus[self.rows]
        return pd.DataFrame({"sequence_id": self.rows} | labels(self.frame, stimulus))

    def flat(
        self, system: TorchSystem, tensors: dict[str, torch.Tensor], wanted: Sequence[Site]
    ) -> tuple[pd.DataFrame, dict[str, torch.Tensor]]:
        """The presentations and their activity, as `stream` gives them."""
        if self.sequences is not None:
            return system._tokens_apart(tensors, self.sequences, self.frame, self.rows)
        table = self.table()
        table.insert(1, "position", np.zeros(len(table), dtype=np.int64))
        return table, {site.name: over_space(tensors[site.name], site, system.pool or "mean") for site in wanted}

    def ragged(self, tensor: torch.Tensor, site: Site) -> tuple[torch.Tensor, np.ndarray]:
        """`(position, unit)`, sequence after sequence and without what is not counted, and where each one ends."""
        if self.sequences is None:
            flat = tensor.movedim(site.channel_axis, -1).flatten(1, -2) if tensor.ndim > 2 else tensor[:, None]
            return flat.flatten(0, 1), np.arange(1, len(flat) + 1) * flat.shape[1]
        counted = [np.flatnonzero(self.sequences.counted[row]) for row in self.rows]
        where = np.concatenate([row * tensor.shape[1] + kept for row, kept in enumerate(counted)])
        flat = tensor.reshape(tensor.shape[0] * tensor.shape[1], -1)
        return flat.index_select(0, torch.as_tensor(where, device=flat.device)), np.cumsum([len(k) for k in counted])


def batches(system: TorchSystem, frame: pd.DataFrame, *, by_length: bool) -> Iterator[OneBatch]:
    """The batches of `stream`, made so that they can be differentiated wherever the loop stands."""
    source = system._batches(frame, system._is_text(frame), 0, by_length)
    while True:
        with torch.inference_mode(False):
            found = next(source, None)
        if found is None:
            return
        yield OneBatch(frame, *found)


def backward(
    system: TorchSystem,
    batch: OneBatch,
    wanted: Sequence[Site],
    *,
    objective: Objective,
    edits: Sequence[Edit] = (),
) -> Raw:
    """Run one batch and differentiate."""
    module = system.module
    with ExitStack() as stack:
        # Grad mode is entered first: the caller may stand in `no_grad` or `inference_mode`.
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        stack.enter_context(_recurrent_backward(module))
        stack.enter_context(evaluated(module))
        stack.enter_context(_frozen(module))
        stack.enter_context(system._showing(batch.shown()))
        stack.enter_context(system.edited(edits))
        tap = _Tap(wanted, copies=system._copies)
        for path, site in {site.path: site for site in wanted}.items():
            stack.callback(_hook(module, site, partial(tap.see, path)).remove)
        output = module(**batch.inputs) if isinstance(batch.inputs, dict) else module(batch.inputs)
        missing = [site.name for site in wanted if site.name not in tap.nodes]
        if missing:
            raise SiteError("sites", missing[0], "did not run on these stimuli")
        logits = getattr(output, "logits", None)
        output = output if logits is None else logits
        value = objective(output, batch.table(), torch.as_tensor(batch.last(), device=system._device()))
        if not isinstance(value, torch.Tensor) or value.shape != (len(batch.rows),):
            got = tuple(value.shape) if isinstance(value, torch.Tensor) else type(value).__name__
            raise InputError("objective", got, f"gives one number a sequence, a tensor ({len(batch.rows)},)")
        if not value.requires_grad:
            raise InputError("objective", objective, "does not depend on the activity at any of the sites")
        nodes = [tap.nodes[site.name] for site in wanted]
        slopes = torch.autograd.grad(value.sum(), nodes, allow_unused=True)
    activity = {site.name: node.detach() for site, node in zip(wanted, nodes, strict=True)}
    gradient = {
        site.name: torch.zeros_like(node) if slope is None else slope.detach()
        for site, node, slope in zip(wanted, nodes, slopes, strict=True)
    }
    return Raw(activity, gradient, value.detach())


class _Tap:
    """Keeps the activity of each site as a node of its own in the graph, through which all that follows is reached."""

    def __init__(self, wanted: Sequence[Site], *, copies: set[str]) -> None:
        self.nodes: dict[str, torch.Tensor] = {}
        self._names = {(site.path, site.call): site.name for site in wanted}
        self._copies = copies
        self._calls: dict[str, int] = {}

    def see(self, path: str, tensor: torch.Tensor) -> torch.Tensor | None:
        call = self._calls.get(path, 0)
        self._calls[path] = call + 1
        name = self._names.get((path, call))
        if name is None:
            return None
        # A view: what else uses the same tensor - the input of a second module - is not this site. Where nothing before
        # the site is differentiated, the graph begins here.
        node = tensor.view_as(tensor) if tensor.requires_grad else tensor.detach().requires_grad_()
        self.nodes[name] = node
        # What is written over later in the pass is handed on as a copy, so that the node stays what it is.
        return node.clone() if name in self._copies else node


@contextmanager
def _frozen(module: nn.Module) -> Iterator[None]:
    """Within the block parameters take no gradient."""
    live = [parameter for parameter in module.parameters() if parameter.requires_grad]
    for parameter in live:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in live:
            parameter.requires_grad_(True)


def _recurrent_backward(module: nn.Module) -> AbstractContextManager[Any]:
    """cuDNN differentiates recurrent layers in training mode only; torch's own kernels do it in `eval` mode."""
    if any(isinstance(part, nn.RNNBase) for part in module.modules()):
        return torch.backends.cudnn.flags(enabled=False)
    return nullcontext()


def _split(flat: torch.Tensor, ends: np.ndarray) -> tuple[torch.Tensor, ...]:
    return torch.tensor_split(flat, torch.as_tensor(ends[:-1]))


def _along(pool: str, activity: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
    """`(position, unit)` of one sequence to `(unit,)`: the derivative by the pooled activity."""
    if pool == "mean":
        return gradient.sum(0)
    return gradient[-1] if pool == "last" else gradient.gather(0, activity.argmax(0, keepdim=True))[0]


def _at_last(output: Any, last: torch.Tensor) -> torch.Tensor:
    if not isinstance(output, torch.Tensor) or output.ndim not in (2, 3):
        got = tuple(output.shape) if isinstance(output, torch.Tensor) else type(output).__name__
        raise InputError("output", got, "needs logits (sequence, position, token) or (sequence, class)")
    logits = output if output.ndim == 2 else output[torch.arange(len(output), device=output.device), last]
    return logits if logits.dtype == torch.float64 else logits.float()


def _targets(sequences: pd.DataFrame, column: str, logits: torch.Tensor) -> torch.Tensor:
    if column not in sequences:
        raise InputError("column", column, f"is no label of the stimuli; there are: {', '.join(map(str, sequences))}")
    target = sequences[column].to_numpy()
    if target.dtype == object:
        target = np.array(target.tolist())
    if target.dtype.kind not in "iu" or target.min() < 0 or target.max() >= logits.shape[-1]:
        mend = f"needs numbers of tokens or classes, whole and below {logits.shape[-1]}"
        raise InputError(column, target[:5].tolist(), mend)
    return torch.as_tensor(target.astype(np.int64), device=logits.device)
