"""The spike-triggered average: what the stimulus was like around a spike."""

from __future__ import annotations

import numpy as np
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.core.recording import Recording

_BLOCK = 4_000_000


def triggered_average(
    spike_times: np.ndarray, *, stimulus: np.ndarray, time: np.ndarray, lags: np.ndarray
) -> np.ndarray:
    """Mean of the stimulus at each lag from the spikes: sta(lag) = mean_k s(t_k + lag), linear between samples.

    Args:
        spike_times: seconds.
        stimulus: `(time,)`.
        time: seconds of the samples, rising.
        lags: seconds; negative is before the spike.

    Returns:
        `(lag,)`; spikes whose window leaves the stimulus are left out; NaN if none is left.

    >>> time = np.arange(10.0)
    >>> triggered_average(np.array([3.0, 6.0]), stimulus=time, time=time, lags=np.array([-1.0, 0.0])).tolist()
    [3.5, 4.5]
    """
    inside = (spike_times + lags[0] >= time[0]) & (spike_times + lags[-1] <= time[-1])
    spikes = spike_times[inside]
    if not len(spikes):
        return np.full(len(lags), np.nan)
    total = np.zeros(len(lags))
    step = max(1, _BLOCK // len(lags))
    for start in range(0, len(spikes), step):
        total += np.interp(spikes[start : start + step, None] + lags, time, stimulus).sum(axis=0)
    return total / len(spikes)


@method(kind="measure", source="deboer1968", of="light", score="average")
def spike_triggered_average(
    recording: Recording, variable: str, *, before: float = 0.2, after: float = 0.0, n_lags: int = 51
) -> xr.Dataset:
    """The average of a trace around the spikes of every unit, beside the trace's own mean.

    Args:
        recording: spikes, with the trace among its behaviour.
        variable: name of the trace.
        before: seconds before the spike.
        after: seconds after it.
        n_lags: how many lags between.

    Returns:
        `average(unit, lag)` in the trace's unit, coordinate `lag` (s); `n_spikes(unit)`; attribute `mean` of the trace.

    Raises:
        InputError: for no such trace, or an empty window.

    Source: de Boer & Kuyper 1968.

    >>> time = np.arange(0, 10, 0.01)
    >>> pulse = ((time * 100).round() % 100 == 0).astype(float)
    >>> r = Recording.from_spikes([np.arange(1.05, 9, 1.0)], behaviour={"light": pulse}, time=time)
    >>> sta = spike_triggered_average(r, "light", before=0.1, n_lags=11)["average"]
    >>> round(float(sta.lag[int(sta.values[0].argmax())]), 3)
    -0.05
    """
    traces = recording.behaviour
    if not recording.n_units:
        raise InputError("recording", recording, "has no units")
    if variable not in traces:
        raise InputError("variable", variable, f"is no trace over time; there are: {', '.join(traces) or 'none'}")
    if before + after <= 0 or n_lags < 2:
        raise InputError("before", before, "needs a window before or after the spike, and two lags or more")
    lags = np.linspace(-before, after, n_lags)
    time, stimulus = recording.dataset["time"].values, np.asarray(traces[variable], dtype=float)
    average = [triggered_average(t, stimulus=stimulus, time=time, lags=lags) for t in recording.spike_trains]
    coords = {name: recording.dataset.coords[name] for name in ("unit_id", "site")}
    return xr.Dataset(
        {
            "average": (("unit", "lag"), np.stack(average)),
            "n_spikes": ("unit", recording.dataset["spike_count"].values),
        },
        coords={"lag": lags, **coords},
        attrs={"mean": float(stimulus.mean())},
    )
