"""Split-half reliability: does a unit respond the same way when the stimuli come again?"""

from __future__ import annotations

import numpy as np
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.core.recording import Recording
from multiunit.inference.unit_reliability import spearman_brown, unit_correlation
from multiunit.units.observed import Measured, labels, over_observed


@method(kind="measure", source="spearman1910", of="stimulus_id", score="half")
def split_half_reliability(
    recording: Recording,
    variable: str = "stimulus_id",
    *,
    n_splits: int = 20,
    random_state: int | np.random.Generator = 0,
) -> xr.Dataset:
    """The correlation over stimuli of the mean responses in two random halves of the repeats.

    r over stimuli, averaged over splits; the reliability of the mean over all repeats is 2 r / (1 + r).

    Args:
        recording: activity `(presentation, unit)`.
        variable: presentation column that names the stimulus; stimuli shown once are left out.
        n_splits: random splits.
        random_state: seed or generator of the splits.

    Returns:
        over `unit`: `half` (r) and `reliability` (Spearman-Brown); 0 for a unit that does not change over stimuli.

    Raises:
        InputError: if fewer than three stimuli were shown twice or more.

    >>> stimulus = np.tile(np.arange(10), 4)
    >>> noise = np.random.default_rng(0).normal(size=40)
    >>> r = Recording.from_activity(np.c_[stimulus, noise], presentations={"stimulus_id": stimulus})
    >>> found = split_half_reliability(r)["reliability"].values
    >>> float(found[0].round(6)), bool(found[1] < 0.7)
    (1.0, True)
    """
    named = labels(recording, variable)
    rng = np.random.default_rng(random_state)

    def measure(activity: np.ndarray, rows: np.ndarray) -> Measured:
        _, numbers, counts = np.unique(named[rows], return_inverse=True, return_counts=True)
        repeated = np.flatnonzero(counts > 1)
        if len(repeated) < 3:
            raise InputError("variable", variable, f"{len(repeated)} stimuli were repeated; at least three are needed")
        members = [np.flatnonzero(numbers == stimulus) for stimulus in repeated]
        total = np.zeros(activity.shape[1])
        for _ in range(n_splits):
            halves = np.zeros((2, len(members), activity.shape[1]))
            for place, member in enumerate(members):
                order = rng.permutation(member)
                middle = len(order) // 2
                halves[0, place] = activity[order[:middle]].mean(axis=0)
                halves[1, place] = activity[order[middle:]].mean(axis=0)
            total += unit_correlation(*halves)
        half = total / n_splits
        return {"half": (("unit",), half), "reliability": (("unit",), spearman_brown(half))}

    return over_observed(recording, measure)
