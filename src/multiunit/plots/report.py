"""`report.html`: an atlas as one page that opens from disk, without network and without a server."""

from __future__ import annotations

import html
import json
import os
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from multiunit.core.errors import StoreError

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from multiunit.units.atlas import Atlas

_MOST_DETAILED = 5000
_RANKS = 8


def write_report(atlas: Atlas, path: str | Path) -> Path:
    """Write the page: a sortable table of all units and, for each, its distribution, groups and top presentations.

    Above 5,000 units the details are embedded for those that a detector selected first; the page says so. All text
    of the data is escaped.

    Raises:
        StoreError: if it cannot be written; an older page stays.
    """
    path = Path(path)
    data = json.dumps(_data(atlas), separators=(",", ":"), allow_nan=False)
    # Inside a script element only these could end it.
    data = data.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    source = atlas.manifest.get("source", {})
    title = html.escape(f"Atlas of {source.get('name', 'a system')}")
    page = files("multiunit.plots").joinpath("report_template.html").read_text(encoding="utf-8")
    page = page.replace("@TITLE@", title).replace("@DATA@", data)
    temporary = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("w", encoding="utf-8") as file:
            file.write(page)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StoreError(f"cannot write {path}: {error.strerror or error}") from error
    return path


def _data(atlas: Atlas) -> dict[str, Any]:
    table = atlas.table
    detailed = _detailed(table)
    details = {str(row): _details(atlas, row) for row in detailed}
    return {
        "columns": ["unit", *map(str, table)],
        "rows": [[str(unit), *map(_cell, row)] for unit, row in zip(table.index, table.to_numpy(object), strict=True)],
        "details": details,
        "manifest": json.loads(json.dumps(dict(atlas.manifest), default=str)),
    }


def _detailed(table: pd.DataFrame) -> list[int]:
    if len(table) <= _MOST_DETAILED:
        return list(range(len(table)))
    marked = [c for c in table if ".selected" in str(c)]
    chosen = table[marked].to_numpy(bool).any(axis=1) if marked else np.zeros(len(table), dtype=bool)
    return [int(row) for row in np.argsort(~chosen, kind="stable")[:_MOST_DETAILED]]


def _details(atlas: Atlas, row: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    details = atlas.details
    if "histogram" in details:
        count = details["histogram"]["count"].values[row]
        used = np.flatnonzero(count)
        span = slice(used[0], used[-1] + 1) if len(used) else slice(0, 1)
        low, high = (details["histogram"][f"edge_{side}"].values for side in ("low", "high"))
        found["histogram"] = [count[span].tolist(), _round(low[span][:1])[0], _round(high[span][-1:])[0]]
    if "profile" in details:
        active, n = details["profile"]["active"].values[row], details["profile"]["n"].values
        found["profile"] = _round(active[n > 0] / n[n > 0])
    if "groups" in details:
        groups = details["groups"]
        found["groups"] = [[str(g) for g in groups["group"].values], _round(groups["mean"].values[row])]
    tuned = {name: details[name]["mean"] for name in details if name.startswith("tuning.")}
    if tuned:
        found["tuning"] = [
            [name.removeprefix("tuning."), _round(mean.values[row]), *_round(mean[mean.dims[1]].values[[0, -1]])]
            for name, mean in tuned.items()
        ]
    if "top" in details and "token" in details["top"]:
        found["top"] = _top(details["top"], row)
    return found


def _top(top: xr.Dataset, row: int) -> list[list[Any]]:
    shown = []
    for rank in range(min(_RANKS, top.sizes["rank"])):
        if top["sequence_id"].values[row, rank] >= 0:
            texts = [str(top[name].values[row, rank]) for name in ("before", "token", "after")]
            shown.append([_round(top["value"].values[row, rank : rank + 1])[0], *texts])
    return shown


def _cell(value: Any) -> Any:
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return _round(np.array([value]))[0]
    return str(value)


def _round(values: np.ndarray) -> list[float | None]:
    return [float(f"{v:.3g}") if np.isfinite(v) else None for v in np.asarray(values, dtype=float)]
