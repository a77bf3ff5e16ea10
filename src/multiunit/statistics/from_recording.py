"""A recording as a stream, so that one-pass statistics apply to it too."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.recording import Recording
from multiunit.core.statistic import Batch


def recording_batches(recording: Recording, *, batch_size: int = 4096, first_batch: int = 0) -> Iterator[Batch]:
    """Yield the activity `(presentation, unit)` of each site, `batch_size` presentations at a time.

    A lazy recording is read piece by piece. Presentations without `sequence_id` are sequences of one. A site is left
    out of the presentations in which it was not observed.

    Raises:
        InputError: if there is no activity, it runs over time within presentations, or units of one site were observed
            in different presentations.

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
    sites = [str(site) for site in dataset["site"].values]
    columns = {site: np.flatnonzero(np.equal(sites, site)) for site in dict.fromkeys(sites)}
    pieces = (
        batch
        for start in range(0, len(table), batch_size)
        for batch in _block(dataset.isel(presentation=slice(start, start + batch_size)), table, start, columns)
    )
    yield from itertools.islice(pieces, first_batch, None)


def _block(block: xr.Dataset, table: pd.DataFrame, start: int, columns: Mapping[str, np.ndarray]) -> Iterator[Batch]:
    """One batch for the sites that were all observed in the same presentations."""
    rows = {site: _observed_rows(block, site, units) for site, units in columns.items()}
    activity = block["activity"].values
    for pattern in dict.fromkeys(key.tobytes() for key in rows.values()):
        together = [site for site, key in rows.items() if key.tobytes() == pattern]
        seen = rows[together[0]]
        if seen.any():
            part = activity if seen.all() else activity[seen]
            whole = {site: part if len(columns) == 1 else part[:, columns[site]] for site in together}
            yield Batch(whole, table.iloc[start + np.flatnonzero(seen)].reset_index(drop=True))


def _observed_rows(block: xr.Dataset, site: str, units: np.ndarray) -> np.ndarray:
    if "observed" not in block:
        return np.ones(block.sizes["presentation"], dtype=bool)
    observed = block["observed"].values[:, units]
    some, every = observed.any(axis=1), observed.all(axis=1)
    if (some != every).any():
        mend = "was observed in some of its units only; give units that were recorded together a site of their own"
        raise InputError("observed", site, mend)
    return np.asarray(every)
