"""The same statistics over many machines: shards of a stream, merged pairwise."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.statistic import Batch, Statistic
from multiunit.statistics.accumulate import State, collect, feed

if TYPE_CHECKING:
    from distributed import Client


def accumulate_distributed(
    client: Client,
    open_shard: Callable[[int], Iterable[Batch]],
    *,
    n_shards: int,
    statistics: Mapping[str, Statistic],
) -> dict[str, xr.Dataset]:
    """Feed each shard to its own statistics on some worker, and merge them in a tree.

    Args:
        client: of `dask.distributed`; a `LocalCluster` will do.
        open_shard: `open_shard(number)` yields the batches of a shard; it runs on the worker, so it must be importable
            there. Sequence ids must differ between shards.
        n_shards: how many there are.
        statistics: by name.

    Returns:
        What `accumulate` gives for the whole stream; only sums travel between machines.

    Raises:
        InputError: if there are no shards, or nothing in them.
    """
    if n_shards < 1:
        raise InputError("n_shards", n_shards, "at least one")
    parts = [client.submit(_shard, open_shard, number, dict(statistics), pure=False) for number in range(n_shards)]
    while len(parts) > 1:
        merged = [client.submit(_merge, a, b, pure=False) for a, b in zip(parts[::2], parts[1::2], strict=False)]
        parts = merged + (parts[-1:] if len(parts) % 2 else [])
    state: State = parts[0].result()
    if not state:
        raise InputError("open_shard", n_shards, "the shards were empty")
    return collect(state)


def _shard(open_shard: Callable[[int], Iterable[Batch]], number: int, statistics: dict[str, Statistic]) -> State:
    state: State = {}
    for batch in open_shard(number):
        feed(state, statistics, batch)
    return state


def _merge(a: State, b: State) -> State:
    for site, statistics in b.items():
        if site not in a:
            a[site] = statistics
            continue
        for name, statistic in statistics.items():
            a[site][name].merge(statistic)
    return a
