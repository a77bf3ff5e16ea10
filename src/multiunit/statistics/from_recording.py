"""A recording as a stream, so that one-pass statistics apply to it too."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from multiunit.core.errors import InputError
from multiunit.core.recording import Recording
from multiunit.core.statistic import Batch


def recording_batches(recording: Recording, *, batch_size: int = 4096, first_batch: int = 0) -> Iterator[Batch]:
    """Yield the activity `(presentation, unit)` of each site, `batch_size` presentations at a time.

    A lazy recording is read piece by piece. Presentations without `sequence_id` are sequences of one.

    Raises:
        InputError: if there is no activity, or it runs over time within presentations.

    >>> r = Recording.from_activity(np.eye(3), site="layer")
    >>> [batch.activity["layer"].shape for batch in recording_batches(r, batch_size=2)]
    [(2, 3), (1, 3)]
    """
    dataset = recording.dataset
    if "activity" not in dataset or dataset["activity"].ndim != 2:
        raise InputError("recording", recording, "needs activity (presentation, unit): use .bin(width) or .count()")
    table = recording.presentations.reset_index()
    if "sequence_id" not in table or "position" not in table:
        table["sequence_id"], table["position"] = np.arange(len(table)), 0
    sites = dataset["site"].values.astype(str)
    columns = {site: np.flatnonzero(sites == site) for site in dict.fromkeys(sites)}
    for start in range(first_batch * batch_size, len(table), batch_size):
        block = np.asarray(dataset["activity"][start : start + batch_size].values)
        whole = {site: block if len(columns) == 1 else block[:, units] for site, units in columns.items()}
        yield Batch(whole, table.iloc[start : start + batch_size].reset_index(drop=True))
