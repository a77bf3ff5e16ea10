"""To and from pynapple: its groups of spike trains and its frames of traces."""

from __future__ import annotations

from typing import Any

import numpy as np

from multiunit.core.errors import InputError, MissingDependencyError
from multiunit.core.recording import Recording


def from_pynapple(group: Any, *, traces: Any = None) -> Recording:
    """A `TsGroup` as spikes - with a `Tsd` or `TsdFrame` of behaviour, if given - or a `TsdFrame` as activity.

    Raises:
        InputError: for anything else.
    """
    kind = type(group).__name__
    if kind == "TsGroup":
        meta = group.metadata if hasattr(group, "metadata") else {}
        units = {str(c): np.asarray(meta[c]) for c in meta if str(c) != "rate"}
        named = {"name": np.array([str(i) for i in group.index], dtype=object)} | units
        trains = [group[i].times() for i in group.index]
        if traces is None:
            return Recording.from_spikes(trains, units=named)
        values = np.asarray(traces.values).reshape(len(traces), -1)
        columns = [str(c) for c in getattr(traces, "columns", ["trace"])]
        behaviour = dict(zip(columns, values.T, strict=True))
        return Recording.from_spikes(trains, units=named, behaviour=behaviour, time=traces.times())
    if kind == "TsdFrame":
        named = {"name": np.array([str(c) for c in group.columns], dtype=object)}
        return Recording.from_activity(
            np.asarray(group.values), units=named, presentations={"onset": group.times()}, kind="trace"
        )
    raise InputError("group", kind, "needs a pynapple TsGroup or TsdFrame")


def to_pynapple(recording: Recording) -> Any:
    """Spikes as a `TsGroup` with the units' columns as metadata; else activity as a `TsdFrame` over `onset` (s).

    Raises:
        InputError: for activity without onsets.
    """
    try:
        import pynapple
    except ImportError as error:
        raise MissingDependencyError("pynapple", "io") from error
    if "spike_time" in recording.dataset:
        spikes = recording.dataset["spike_time"].values
        # Without a common support each train would last from its own first spike to its last.
        first, last = (float(spikes.min()), float(spikes.max())) if len(spikes) else (0.0, 0.0)
        support = pynapple.IntervalSet(first, max(last, first + 1.0))
        trains = {i: pynapple.Ts(t, time_support=support) for i, t in enumerate(recording.spike_trains)}
        table = recording.units.reset_index()
        metadata = {str(c): table[c].to_numpy() for c in table}
        return pynapple.TsGroup(trains, time_support=support, metadata=metadata)
    if "onset" not in recording.presentations:
        raise InputError("recording", recording, "needs a presentation column onset (s)")
    time = recording.presentations["onset"].to_numpy(float)
    return pynapple.TsdFrame(t=time, d=recording.activity, columns=list(recording.units.index))
