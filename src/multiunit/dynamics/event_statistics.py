"""Statistics of spikes as events: rates, intervals, their regularity, bursts."""

from __future__ import annotations

import numpy as np
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.recording import Recording


def event_statistics(
    recording: Recording, *, start: float = 0.0, stop: float, burst_interval: float = 0.01
) -> xr.Dataset:
    """Rates, intervals and bursts of each unit.

    cv is the deviation of the intervals over their mean (1 for a Poisson process, 0 for a clock); local_variation is 3
    mean((I_k - I_{k+1})^2 / (I_k + I_{k+1})^2), which slow changes of the rate leave alone. A burst is a run of three
    spikes or more with intervals of at most `burst_interval`.

    Args:
        recording: spikes.
        start, stop: what is looked at, s.
        burst_interval: s.

    Returns:
        xr.Dataset over `unit` with its labels: spike_count, rate (1/s), interval_mean (s), cv and
        local_variation (NaN below two intervals), n_bursts, burst_fraction (of spikes, NaN without spikes).

    Raises:
        InputError: if there are no spikes in the recording's making, or stop is not after start.

    Source: Shinomoto, Shima & Tanji, Neural Computation 15 (2003), for the local variation.

    >>> clock = Recording.from_spikes([np.arange(1, 11) * 0.1])
    >>> found = event_statistics(clock, stop=1.0)
    >>> [round(float(found[name][0]), 6) for name in ("rate", "interval_mean", "cv")]
    [10.0, 0.1, 0.0]
    """
    if not stop > start:
        raise InputError("stop", stop, f"must lie after start={start}")
    trains = [t[(t >= start) & (t <= stop)] for t in recording.spike_trains]
    names = ("spike_count", "rate", "interval_mean", "cv", "local_variation", "n_bursts", "burst_fraction")
    table = np.array([_of_train(t, stop - start, burst_interval) for t in trains]).reshape(len(trains), len(names))
    coords = {n: c for n, c in recording.dataset.coords.items() if c.dims == ("unit",)}
    return xr.Dataset({name: ("unit", table[:, k]) for k, name in enumerate(names)}, coords)


def _of_train(times: np.ndarray, duration: float, burst_interval: float) -> tuple[float, ...]:
    intervals = np.diff(times)
    mean = float(intervals.mean()) if len(intervals) else np.nan
    cv = local = np.nan
    if len(intervals) > 1:
        cv = float(intervals.std() / mean)
        first, second = intervals[:-1], intervals[1:]
        local = float(3.0 * np.mean(((first - second) / (first + second)) ** 2))
    # The tolerance keeps intervals of a whole number of steps from falling out by rounding.
    edges = np.diff(np.concatenate([[0], (intervals <= burst_interval * (1 + 1e-9)).astype(int), [0]]))
    lengths = np.flatnonzero(edges == -1) - np.flatnonzero(edges == 1) + 1
    bursts = lengths[lengths >= 3]
    fraction = float(bursts.sum() / len(times)) if len(times) else np.nan
    return len(times), len(times) / duration, mean, cv, local, len(bursts), fraction
