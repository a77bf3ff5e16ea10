"""The schema of a recording: what is filled in when it is missing, and what is refused."""

from __future__ import annotations

import numpy as np
import xarray as xr

from multiunit.core.errors import SchemaError

SCHEMA = "multiunit/1"
DIMS = ("unit", "presentation", "time", "spike", "interval", "edge")


def complete(dataset: xr.Dataset) -> xr.Dataset:
    """The data set with the identifiers every recording has: `unit_id` as "site/index", `presentation_id`, attrs."""
    dataset = dataset.copy()
    if "unit" in dataset.dims:
        n_units = dataset.sizes["unit"]
        if "site" not in dataset.coords:
            dataset = dataset.assign_coords(site=("unit", np.full(n_units, "unit", dtype=object)))
        if "unit_id" not in dataset.coords and dataset["site"].dims == ("unit",):
            dataset = dataset.assign_coords(unit_id=("unit", unit_ids(dataset["site"].values)))
    if "presentation" in dataset.dims and "presentation_id" not in dataset.coords:
        dataset = dataset.assign_coords(presentation_id=("presentation", np.arange(dataset.sizes["presentation"])))
    dataset.attrs = {"schema": SCHEMA, "kind": "activation", **dataset.attrs}
    return dataset


def unit_ids(sites: np.ndarray) -> np.ndarray:
    """Number the units within each site: ``["a", "a", "b"] -> ["a/0", "a/1", "b/0"]``."""
    seen: dict[str, int] = {}
    ids = np.empty(len(sites), dtype=object)
    for i, site in enumerate(sites):
        index = seen.get(site, 0)
        seen[site] = index + 1
        ids[i] = f"{site}/{index}"
    return ids


def validate(dataset: xr.Dataset) -> None:
    """Refuse what breaks the schema.

    Raises:
        SchemaError: naming the dimension, coordinate or variable and what it should have been.
    """
    if dataset.attrs["schema"] != SCHEMA:
        raise SchemaError("schema", dataset.attrs["schema"], f"this version reads {SCHEMA!r}")
    unknown = [str(d) for d in dataset.dims if d not in DIMS]
    if unknown:
        raise SchemaError("dims", unknown, f"a recording has only the dimensions {', '.join(DIMS)}")
    for dim in ("unit", "presentation"):
        if dim in dataset.dims:
            _validate_ids(dataset, dim)
    if "activity" in dataset:
        dims = dataset["activity"].dims
        if dims not in (("presentation", "unit"), ("presentation", "unit", "time")):
            raise SchemaError("activity", dims, "needs dims (presentation, unit) or (presentation, unit, time)")
        if dataset["activity"].dtype.kind not in "fiub":
            raise SchemaError("activity", str(dataset["activity"].dtype), "needs real numbers")
    if "observed" in dataset:
        observed = dataset["observed"]
        if observed.dims != ("presentation", "unit") or observed.dtype != bool:
            raise SchemaError("observed", (observed.dims, str(observed.dtype)), "needs bool (presentation, unit)")
    if "time" in dataset.coords:
        _validate_times(dataset)
    if "spike_time" in dataset or "spike_count" in dataset:
        _validate_spikes(dataset)
    if "edge" in dataset.dims:
        _validate_edges(dataset)


def _validate_ids(dataset: xr.Dataset, dim: str) -> None:
    name = f"{dim}_id"
    if name not in dataset.coords or dataset[name].dims != (dim,):
        raise SchemaError(name, None, f"every {dim} needs a coordinate {name}({dim})")
    ids = dataset[name].values
    values, counts = np.unique(ids.astype(str), return_counts=True)
    if len(values) < len(ids):
        raise SchemaError(name, str(values[counts > 1][0]), "occurs more than once; ids must be unique")


def _validate_times(dataset: xr.Dataset) -> None:
    time = dataset["time"].values
    if dataset["time"].dims != ("time",) or time.dtype.kind not in "fiu" or (np.diff(time) <= 0).any():
        raise SchemaError("time", time[:3].tolist(), "needs strictly increasing sample times in seconds")


def _validate_spikes(dataset: xr.Dataset) -> None:
    for name, dim in (("spike_time", "spike"), ("spike_count", "unit")):
        if name not in dataset or dataset[name].dims != (dim,):
            raise SchemaError(name, None, f"spikes need both spike_time(spike) and spike_count(unit); {name} is off")
    times, counts = dataset["spike_time"].values, dataset["spike_count"].values
    if (counts < 0).any() or counts.sum() != len(times):
        raise SchemaError("spike_count", int(counts.sum()), f"must sum to the number of spikes, {len(times)}")
    if times.dtype != np.float64 or not np.isfinite(times).all():
        raise SchemaError("spike_time", str(times.dtype), "needs finite float64 seconds")
    falls = np.flatnonzero(np.diff(times) < 0) + 1
    if not np.isin(falls, np.cumsum(counts)).all():
        raise SchemaError("spike_time", "unsorted", "must rise within each unit")


def _validate_edges(dataset: xr.Dataset) -> None:
    for name in ("pre", "post"):
        if name not in dataset or dataset[name].dims != ("edge",):
            raise SchemaError(name, None, "edges need pre(edge) and post(edge), the numbers of their units")
        ends = dataset[name].values
        if ends.dtype.kind not in "iu" or (
            len(ends) and (ends.min() < 0 or ends.max() >= dataset.sizes.get("unit", 0))
        ):
            raise SchemaError(name, str(ends.dtype), f"must be whole numbers below {dataset.sizes.get('unit', 0)}")
