"""What every detector returns: a score, the selection, and a matched random control, over the same units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.inference.matched_control import matched_control


def detection(
    score: np.ndarray,
    selected: np.ndarray,
    *,
    units: xr.Dataset,
    mean_activity: np.ndarray,
    labels: Sequence[str] | None = None,
    extras: Mapping[str, tuple[Any, np.ndarray]] | None = None,
    random_state: int | np.random.Generator = 0,
    **attrs: Any,
) -> xr.Dataset:
    """Lay a detector's answer out over `unit`, and draw a control of the same sites and mean activity to it.

    Args:
        score: `(unit,)` or `(unit, label)`.
        selected: bool, `(unit,)` or `(unit, label)`; every column gets its own control, disjoint from that column.
        units: any data set over these units with the coordinates `unit_id` and `site`.
        mean_activity: `(unit,)`, what the control is matched on besides the site.
        labels: names of the columns; needed where `score` or `selected` has any.
        extras: further variables, name -> (dims, values).
        random_state: seed or generator of the draw.
        attrs: what else is worth knowing, such as the threshold that was used.

    Returns:
        `score`, `selected` and `control` with the extras, over `unit` (and `label`).

    Raises:
        InputError: if the score is not a number somewhere or shapes disagree.
    """
    score, selected = np.asarray(score, dtype=np.float64), np.asarray(selected, dtype=bool)
    n_units = units.sizes["unit"]
    for name, values in (("score", score), ("selected", selected)):
        expected = (n_units,) if values.ndim == 1 else (n_units, len(labels or ()))
        if values.shape != expected:
            raise InputError(name, values.shape, f"needs shape {expected}")
    if np.isnan(score).any():
        raise InputError("score", f"{np.isnan(score).sum()} NaN", "the statistics hold NaN; look at the activity")
    rng = np.random.default_rng(random_state)
    site = np.asarray(units["site"].values)
    columns = selected[:, None] if selected.ndim == 1 else selected
    control = np.stack(
        [matched_control(c, site=site, mean_activity=mean_activity, random_state=rng) for c in columns.T], axis=1
    )
    dims = ("unit", "label")
    return xr.Dataset(
        {
            "score": (dims[: score.ndim], score),
            "selected": (dims[: selected.ndim], selected),
            "control": (dims[: selected.ndim], control.reshape(selected.shape)),
            **(extras or {}),
        },
        coords={
            "unit_id": ("unit", units["unit_id"].values),
            "site": ("unit", site),
            **({} if labels is None else {"label": ("label", np.asarray(labels, dtype=object))}),
        },
        attrs=attrs,
    )


def strongest(score: np.ndarray, top: float, *, eligible: np.ndarray | None = None) -> np.ndarray:
    """Mark the `top` share of units with the highest score: `round(top * n_units)`, at least one, ties to the earlier.

    Args:
        score: `(unit,)`.
        top: share of ALL units, in (0, 1].
        eligible: bool `(unit,)`; others are passed over, and if too few are left, fewer are marked.

    Returns:
        bool `(unit,)`.

    Raises:
        InputError: for a share outside (0, 1].

    >>> strongest(np.array([0.1, 0.9, 0.5, 0.9]), 0.5).tolist()
    [False, True, False, True]
    """
    if not 0 < top <= 1:
        raise InputError("top", top, "a share of the units, above 0 and at most 1")
    score = np.asarray(score, dtype=np.float64)
    order = np.argsort(-score, kind="stable")
    if eligible is not None:
        order = order[np.asarray(eligible, dtype=bool)[order]]
    chosen = np.zeros(len(score), dtype=bool)
    chosen[order[: max(1, round(top * len(score)))]] = True
    return chosen


def same_units(**statistics: xr.Dataset) -> xr.Dataset:
    """The first of the statistics, once it is sure that all speak of the same units in the same order.

    Raises:
        InputError: naming the statistic that does not, or that no unit is there.
    """
    (first_name, first), *others = statistics.items()
    if not first.sizes.get("unit"):
        raise InputError(first_name, dict(first.sizes), "holds no units")
    for name, other in others:
        if not np.array_equal(first["unit_id"].values, other["unit_id"].values):
            raise InputError(name, other["unit_id"].values[:3].tolist(), f"other units than in {first_name}")
    return first
