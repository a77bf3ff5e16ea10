"""How two runs differ at every site, and the gradient along the way from one to the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from multiunit.core.edit import Edit
from multiunit.core.errors import InputError
from multiunit.core.patch import Patch
from multiunit.core.recording import Recording
from multiunit.interventions.prompt_pairs import pieces
from multiunit.systems.gradients import Objective, differentiate
from multiunit.systems.torch_system import TorchSystem


class Between(NamedTuple):
    """Some of the pairs.

    Args:
        presentations: one row a presentation: `sequence_id`, the number of the pair, `position` and the labels.
        difference: site -> `(presentation, unit)`, activity of the source minus that of the base.
        gradient: site -> `(presentation, unit)`, dm/da, the mean over the steps.
    """

    presentations: pd.DataFrame
    difference: dict[str, torch.Tensor]
    gradient: dict[str, torch.Tensor]


def gradients_between(
    system: TorchSystem,
    base: pd.DataFrame,
    *,
    source: pd.DataFrame,
    sites: Sequence[str],
    objective: Objective,
    n_steps: int = 1,
    embedding: str | None = None,
) -> Iterator[Between]:
    """Run pairs from the base towards the source, and yield difference and mean gradient, some pairs at a time.

    gradient = 1/n sum_{k=0}^{n-1} dm/da at token embeddings base + k/n (source - base): one step is the gradient in the
    base run, many are integrated gradients over the inputs.

    Args:
        system: of torch.
        base, source: stimuli, row by row of as many tokens, with the labels of the objective.
        sites: where.
        objective: m, differentiable, `objective(output, sequences, last) -> (sequence,)`.
        n_steps: n.
        embedding: the site of the token embeddings (`with_inner_sites`), needed for more than one step.

    Raises:
        InputError: for no steps, or several without an embedding.

    >>> from multiunit.interventions.prompt_pairs import split_pairs
    >>> from multiunit.networks.induction_circuit import induction_circuit, induction_pairs
    >>> from multiunit.systems.gradients import LogitDifference
    >>> system, site = TorchSystem(induction_circuit(gains=(3.0, 1.0), direct=2.0)), "layers.1.attention.output"
    >>> clean, corrupted = split_pairs(system, induction_pairs(4))
    >>> parts = gradients_between(system, clean, source=corrupted, sites=[site], objective=LogitDifference())
    >>> round(sum(float((p.difference[site] * p.gradient[site]).sum()) for p in parts) / 4, 4)  # to first order
    -8.0
    """
    if n_steps < 1 or (n_steps > 1 and embedding is None):
        raise InputError("n_steps", n_steps, "must be at least 1, and 1 where no embedding is known")
    for rows, here, there in pieces(base, source):
        differences: list[dict[str, torch.Tensor]] = []
        gradients: list[dict[str, torch.Tensor]] = []
        tables: list[pd.DataFrame] = []
        for k, edits in enumerate(_steps(system, here, there, embedding, n_steps)):
            passes = differentiate(system, here, sites, objective=objective, edits=edits)
            if k:
                for total, batch in zip(gradients, passes, strict=True):
                    for site in sites:
                        total[site] = total[site] + batch.gradient[site]
                continue
            for batch, other in zip(passes, system.stream(there, sites), strict=True):
                differences.append({site: other.activity[site] - batch.activity[site] for site in sites})
                gradients.append(dict(batch.gradient))
                table = batch.presentations
                tables.append(table.assign(sequence_id=table["sequence_id"] + rows.start))
        for table, difference, total in zip(tables, differences, gradients, strict=True):
            yield Between(table, difference, {site: slope / n_steps for site, slope in total.items()})


def _steps(
    system: TorchSystem, base: pd.DataFrame, source: pd.DataFrame, embedding: str | None, n_steps: int
) -> Iterator[list[Edit]]:
    """The edits of each step: token embeddings on the straight way from the base to the source."""
    yield []
    if embedding is None or n_steps == 1:
        return
    here, there = (system.record(frame, [embedding]) for frame in (base, source))
    units = here.units.index.tolist()
    table = here.units[["site"]].reset_index(drop=True)
    rows = here.presentations[["sequence_id", "position"]].reset_index(drop=True)
    for k in range(1, n_steps):
        between = here.activity + np.float32(k / n_steps) * (there.activity - here.activity)
        yield [Patch(units, Recording.from_activity(between, units=table, presentations=rows))]
