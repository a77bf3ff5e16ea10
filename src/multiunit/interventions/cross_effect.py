"""What changing each set of units does to each task: the one causal table that all detectors share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from multiunit.core.edit import Ablate, Edit
from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.inference.matched_control import matched_control
from multiunit.inference.paired_effect import paired_effect

CONDITIONS = ("selected", "control", "difference")
Task = Callable[[Sequence[Edit]], Any]


def matched_sets(
    sets: Mapping[str, Sequence[str]],
    *,
    units: xr.Dataset | pd.DataFrame,
    n_controls: int = 5,
    random_state: int | np.random.Generator = 0,
) -> dict[str, list[list[str]]]:
    """Draw random sets as large as each given one, of the same sites and mean activity, disjoint from it.

    Args:
        sets: name -> unit ids.
        units: all units that may be drawn: a detector's answer, with `unit_id`, `site` and `mean_activity`, or the
            table of an atlas, indexed by `unit_id`, with `site` and `mean`.
        n_controls: sets to draw for each.
        random_state: seed or generator.

    Raises:
        InputError: for a unit that is not in `units`, or an empty set.

    >>> table = pd.DataFrame({"site": "a", "mean": [0.0, 0.1, 9.0]}, index=["a/0", "a/1", "a/2"])
    >>> matched_sets({"one": ["a/0"]}, units=table, n_controls=2)["one"][0] != ["a/0"]
    True
    """
    if isinstance(units, xr.Dataset):
        ids = pd.Index(units["unit_id"].values)
        site, activity = units["site"].values, units["mean_activity"].values
    else:
        ids, site, activity = units.index, units["site"].to_numpy(), units["mean"].to_numpy(float)
    rng = np.random.default_rng(random_state)
    drawn = {}
    for name, members in sets.items():
        rows = ids.get_indexer(pd.Index(list(members)))
        if not len(rows) or (rows < 0).any():
            raise InputError("sets", {name: list(members)[:3]}, "is empty, or names units that `units` lacks")
        selected = np.zeros(len(ids), dtype=bool)
        selected[rows] = True
        controls = [
            matched_control(selected, site=site, mean_activity=activity, random_state=rng) for _ in range(n_controls)
        ]
        drawn[name] = [ids[control].tolist() for control in controls]
    return drawn


@method(kind="causal", source="efron1993", example=lambda rng: _example(rng))
def cross_effect(
    sets: Mapping[str, Sequence[str]],
    tasks: Mapping[str, Task],
    *,
    controls: Mapping[str, Sequence[Sequence[str]]],
    edit: Callable[[list[str]], Edit] = Ablate,
    confidence: float = 0.95,
    n_resamples: int = 2000,
    random_state: int | np.random.Generator = 0,
) -> xr.Dataset:
    """How much each task changes when each set of units is edited, beside the mean over matched random sets.

    effect(set, task) = mean_i [score_i(edited) - score_i(unedited)] over the items of the task; `difference` is the
    selected set's effect less the mean effect of its control sets, item by item. Intervals draw items with
    replacement, the scores of an item together: they speak of new items, while `controls_beyond` speaks of new
    random sets.

    Args:
        sets: name -> unit ids.
        tasks: name -> function of a sequence of edits that returns one score (a loss, an accuracy) for each item,
            the same items in the same order whatever the edits; it can run any system.
        controls: name -> random sets for the set of that name, such as `matched_sets` draws.
        edit: makes the edit of a list of unit ids; `Ablate` by default.
        confidence: of the percentile intervals.
        n_resamples: bootstrap draws.
        random_state: seed or generator of the draws.

    Returns:
        over `set`, `task` and `condition` (selected, control, difference): `effect`, `low`, `high`; over `set` and
        `task`: `controls_beyond`, the share of control sets whose effect is at least as far from 0 as the selected
        set's; over `task`: `n_items`, `unedited`.

    Raises:
        InputError: for no sets or tasks, a set without controls, or scores that are not finite or change length.

    Source: paired percentile bootstrap, Efron and Tibshirani 1993, chapter 13.

    >>> weights = {"a/0": 2.0, "a/1": 0.0}
    >>> def task(edits):
    ...     return np.full(3, sum(weights[unit] for edit in edits for unit in edit.units))
    >>> found = cross_effect({"loud": ["a/0"]}, {"sum": task}, controls={"loud": [["a/1"]]})
    >>> found["effect"].sel(set="loud", task="sum").values.tolist()
    [2.0, 0.0, 2.0]
    """
    if not sets or not tasks:
        raise InputError("sets", (list(sets), list(tasks)), "give at least one set and one task")
    bare = [name for name in sets if not len(controls.get(name, ()))]
    if bare:
        raise InputError("controls", bare[0], "this set has no control sets; draw them with matched_sets")
    rng = np.random.default_rng(random_state)
    plain = {name: _scores(task([]), name) for name, task in tasks.items()}
    shape = (len(sets), len(tasks), len(CONDITIONS))
    effect, low, high = (np.empty(shape) for _ in range(3))
    beyond = np.empty(shape[:2])
    for s, (name, members) in enumerate(sets.items()):
        for t, (task_name, task) in enumerate(tasks.items()):
            before = plain[task_name]
            chosen = _scores(task([edit(list(members))]), task_name, like=before) - before
            drawn = [_scores(task([edit(list(c))]), task_name, like=before) - before for c in controls[name]]
            matched, nothing = np.mean(drawn, axis=0), np.zeros_like(before)
            pairs = ((chosen, nothing), (matched, nothing), (chosen, matched))
            for c, (after, reference) in enumerate(pairs):
                found = paired_effect(
                    after, reference, confidence=confidence, n_resamples=n_resamples, random_state=rng
                )
                effect[s, t, c], low[s, t, c], high[s, t, c] = found.mean, found.low, found.high
            beyond[s, t] = np.mean(np.abs(np.mean(drawn, axis=1)) >= abs(chosen.mean()))
    dims = ("set", "task", "condition")
    return xr.Dataset(
        {
            "effect": (dims, effect),
            "low": (dims, low),
            "high": (dims, high),
            "controls_beyond": (dims[:2], beyond),
            "n_items": ("task", np.array([len(plain[name]) for name in tasks])),
            "unedited": ("task", np.array([plain[name].mean() for name in tasks])),
        },
        coords={
            "set": np.array(list(sets), dtype=object),
            "task": np.array(list(tasks), dtype=object),
            "condition": list(CONDITIONS),
            "n_units": ("set", np.array([len(members) for members in sets.values()])),
        },
        attrs={"confidence": confidence, "n_resamples": n_resamples},
    )


def _scores(values: Any, task: str, like: np.ndarray | None = None) -> np.ndarray:
    scores = np.asarray(values, dtype=np.float64)
    if scores.ndim != 1 or len(scores) < 2 or (like is not None and scores.shape != like.shape):
        raise InputError("tasks", (task, scores.shape), "a task gives one score for each of two or more items, always")
    if not np.isfinite(scores).all():
        raise InputError("tasks", task, "gives scores that are not finite; leave such items out of the task")
    return scores


def _example(rng: np.random.Generator) -> tuple[tuple[Any, ...], dict[str, Any]]:
    weights = rng.normal(size=(6, 20))

    def task(edits: Sequence[Edit]) -> np.ndarray:
        gone = [int(unit.rpartition("/")[2]) for edit in edits for unit in edit.units]  # type: ignore[attr-defined]
        return np.delete(weights, gone, axis=0).sum(axis=0)

    return ({"first": ["a/0", "a/1"]}, {"sum": task}), {"controls": {"first": [["a/2", "a/3"], ["a/4", "a/5"]]}}
