"""Compare two answers, and rearrange the inputs of a call: what the promises are made of."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from multiunit.core.recording import Recording


def difference(
    a: Any, b: Any, *, tolerance: float = 0.0, floats_only: bool = False, name: str = "answer"
) -> str | None:
    """Where two answers differ by more than `tolerance` times the largest size, in words; None if nowhere."""
    inner: dict[str, Any] = {"tolerance": tolerance, "floats_only": floats_only}
    if type(a) is not type(b) and not (np.isscalar(a) and np.isscalar(b)):
        return f"{name} is {type(a).__name__} in one and {type(b).__name__} in the other"
    if isinstance(a, Recording):
        return difference(a.dataset, b.dataset, name=name, **inner)
    if isinstance(a, np.random.Generator) or callable(a):
        return None
    if isinstance(a, xr.Dataset):
        mine, theirs = ({str(k): v for k, v in x.variables.items()} for x in (a, b))
        return difference(mine, theirs, name=name, **inner)
    if isinstance(a, xr.DataArray):
        mine, theirs = ({"": x.variable, **{str(k): v.variable for k, v in x.coords.items()}} for x in (a, b))
        return difference(mine, theirs, name=name, **inner)
    if isinstance(a, xr.Variable):
        if a.dims != b.dims:
            return f"{name} has dims {a.dims} in one and {b.dims} in the other"
        return difference(a.values, b.values, name=name, **inner)
    if isinstance(a, pd.DataFrame):
        mine, theirs = ({str(c): x[c].to_numpy() for c in x} for x in (a, b))
        return difference(mine, theirs, name=name, **inner)
    if isinstance(a, Mapping):
        if set(a) != set(b):
            return f"{name} has {sorted(map(str, a))} in one and {sorted(map(str, b))} in the other"
        return _first(difference(a[k], b[k], name=f"{name}[{k}]", **inner) for k in a)
    if dataclasses.is_dataclass(a) and not isinstance(a, type):
        return difference(vars(a), vars(b), name=name, **inner)
    if isinstance(a, set | frozenset):
        # A copy may come in another order, which is no difference.
        return None if a == b else f"{name} has {sorted(map(str, a))} in one and {sorted(map(str, b))} in the other"
    if isinstance(a, list | tuple):
        if len(a) != len(b):
            return f"{name} has {len(a)} items in one and {len(b)} in the other"
        return _first(difference(x, y, name=f"{name}[{i}]", **inner) for i, (x, y) in enumerate(zip(a, b, strict=True)))
    return _array_difference(_array(a), _array(b), name, **inner)


def floats(value: Any) -> list[np.ndarray]:
    """Every float array or number within an answer."""
    if isinstance(value, Recording):
        value = value.dataset
    if isinstance(value, xr.Dataset):
        return [v.values for v in value.data_vars.values() if v.dtype.kind == "f"]
    if isinstance(value, xr.DataArray):
        return [value.values] if value.dtype.kind == "f" else []
    if isinstance(value, pd.DataFrame):
        return [value[c].to_numpy() for c in value if value[c].dtype.kind == "f"]
    if isinstance(value, Mapping):
        return [x for item in value.values() for x in floats(item)]
    if isinstance(value, list | tuple):
        return [x for item in value for x in floats(item)]
    array = _array(value)
    return [array] if array.dtype.kind == "f" else []


def rebuild(value: Any, change: Callable[[Any], Any]) -> Any:
    """Apply `change` to every recording, dataset, table and array within the inputs of a call."""
    # A data set is a mapping too, and is changed as a whole.
    if isinstance(value, xr.Dataset | xr.DataArray):
        return change(value)
    if isinstance(value, Mapping):
        return {k: rebuild(v, change) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(rebuild(v, change) for v in value)
    return change(value)


def is_activity(value: Any) -> bool:
    """An array or tensor `(presentation, unit)` of numbers."""
    return getattr(value, "ndim", 0) >= 2 and hasattr(value, "dtype") and not isinstance(value, pd.DataFrame)


def n_units(value: Any) -> int | None:
    """The number of units of the first input that has units."""
    if isinstance(value, Recording):
        return value.n_units
    if isinstance(value, xr.Dataset | xr.DataArray):
        return value.sizes.get("unit")
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return next((n for n in map(n_units, value) if n is not None), None)
    return int(value.shape[1]) if is_activity(value) else None


def take_units(value: Any, index: np.ndarray) -> Any:
    """The value with its units chosen by `index`; what has another number of units stays as it is."""
    size = n_units(value)

    def change(item: Any) -> Any:
        if isinstance(item, Recording):
            return item.select(units=index) if item.n_units == size else item
        if isinstance(item, xr.Dataset | xr.DataArray):
            dims = [d for d in ("unit", "other_unit") if d in item.dims and item.sizes[d] == size]
            return item.isel({d: index for d in dims})
        if is_activity(item) and item.shape[1] == size:
            return item[:, index]
        return item

    return rebuild(value, change)


def as_float32(value: Any) -> Any:
    """The value with its activities and float variables in single precision."""

    def change(item: Any) -> Any:
        if isinstance(item, Recording):
            return Recording(change(item.dataset)) if "activity" in item.dataset else item
        if isinstance(item, xr.Dataset):
            # Spike times are seconds, not activity: single precision would move them.
            return item.assign(
                {n: v.astype(np.float32) for n, v in item.data_vars.items() if v.dtype.kind == "f" and "unit" in v.dims}
            )
        if is_activity(item) and str(item.dtype).endswith("float64"):
            return item.astype(np.float32) if isinstance(item, np.ndarray | xr.DataArray) else item.float()
        return item

    return rebuild(value, change)


def with_nan(value: Any) -> Any:
    """The value with the first unit unknown: NaN in its first presentation, or in every statistic of it."""

    def change(item: Any) -> Any:
        if isinstance(item, Recording):
            return Recording(change(item.dataset))
        if isinstance(item, xr.Dataset):
            return item.assign(
                {
                    n: _nan_at_first(v)
                    for n, v in item.data_vars.items()
                    if v.dtype.kind == "f" and "unit" in v.dims and v.size
                }
            )
        if is_activity(item) and "float" in str(item.dtype):
            item = item.clone() if hasattr(item, "clone") else item.copy()
            item[0, 0] = np.nan
        return item

    return rebuild(value, change)


def emptied(value: Any) -> Any:
    """The value with no presentations; a table of statistics, which has none, with no units."""

    def change(item: Any) -> Any:
        if isinstance(item, Recording):
            if item.n_presentations:
                return item.select(presentations=np.zeros(item.n_presentations, dtype=bool))
            return item.select(units=np.zeros(item.n_units, dtype=bool))
        if isinstance(item, xr.Dataset):
            return item.isel({d: slice(0) for d in ("unit", "other_unit") if d in item.dims})
        if isinstance(item, pd.DataFrame):
            return item.iloc[:0]
        return item[:0] if is_activity(item) else item

    return rebuild(value, change)


def _nan_at_first(variable: xr.DataArray) -> xr.DataArray:
    first = {d: 0 for d in variable.dims if d in ("unit", "presentation")}
    changed = variable.copy(deep=True)
    changed[first] = np.nan
    return changed


def _array(value: Any) -> np.ndarray:
    return value.detach().cpu().numpy() if hasattr(value, "detach") else np.asarray(value)


def _array_difference(a: np.ndarray, b: np.ndarray, name: str, *, tolerance: float, floats_only: bool) -> str | None:
    if a.shape != b.shape:
        return f"{name} has shape {a.shape} in one and {b.shape} in the other"
    if a.dtype.kind not in "fc" or b.dtype.kind not in "fc":
        if floats_only:
            return None
        if a.dtype.kind not in "iub" or b.dtype.kind not in "iub":
            unlike = int((a.astype(str) != b.astype(str)).sum()) if a.size else 0
            return f"{name} differs in {unlike} of {a.size} entries" if unlike else None
    both = np.isnan(a.astype(complex)) & np.isnan(b.astype(complex)) | (a == b)
    if both.all():
        return None
    with np.errstate(invalid="ignore"):
        gap = np.abs(np.where(both, 0, a - b.astype(float if b.dtype.kind in "iub" else b.dtype)))
    finite = np.abs(b[np.isfinite(b)])
    allowed = tolerance * max(1.0, float(finite.max(initial=0.0)))
    if not np.isfinite(gap).all():
        return (
            f"{name} is finite in one and not in the other, in {int((~np.isfinite(gap)).sum())} of {gap.size} entries"
        )
    return f"{name} differs by up to {gap.max():.3g} (allowed {allowed:.3g})" if gap.max() > allowed else None


def _first(findings: Any) -> str | None:
    return next((finding for finding in findings if finding is not None), None)
