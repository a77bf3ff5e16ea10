"""Expert units: units whose response to a stimulus tells whether it shows a concept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.units.detection import detection, same_units, strongest

if TYPE_CHECKING:
    from multiunit.core.statistic import Statistic
    from multiunit.units.question import Question


def average_precision(responses: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Average precision of every unit as a detector of every label, one label against the rest.

    AP = sum_n (R_n - R_{n-1}) P_n over the distinct thresholds n, from high to low; P precision, R recall. Equal
    responses pass a threshold together, so a constant unit gets the share of the label.

    Args:
        responses: `(presentation, unit)`.
        labels: `(presentation,)`.

    Returns:
        `(unit, label)`, labels sorted; chance is the label's share of presentations.

    Raises:
        InputError: for a single label, NaN, or lengths that differ.

    >>> average_precision(np.array([[3.0, 0.0], [2.0, 0.0], [1.0, 0.0], [0.0, 0.0]]), np.array([1, 1, 0, 0])).tolist()
    [[0.41666666666666663, 1.0], [0.5, 0.5]]
    """
    responses, labels = np.asarray(responses), np.asarray(labels)
    if responses.ndim != 2 or labels.shape != responses.shape[:1]:
        raise InputError("labels", labels.shape, f"needs one a row of responses, whose shape is {responses.shape}")
    if np.isnan(responses).any():
        raise InputError("responses", "NaN", "drop or fill what is missing first")
    names, number = np.unique(labels, return_inverse=True)
    if len(names) < 2:
        raise InputError("labels", names.tolist(), "needs at least two different labels")
    n = len(labels)
    rank = np.arange(1, n + 1)
    scores = np.empty((responses.shape[1], len(names)))
    for unit, response in enumerate(responses.T):
        order = np.argsort(-response, kind="stable")
        ordered = response[order]
        # The last place of every run of equal responses, and for every place the run it belongs to.
        last = np.append(ordered[1:] != ordered[:-1], True)
        end = np.flatnonzero(last)[np.cumsum(last) - last]
        hits = number[order][:, None] == np.arange(len(names))
        precision = (np.cumsum(hits, axis=0) / rank[:, None])[end]
        scores[unit] = (hits * precision).sum(axis=0) / hits.sum(axis=0)
    return scores


def needs(question: Question) -> dict[str, Statistic] | None:
    """Applicable where two or more labels are told apart; the response to a sequence is its maximum."""
    if question.by is None or len(question.labels) < 2:
        return None
    from multiunit.statistics import Moments, Pooled, RankCurve

    return {"ranks": Pooled(RankCurve(by=question.by), how="max"), "moments": Moments()}


@method(kind="detector", source="arXiv:2110.02802", needs=needs, finds="label")
def expert_units(
    *, ranks: xr.Dataset, moments: xr.Dataset, top: float = 0.01, random_state: int | np.random.Generator = 0
) -> xr.Dataset:
    """Find each label's experts: the `top` share of units by average precision of their largest response.

    r_j = max over the tokens of a stimulus; AP_j(label) = sum_n (R_n - R_{n-1}) P_n. The `top` share exists whatever
    the labels are; chance is the label's share of stimuli.

    Args:
        ranks: `Pooled(RankCurve(by=label), how="max")`: `average_precision(unit, group)`, `auroc(unit, group)`.
        moments: `Moments`: `mean(unit)`, on which the controls are matched.
        top: share of all units to select for each label.
        random_state: seed or generator of the controls.

    Returns:
        `score(unit, label)`: AP; `selected`, `control`; `auroc(unit, label)`.

    Raises:
        InputError: for a single label.

    Source: Suau et al. 2022, arXiv:2110.02802; first in arXiv:2005.07647.

    >>> ids = {"unit_id": ("unit", ["a/0", "a/1"]), "site": ("unit", ["a", "a"])}
    >>> ap = (("unit", "group"), [[0.9, 0.3], [0.5, 0.6]])
    >>> ranks = xr.Dataset({"average_precision": ap, "auroc": ap}, ids).assign_coords(group=["cat", "dog"])
    >>> found = expert_units(ranks=ranks, moments=xr.Dataset({"mean": ("unit", [0.0, 0.0])}, ids))
    >>> found["selected"].sel(label="dog").values.tolist()
    [False, True]
    """
    return by_precision(ranks=ranks, moments=moments, top=top, random_state=random_state)


def by_precision(
    *, ranks: xr.Dataset, moments: xr.Dataset, top: float, random_state: int | np.random.Generator
) -> xr.Dataset:
    """The `top` share of units by average precision, label by label; how responses were pooled is up to `ranks`."""
    units = same_units(ranks=ranks, moments=moments)
    labels = [str(group) for group in ranks["group"].values]
    if len(labels) < 2:
        raise InputError("ranks", labels, "needs at least two labels to tell apart")
    score = ranks["average_precision"].values
    return detection(
        score,
        np.stack([strongest(column, top) for column in score.T], axis=1),
        units=units,
        mean_activity=moments["mean"].values,
        labels=labels,
        extras={"auroc": (("unit", "label"), ranks["auroc"].values)},
        random_state=random_state,
    )
