"""The comparison of two systems' layers as a folder: `layers.csv`, `heatmap.png` and `report.json`."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from multiunit.core.atomic import new_file
from multiunit.plots.similarity_matrix import layer_heatmap

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


def write_comparison(
    found: xr.Dataset, folder: str | Path, *, metric: Callable[..., Any], about: Mapping[str, Any]
) -> pd.DataFrame:
    """Write what `compare_layers` found, and return the best partner of every layer.

    - `layers.csv`: a row a pair: layer, other_layer, score, low, high, shuffled, n_units, n_other_units.
    - `heatmap.png`: the scores; `layer_heatmap` of them.
    - `report.json`: `about`, the number of presentations, draws and level, the best partners, and what was refused.

    Args:
        found: of `compare_layers`.
        folder: made where it is missing.
        metric: the function that scored; its record tells whether a smaller score is more alike.
        about: what else the report should hold, such as the names of the systems.

    Raises:
        StoreError: if a file cannot be written; an older one stays.
    """
    folder = Path(folder)
    distance = bool(getattr(getattr(metric, "method", None), "properties", {}).get("distance", False))
    score = found["score"].assign_attrs(distance=distance, metric=getattr(metric, "__name__", "score"))
    columns = ["layer", "other_layer", "score", "low", "high", "shuffled", "n_units", "n_other_units"]
    table = found.to_dataframe().reset_index()[columns]
    order = table["score"] if distance else -table["score"]
    best = table.assign(order=order).dropna(subset="score").sort_values("order", kind="stable")
    best = best.drop_duplicates("layer").sort_index()[columns[:6]]
    with new_file(folder / "layers.csv", mode="w") as file:
        table.to_csv(file, index=False)
    if np.isfinite(score).any():
        picture = io.BytesIO()
        names = [Path(str(about.get(side, side))).name for side in ("a", "b")]
        layer_heatmap(score, title=f"{names[0]} by {names[1]}").savefig(picture, format="png")
        with new_file(folder / "heatmap.png") as file:
            file.write(picture.getvalue())
    report = {
        **about,
        **{name: found.attrs[name] for name in ("n_presentations", "n_bootstraps", "level", "refused")},
        "smaller_is_alike": distance,
        "best": best.to_dict("records"),
    }
    with new_file(folder / "report.json", mode="w") as file:
        json.dump(report, file, indent=1, allow_nan=False)
    return best
