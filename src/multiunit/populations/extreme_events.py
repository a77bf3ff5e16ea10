"""Extreme events: rare excursions of what units do together, far above all other peaks."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.core.recording import Recording


def peaks(x: np.ndarray) -> np.ndarray:
    """Samples that are higher than the one before and not lower than the next; a plateau counts at its beginning.

    Args:
        x: `(sample,)`.

    Returns:
        Their indices; the first and last sample are none.

    >>> peaks(np.array([0.0, 2.0, 1.0, 3.0, 3.0, 0.0, 4.0])).tolist()
    [1, 3]
    """
    rising, falling = np.diff(x) > 0, np.diff(x) < 0
    # What follows a plateau decides whether it was a peak.
    turns = np.flatnonzero(rising | falling)
    following = turns[1:][falling[turns[1:]]]
    before = turns[:-1][falling[turns[1:]]]
    return before[rising[before] & (following > before)] + 1


def example(rng: np.random.Generator) -> tuple[tuple[np.ndarray], dict[str, float]]:
    """Three units with small ripples and one large event, for the contract checks."""
    x = 0.1 * rng.normal(size=(200, 3))
    x[120] += 5.0
    return (x,), {"n_std": 5.0}


@method(kind="population", source="ansmann2013", example=example)
def extreme_events(activity: Any, *, n_std: float = 6.0, level: float | None = None) -> xr.Dataset:
    """Peaks of the mean activity that lie n_std deviations above the mean of all peaks.

    xbar = mean over units; p its peaks; threshold H = mean(p) + n_std std(p); events are peaks with p > H. Peaks above
    the median of all peaks that do not reach H are protoevents, small excursions that may come before an event.

    Args:
        activity: a recording or array `(sample, unit)`, evenly sampled.
        n_std: deviations. A threshold from the peaks finds no events where large ones are the rule.
        level: a threshold in the unit of the activity, in the place of H.

    Returns:
        xr.Dataset: over `event` `sample` and `height`; `interval(between)` in samples from event to event; and the
        numbers `threshold`, `n_peaks`, `n_events`, `n_protoevents`, `probability` (of a peak to be an event), and
        `largest_deviation` d_max = (max p - mean p) / std p.

    Raises:
        InputError: for no units, values that are not finite, or fewer than two peaks.

    Source: Ansmann, Karnatak, Lehnertz & Feudel 2013, doi:10.1103/PhysRevE.88.052911; the threshold of peaks is usual
    for extreme events (reconstructed from the catalogue of the later paper on their control).

    >>> x = np.tile([0.0, 1.0], 100)
    >>> x[[51, 151]] = 9.0
    >>> found = extreme_events(x[:, None])
    >>> found["sample"].values.tolist(), found["interval"].values.tolist(), int(found["n_peaks"])
    ([51, 151], [100], 99)
    """
    x = activity.activity if isinstance(activity, Recording) else np.asarray(activity, dtype=np.float64)
    if x.ndim != 2 or not x.shape[1]:
        raise InputError("activity", x.shape, "needs (sample, unit) with one unit or more")
    if not np.isfinite(x).all():
        raise InputError("activity", "NaN or infinity", "must be finite")
    mean = x.astype(np.float64).mean(axis=1)
    at = peaks(mean)
    if len(at) < 2:
        raise InputError("activity", f"{len(at)} peaks", "needs two peaks of the mean activity to compare")
    height = mean[at]
    spread = float(height.std())
    threshold = float(height.mean() + n_std * spread) if level is None else float(level)
    events = height > threshold
    small = ~events & (height > np.median(height))
    return xr.Dataset(
        {
            "sample": ("event", at[events]),
            "height": ("event", height[events]),
            "interval": ("between", np.diff(at[events])),
            "threshold": threshold,
            "n_peaks": len(at),
            "n_events": int(events.sum()),
            "n_protoevents": int(small.sum()),
            "probability": float(events.mean()),
            "largest_deviation": float((height.max() - height.mean()) / spread) if spread > 0 else 0.0,
        }
    )
