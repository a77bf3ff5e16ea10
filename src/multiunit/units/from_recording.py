"""What an atlas asks of a recording: activity for each presentation."""

from __future__ import annotations

from multiunit.core.errors import InputError
from multiunit.core.recording import Recording

BIN_WIDTH = 0.1


def flattened(recording: Recording, *, by: str | None = None) -> Recording:
    """The recording as activity `(presentation, unit)`.

    Activity over time is averaged within its presentation. Spikes are counted within presentations that have onset and
    duration - if there is no behaviour, or `by` is one of their labels - and in bins of 0.1 s otherwise.
    """
    dataset = recording.dataset
    if "activity" in dataset:
        if dataset["activity"].ndim == 2:
            return recording
        mean = dataset["activity"].mean("time")
        return Recording(dataset.drop_dims("time").assign(activity=mean))
    if "spike_time" not in dataset:
        raise InputError("source", recording, "has neither activity nor spikes")
    table = recording.presentations
    trials = recording.n_presentations > 1 and {"onset", "duration"} <= set(table)
    if trials and (not recording.behaviour or (by is not None and by in table)):
        return recording.count()
    return recording.bin(BIN_WIDTH)
