"""Run one detector on one system: ask it what it needs, take one pass, and call it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import Method

if TYPE_CHECKING:
    from multiunit.core.system import System
    from multiunit.units.question import Question


def detect(
    detector: Callable[..., xr.Dataset],
    system: System,
    *,
    stimuli: Any,
    question: Question,
    sites: str | Sequence[str] = "*",
    random_state: int | np.random.Generator = 0,
    **options: Any,
) -> xr.Dataset:
    """Find units with one detector, in one pass and without storing activity.

    Args:
        detector: such as `dead_neurons`.
        system: with a `stream`.
        stimuli: as `stream` takes them.
        question: what is asked; the detector must be applicable to it.
        sites: globs.
        random_state: seed or generator of the detector's control.
        options: passed on to the detector.

    Returns:
        The detector's answer, with `mean_activity(unit)`.

    Raises:
        InputError: if this is no detector, or the question does not concern it.

    >>> import torch
    >>> from multiunit.systems import TorchSystem
    >>> from multiunit.units import Question, dead_neurons
    >>> net = torch.nn.Sequential(torch.nn.Linear(1, 2), torch.nn.ReLU())
    >>> _ = net[0].weight.data.copy_(torch.tensor([[1.0], [-1.0]])), net[0].bias.data.zero_()
    >>> images = np.ones((5, 1), dtype="float32")
    >>> detect(dead_neurons, TorchSystem(net), stimuli=images, question=Question(), sites="1")["selected"].values
    array([False,  True])
    """
    from multiunit.statistics.accumulate import accumulate
    from multiunit.statistics.moments import Moments

    record = getattr(detector, "method", None)
    if not isinstance(record, Method) or "needs" not in record.properties:
        raise InputError("detector", detector, "is no detector: its @method record says what it needs")
    wanted = record.properties["needs"](question)
    if wanted is None:
        raise InputError("question", question, f"does not concern {record.name}")
    mean = {"mean of every unit": Moments()}
    results = accumulate(lambda first: system.stream(stimuli, sites, first_batch=first), {**wanted, **mean})
    found = detector(**{name: results[name] for name in wanted}, random_state=random_state, **options)
    return found.assign(mean_activity=("unit", results["mean of every unit"]["mean"].values))
