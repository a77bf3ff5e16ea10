"""`Statistic`: a one-pass accumulator over activity that merges exactly."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NamedTuple, Self

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import xarray as xr


class Batch(NamedTuple):
    """One piece of a stream: activity `(presentation, unit)` of every site, and one row a presentation.

    The table has `sequence_id` and `position` (together unique, and the same however the stream is cut into
    batches or shards), `stimulus_id`, for text `token_id`, and every label of the stimuli. A sequence is never
    split over batches.
    """

    activity: dict[str, Any]
    presentations: pd.DataFrame


class Statistic(ABC):
    """What is accumulated for the units of one site in one pass; its memory does not grow with the data.

    A subclass keeps its parameters as attributes from `__init__` and its sums in what `state_dict` returns. It
    accepts `activity` as a NumPy array or a torch tensor on any device, `(presentation, unit)`. Merging the
    statistics of the parts gives the statistic of the whole, in any order.
    """

    def fresh(self) -> Self:
        """A copy with the same parameters that has seen nothing: one is made for every site."""
        new = copy.deepcopy(self)
        new.load_state_dict({})
        return new

    @abstractmethod
    def update(self, activity: Any, presentations: pd.DataFrame) -> None:
        """Take in one batch."""

    @abstractmethod
    def merge(self, other: Self) -> None:
        """Take in all that another statistic of the same parameters has seen."""

    @abstractmethod
    def result(self) -> xr.Dataset:
        """The statistic itself, over `unit` (and its own further dimensions)."""

    @abstractmethod
    def state_dict(self) -> dict[str, np.ndarray]:
        """The sums as arrays; empty if nothing was seen."""

    @abstractmethod
    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Continue from these sums; an empty dictionary starts anew."""
