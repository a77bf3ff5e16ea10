"""What a network's answer is worth, sequence by sequence, while edits act."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from multiunit.core.edit import Edit
from multiunit.core.errors import InputError
from multiunit.core.system import as_stimuli
from multiunit.systems.evaluated import without_gradients
from multiunit.systems.gradients import Objective, OneBatch, _at_last, batches
from multiunit.systems.torch_system import TorchSystem


def objective_values(
    system: TorchSystem, stimuli: Any, *, objective: Objective, edits: Sequence[Edit] = ()
) -> np.ndarray:
    """The objective of every sequence under edits, without gradients.

    Args:
        system: of torch.
        stimuli: as `stream` takes them; label columns are handed to the objective.
        objective: `objective(output, sequences, last) -> (sequence,)`, as `differentiate` takes it.
        edits: act in their order.

    Returns:
        float64 `(sequence,)`, in the order of the stimuli.

    Raises:
        InputError: for an objective of another shape, or one that is not finite.

    >>> from torch import nn
    >>> from multiunit.core.edit import Ablate
    >>> net = nn.Sequential(nn.Identity(), nn.Linear(2, 1, bias=False))
    >>> _ = nn.init.ones_(net[1].weight)
    >>> first = lambda output, *_: output[:, 0]
    >>> objective_values(TorchSystem(net), np.ones((2, 2)), objective=first).tolist()
    [2.0, 2.0]
    >>> objective_values(TorchSystem(net), np.ones((2, 2)), objective=first, edits=[Ablate(["1/0"])]).tolist()
    [0.0, 0.0]
    """
    parts: dict[int, float] = {}
    for batch, output, last in outputs(system, stimuli, edits=edits):
        value = objective(output, batch.table(), last)
        if not isinstance(value, torch.Tensor) or value.shape != (len(batch.rows),):
            got = tuple(value.shape) if isinstance(value, torch.Tensor) else type(value).__name__
            raise InputError("objective", got, f"gives one number a sequence, a tensor ({len(batch.rows)},)")
        if not torch.isfinite(value).all():
            raise InputError("objective", objective, "is not finite on every sequence")
        parts.update(zip(batch.rows.tolist(), value.double().tolist(), strict=True))
    return np.array([parts[row] for row in sorted(parts)])


def outputs(
    system: TorchSystem, stimuli: Any, *, edits: Sequence[Edit] = ()
) -> Iterator[tuple[OneBatch, Any, torch.Tensor]]:
    """Run the whole module batch by batch: the batch, the logits (or what else it returns), and `last (sequence,)`."""
    frame = as_stimuli(stimuli)
    system._probe(frame)
    for batch in batches(system, frame, by_length=True):
        with system._showing(batch.shown()), system.edited(edits), without_gradients(system.module):
            output = system.module(**batch.inputs) if isinstance(batch.inputs, dict) else system.module(batch.inputs)
        logits = getattr(output, "logits", None)
        yield batch, output if logits is None else logits, torch.as_tensor(batch.last(), device=system._device())


class Divergence:
    """How far the output has moved from a reference: KL(p_reference || p) in nats at the last position.

    Args:
        reference: log probabilities `(sequence, token)`, row = `sequence_id`; `Divergence.of` takes them from a system.

    Source: the metric of ACDC, Conmy et al. 2023, arXiv:2304.14997.

    >>> certain = Divergence(torch.log(torch.tensor([[1.0, 1e-30]])))
    >>> certain(torch.zeros(1, 2), pd.DataFrame({"sequence_id": [0]}), torch.tensor([0])).exp().round().tolist()
    [2.0]
    """

    def __init__(self, reference: torch.Tensor) -> None:
        self.reference = reference

    @classmethod
    def of(cls, system: TorchSystem, stimuli: Any, *, edits: Sequence[Edit] = ()) -> Divergence:
        """From what the system says to these stimuli."""
        rows: dict[int, torch.Tensor] = {}
        for batch, output, last in outputs(system, stimuli, edits=edits):
            rows.update(zip(batch.rows.tolist(), torch.log_softmax(_at_last(output, last), dim=-1), strict=True))
        return cls(torch.stack([rows[row] for row in sorted(rows)]))

    def __call__(self, output: Any, sequences: pd.DataFrame, last: torch.Tensor) -> torch.Tensor:
        now = torch.log_softmax(_at_last(output, last), dim=-1)
        rows = torch.as_tensor(sequences["sequence_id"].to_numpy(np.int64, copy=True))
        known = self.reference[rows.to(self.reference.device)].to(now)
        return (known.exp() * (known - now)).sum(-1)
