"""Relation neurons: units that respond to a relation (capital of, made by) whatever the entities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.units.expert_units import average_precision, by_precision

if TYPE_CHECKING:
    from multiunit.core.statistic import Statistic
    from multiunit.units.question import Question

# 3,000 of the 32 x (2 x 11008 + 4096) gate, up and down columns of Llama-2-7B.
TOP = 3000 / (32 * (2 * 11008 + 4096))


def relation_precision(
    responses: np.ndarray,
    relations: np.ndarray,
    *,
    negatives: int = 4,
    random_state: int | np.random.Generator = 0,
) -> np.ndarray:
    """Average precision for every relation against `negatives` times as many prompts drawn from the other relations.

    Args:
        responses: `(prompt, unit)`, the mean over the tokens of a prompt.
        relations: `(prompt,)`.
        negatives: how many prompts of other relations to one of this; all there are if there are fewer.
        random_state: seed or generator of the draw.

    Returns:
        `(unit, relation)`, relations sorted.

    Raises:
        InputError: as `average_precision`, or for `negatives` below 1.

    >>> relation_precision(np.array([[2.0], [3.0], [0.0], [1.0]]), np.array(["r", "r", "s", "s"])).round(3).tolist()
    [[1.0, 0.417]]
    """
    if negatives < 1:
        raise InputError("negatives", negatives, "at least one prompt of other relations to each")
    rng = np.random.default_rng(random_state)
    responses, relations = np.asarray(responses), np.asarray(relations)
    names = np.unique(relations)
    scores = np.empty((responses.shape[1], len(names)))
    for column, name in enumerate(names):
        positive, rest = np.flatnonzero(relations == name), np.flatnonzero(relations != name)
        drawn = rng.choice(rest, size=min(len(rest), negatives * len(positive)), replace=False)
        rows = np.concatenate([positive, drawn])
        scores[:, column] = average_precision(responses[rows], relations[rows] == name)[:, 1]
    return scores


def overlap(selected: np.ndarray) -> np.ndarray:
    """How far the relations share their units: Jaccard index, `|A and B| / |A or B|`.

    Args:
        selected: bool `(unit, relation)`.

    Returns:
        `(relation, relation)`; 0 where neither has a unit.

    >>> overlap(np.array([[1, 1], [1, 0], [0, 1]], dtype=bool)).round(3).tolist()
    [[1.0, 0.333], [0.333, 1.0]]
    """
    chosen = np.asarray(selected, dtype=np.int64)
    both = chosen.T @ chosen
    either = both.diagonal()[:, None] + both.diagonal() - both
    return both / np.maximum(either, 1)


def needs(question: Question) -> dict[str, Statistic] | None:
    """Applicable where two or more labels are told apart; the response to a prompt is the mean of its tokens."""
    if question.by is None or len(question.labels) < 2:
        return None
    from multiunit.statistics import Moments, Pooled, RankCurve

    return {"ranks": Pooled(RankCurve(by=question.by), how="mean"), "moments": Moments()}


@method(kind="detector", source="arXiv:2502.17355", needs=needs, finds="label")
def relation_neurons(
    *, ranks: xr.Dataset, moments: xr.Dataset, top: float = TOP, random_state: int | np.random.Generator = 0
) -> xr.Dataset:
    """Find each relation's neurons: the `top` share of units by average precision of their mean response.

    r_j = mean over the tokens of a prompt; AP_j(relation) = sum_n (R_n - R_{n-1}) P_n. Whether they carry the
    relation shows only when they are silenced and facts about OTHER subjects suffer: `interventions.cross_effect`.

    Args:
        ranks: `Pooled(RankCurve(by=relation), how="mean")`: `average_precision(unit, group)`, `auroc(unit, group)`.
        moments: `Moments`: `mean(unit)`, on which the controls are matched.
        top: share of all units to select for each relation; 3,000 units of Llama-2-7B unless given.
        random_state: seed or generator of the controls.

    Returns:
        `score(unit, label)`: AP; `selected`, `control`; `auroc(unit, label)`; `n_relations(unit)`: how many relations
        share the unit.

    Raises:
        InputError: for a single relation.

    Source: Liu et al. 2025, arXiv:2502.17355. There four prompts of other relations are drawn for each positive one
    (`relation_precision`); here a relation stands against all others.

    >>> ids = {"unit_id": ("unit", ["a/0", "a/1"]), "site": ("unit", ["a", "a"])}
    >>> ap = (("unit", "group"), [[0.9, 0.8], [0.5, 0.6]])
    >>> ranks = xr.Dataset({"average_precision": ap, "auroc": ap}, ids).assign_coords(group=["capital", "maker"])
    >>> relation_neurons(ranks=ranks, moments=xr.Dataset({"mean": ("unit", [0.0, 0.0])}, ids))["n_relations"].values
    array([2, 0])
    """
    found = by_precision(ranks=ranks, moments=moments, top=top, random_state=random_state)
    return found.assign(n_relations=found["selected"].sum("label"))
