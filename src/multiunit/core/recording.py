"""`Recording`: what was measured, as one validated, labelled data set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from multiunit.core.errors import InputError, SchemaError
from multiunit.core.schema import SCHEMA, complete, validate


@dataclass(frozen=True, eq=False, repr=False)
class Recording:
    """Activity of units over presentations, spikes as events, edges between units - any of the three, labelled.

    Composition around one `xarray.Dataset` whose dimensions are `unit`, `presentation` (one trial, stimulus
    showing, token or frame; flat), `time`, `spike`, `interval` and `edge`. Variables:

    - `activity(presentation, unit[, time])`, with `observed(presentation, unit)` bool telling "not recorded"
      from NaN and from zero;
    - `spike_time(spike)` in seconds, sorted by unit and then by time, with `spike_count(unit)`;
    - `pre(edge)`, `post(edge)` unit numbers, `weight(edge)`, `delay(edge)` in seconds, `kind(edge)`;
    - behaviour that runs on its own clock: any variable over `time` (seconds), such as `position(time)`.

    Args:
        dataset: the data; missing standard coordinates are filled in, inconsistent ones are refused.

    Raises:
        SchemaError: naming the variable or coordinate that breaks the schema.

    >>> r = Recording.from_activity(np.eye(3), site="layer", presentations={"word": ["a", "b", "c"]})
    >>> r
    Recording(3 presentations x 3 units; activation)
    >>> r.select(units=["layer/2"]).activity.ravel().tolist()
    [0.0, 0.0, 1.0]
    """

    dataset: xr.Dataset

    def __post_init__(self) -> None:
        dataset = complete(self.dataset)
        validate(dataset)
        object.__setattr__(self, "dataset", dataset)

    # ---- construction -------------------------------------------------------------------------------------

    @classmethod
    def from_activity(
        cls,
        activity: Any,
        *,
        site: str = "unit",
        units: Mapping[str, Any] | pd.DataFrame | None = None,
        presentations: Mapping[str, Any] | pd.DataFrame | None = None,
        time: Any = None,
        observed: Any = None,
        **attrs: Any,
    ) -> Recording:
        """Wrap an array `(presentation, unit)` or `(presentation, unit, time)`.

        `units` and `presentations` are columns of labels (mappings or frames, one value a row); `time` is the
        sample times in seconds of a 3-d array; `observed` a bool array `(presentation, unit)`.
        """
        activity = np.asarray(activity)
        if activity.ndim not in (2, 3):
            raise InputError(
                "activity", activity.shape, "needs shape (presentation, unit) or (presentation, unit, time)"
            )
        dims: tuple[str, ...] = ("presentation", "unit", "time")[: activity.ndim]
        variables: dict[str, Any] = {"activity": (dims, activity)}
        if observed is not None:
            variables["observed"] = (("presentation", "unit"), np.asarray(observed, dtype=bool))
        coords = _columns("unit", units, activity.shape[1]) | _columns("presentation", presentations, activity.shape[0])
        coords.setdefault("site", ("unit", np.full(activity.shape[1], site, dtype=object)))
        if activity.ndim == 3:
            coords["time"] = ("time", np.arange(activity.shape[2], dtype=float) if time is None else np.asarray(time))
        attrs.setdefault("kind", "activation")
        return cls(xr.Dataset(variables, coords, attrs))

    @classmethod
    def from_spikes(
        cls,
        spike_times: Sequence[Any],
        *,
        site: str = "unit",
        units: Mapping[str, Any] | pd.DataFrame | None = None,
        presentations: Mapping[str, Any] | pd.DataFrame | None = None,
        behaviour: Mapping[str, Any] | None = None,
        time: Any = None,
        **attrs: Any,
    ) -> Recording:
        """Wrap one array of spike times (seconds) a unit; `behaviour` holds traces sampled at `time` (seconds)."""
        trains = [np.sort(np.asarray(train, dtype=np.float64).ravel()) for train in spike_times]
        counts = np.array([len(train) for train in trains], dtype=np.int64)
        variables: dict[str, Any] = {
            "spike_time": ("spike", np.concatenate([np.empty(0), *trains])),
            "spike_count": ("unit", counts),
        }
        coords = _columns("unit", units, len(trains))
        coords.setdefault("site", ("unit", np.full(len(trains), site, dtype=object)))
        if presentations is not None:
            n_presentations = len(next(iter(dict(presentations).values()), ()))
            coords |= _columns("presentation", presentations, n_presentations)
        if behaviour:
            if time is None:
                raise InputError("time", None, "give the sample times (s) of the behaviour traces")
            coords["time"] = ("time", np.asarray(time, dtype=np.float64))
            variables |= {name: ("time", np.asarray(trace)) for name, trace in behaviour.items()}
        attrs.setdefault("kind", "spikes")
        return cls(xr.Dataset(variables, coords, attrs))

    # ---- reading ------------------------------------------------------------------------------------------

    @property
    def n_units(self) -> int:
        return self.dataset.sizes.get("unit", 0)

    @property
    def n_presentations(self) -> int:
        return self.dataset.sizes.get("presentation", 0)

    @property
    def activity(self) -> np.ndarray:
        """The activity as an array; reading a lazy store loads it. Use `iter_blocks` for what exceeds memory."""
        if "activity" not in self.dataset:
            raise InputError("recording", self, "has no activity; spikes become activity by .bin(width) or .count()")
        return np.asarray(self.dataset["activity"].values)

    @property
    def units(self) -> pd.DataFrame:
        """One row a unit: the unit coordinates, indexed by `unit_id`."""
        return self._table("unit").set_index("unit_id")

    @property
    def presentations(self) -> pd.DataFrame:
        """One row a presentation: the presentation coordinates, indexed by `presentation_id`."""
        if "presentation" not in self.dataset.dims:
            return pd.DataFrame(index=pd.Index([], name="presentation_id"))
        return self._table("presentation").set_index("presentation_id")

    @property
    def spike_trains(self) -> list[np.ndarray]:
        """Spike times (s), one sorted array a unit."""
        if "spike_time" not in self.dataset:
            raise InputError("recording", self, "has no spikes")
        ends = np.cumsum(self.dataset["spike_count"].values)
        return np.split(self.dataset["spike_time"].values, ends[:-1]) if len(ends) else []

    @property
    def behaviour(self) -> dict[str, np.ndarray]:
        """The traces over `time`, by name."""
        return {str(n): v.values for n, v in self.dataset.data_vars.items() if v.dims == ("time",)}

    def iter_blocks(self, dim: str = "presentation", *, max_bytes: int = 64 * 2**20) -> Iterator[Recording]:
        """Yield consecutive pieces along `presentation` or `unit`, each at most `max_bytes` of activity."""
        if dim not in ("presentation", "unit"):
            raise InputError("dim", dim, "blocks run along 'presentation' or 'unit'")
        activity = self.dataset.get("activity")
        size = self.dataset.sizes.get(dim, 0)
        per_item = max(1, activity.nbytes // max(1, size)) if activity is not None else 1
        step = max(1, max_bytes // per_item)
        for start in range(0, size, step):
            yield self._rows(dim, np.arange(start, min(size, start + step)))

    # ---- choosing -----------------------------------------------------------------------------------------

    def select(self, *, units: Any = None, presentations: Any = None) -> Recording:
        """Keep some units and presentations: ids, a bool mask, positions, or a query over the table's columns.

        >>> r = Recording.from_activity(np.arange(6.0).reshape(2, 3), presentations={"lang": ["en", "fr"]})
        >>> r.select(presentations="lang == 'fr'").activity.tolist()
        [[3.0, 4.0, 5.0]]
        """
        chosen = self
        if units is not None:
            chosen = chosen._rows("unit", _positions(chosen.units, units, "units"))
        if presentations is not None:
            chosen = chosen._rows("presentation", _positions(chosen.presentations, presentations, "presentations"))
        return chosen

    def bin(self, width: float, *, start: float | None = None, stop: float | None = None) -> Recording:
        """Count spikes in bins of `width` seconds, each a presentation with `onset` and `duration`; the last is closed.

        Behaviour traces are averaged within each bin (numbers; linearly interpolated where a bin holds no
        sample) and become presentation columns, so that tuning is asked of them by name.

        >>> r = Recording.from_spikes([[0.1, 0.2, 0.9]], behaviour={"x": [0.0, 1.0]}, time=[0.0, 1.0])
        >>> b = r.bin(0.5)
        >>> b.activity.ravel().tolist(), b.presentations["onset"].tolist()
        ([2.0, 1.0], [0.0, 0.5])
        """
        if not width > 0:
            raise InputError("width", width, "needs a bin width in seconds above 0")
        trains, behaviour = self.spike_trains, self.behaviour
        clock = self.dataset["time"].values if behaviour else np.empty(0)
        spikes = self.dataset["spike_time"].values
        extent = clock if len(clock) else spikes
        if not len(extent) and (start is None or stop is None):
            raise InputError("recording", self, "has no spikes to bin; give start and stop (s)")
        start = float(extent.min()) if start is None else start
        stop = float(extent.max()) if stop is None else stop
        # The tolerance keeps a stop that is a whole number of widths from gaining or losing a bin to rounding.
        n_bins = int(np.ceil((stop - start) / width - 1e-9))
        if n_bins < 1:
            raise InputError("stop", stop, f"must lie after start={start}")
        edges = start + width * np.arange(n_bins + 1)
        edges[-1] = np.nextafter(max(edges[-1], stop), np.inf)  # the last bin is closed, so nothing at its end is lost
        counts = (
            np.stack([np.diff(np.searchsorted(t, edges)) for t in trains], axis=1) if trains else np.empty((n_bins, 0))
        )
        columns: dict[str, Any] = {"onset": edges[:-1], "duration": np.full(n_bins, width)}
        for name, trace in behaviour.items():
            columns[name] = _bin_trace(trace, clock, edges)
        return Recording.from_activity(
            counts.astype(np.float64),
            units=self._table("unit"),
            presentations=columns,
            **(self.dataset.attrs | {"kind": "spikes"}),
        )

    def count(self, *, start: float = 0.0, stop: float | None = None) -> Recording:
        """Count spikes of every presentation from `onset + start` to `onset + stop` (default: its duration)."""
        table = self._table("presentation")
        if "onset" not in table or (stop is None and "duration" not in table):
            raise InputError(
                "recording", self, "needs presentation columns onset and duration (or stop=...) in seconds"
            )
        begin = table["onset"].to_numpy(float) + start
        end = table["onset"].to_numpy(float) + (table["duration"].to_numpy(float) if stop is None else stop)
        counts = [np.searchsorted(t, end) - np.searchsorted(t, begin) for t in self.spike_trains]
        activity = np.stack(counts, axis=1) if counts else np.empty((len(table), 0))
        return Recording.from_activity(
            activity.astype(np.float64), units=self._table("unit"), presentations=table, **self.dataset.attrs
        )

    def align(self, other: Recording, *, on: str = "stimulus_id") -> tuple[Recording, Recording]:
        """Both recordings restricted to, and in the order of, the values of column `on` that they share."""
        mine, theirs = self._table("presentation"), other._table("presentation")
        for name, table in (("self", mine), ("other", theirs)):
            if on not in table:
                raise InputError(
                    "on", on, f"is no presentation column of {name}; there are: {', '.join(map(str, table))}"
                )
            if table[on].duplicated().any():
                raise InputError("on", on, f"is not unique in {name}; average repeats first")
        shared = pd.Index(mine[on]).intersection(pd.Index(theirs[on]), sort=False)
        if not len(shared):
            raise InputError("on", on, "the two recordings share no value of it")
        return tuple(
            r._rows("presentation", pd.Index(t[on]).get_indexer(shared)) for r, t in ((self, mine), (other, theirs))
        )  # type: ignore[return-value]

    # ---- inside -------------------------------------------------------------------------------------------

    def _table(self, dim: str) -> pd.DataFrame:
        columns = {str(n): c.values for n, c in self.dataset.coords.items() if c.dims == (dim,) and n != dim}
        return pd.DataFrame(columns)

    def _rows(self, dim: str, positions: np.ndarray) -> Recording:
        dataset = self.dataset
        if dim == "unit":
            if "spike_count" in dataset:
                starts = np.concatenate([[0], np.cumsum(dataset["spike_count"].values)])
                kept = [np.arange(starts[i], starts[i + 1]) for i in positions]
                dataset = dataset.isel(spike=np.concatenate([np.empty(0, dtype=np.int64), *kept]))
            if "edge" in dataset.dims:
                new = np.full(dataset.sizes["unit"], -1)
                new[positions] = np.arange(len(positions))
                inside = (new[dataset["pre"].values] >= 0) & (new[dataset["post"].values] >= 0)
                dataset = dataset.isel(edge=np.flatnonzero(inside))
                dataset = dataset.assign({end: ("edge", new[dataset[end].values]) for end in ("pre", "post")})
        return Recording(dataset.isel({dim: positions}))

    def __repr__(self) -> str:
        parts = [f"{self.n_presentations} presentations x {self.n_units} units"]
        parts += [f"{self.dataset.sizes[d]} {d}s" for d in ("spike", "edge") if d in self.dataset.dims]
        parts.append(str(self.dataset.attrs.get("kind")))
        return f"Recording({'; '.join(parts)})"


def as_recording(x: Any, **labels: Any) -> Recording:
    """A `Recording` from a recording (unchanged) or from a plain array or tensor `(presentation, unit[, time])`.

    >>> as_recording([[1.0, 2.0]]).n_units
    2
    """
    if isinstance(x, Recording):
        return x
    if hasattr(x, "detach"):
        x = x.detach().cpu().numpy()
    return Recording.from_activity(x, **labels)


def _columns(dim: str, columns: Mapping[str, Any] | pd.DataFrame | None, size: int) -> dict[str, Any]:
    if columns is None:
        return {}
    if isinstance(columns, pd.DataFrame) and columns.index.name is not None:
        columns = columns.reset_index()
    out = {}
    for name in columns:
        values = np.asarray(columns[str(name)])
        if values.shape != (size,):
            raise SchemaError(f"{dim}s", name, f"has {values.shape} values for {size} {dim}s")
        out[str(name)] = (dim, values.astype(object) if values.dtype.kind in "US" else values)
    return out


def _positions(table: pd.DataFrame, wanted: Any, argument: str) -> np.ndarray:
    if isinstance(wanted, str):
        try:
            return np.flatnonzero(np.asarray(table.reset_index().eval(wanted), dtype=bool))
        except Exception as error:
            raise InputError(argument, wanted, f"is no query over {', '.join(map(str, table))}: {error}") from error
    wanted = np.asarray(wanted)
    if wanted.dtype == bool:
        if wanted.shape != (len(table),):
            raise InputError(argument, wanted.shape, f"a mask needs shape ({len(table)},)")
        return np.flatnonzero(wanted)
    if wanted.dtype.kind in "iu" and table.index.dtype.kind not in "iu":
        if wanted.size and (wanted.min() < -len(table) or wanted.max() >= len(table)):
            raise InputError(argument, wanted, f"positions must lie below {len(table)}")
        return np.arange(len(table))[wanted]
    positions = table.index.get_indexer(pd.Index(wanted))
    if (positions < 0).any():
        raise InputError(argument, wanted[positions < 0].tolist(), "no such id in the recording")
    return positions


def _bin_trace(trace: np.ndarray, clock: np.ndarray, edges: np.ndarray) -> np.ndarray:
    centres = (edges[:-1] + edges[1:]) / 2
    if trace.dtype.kind not in "fiub":
        return trace[np.clip(np.searchsorted(clock, centres), 0, len(clock) - 1)]
    valid = np.isfinite(trace)
    which = np.searchsorted(edges, clock[valid], side="right") - 1
    inside = (which >= 0) & (which < len(centres))
    n = np.bincount(which[inside], minlength=len(centres))
    total = np.bincount(which[inside], weights=trace[valid][inside], minlength=len(centres))
    if not valid.any():
        return np.full(len(centres), np.nan)
    between = np.interp(centres, clock[valid], trace[valid])
    return np.where(n > 0, total / np.maximum(n, 1), between)


__all__ = ["SCHEMA", "Recording", "as_recording"]
