"""Culture neurons (CULNIG): units that carry a skill, all of it or one culture's part of it, by their attribution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.units.detection import detection, same_units, strongest

if TYPE_CHECKING:
    import torch

    from multiunit.core.statistic import Statistic
    from multiunit.systems.torch_system import TorchSystem
    from multiunit.units.question import Question

GENERAL = "general"


def skill_score(
    activity: torch.Tensor, gradient: torch.Tensor, *, probability: torch.Tensor, sequence: torch.Tensor
) -> torch.Tensor:
    """How far a unit brings about the right answer of an item: s = P * max_t (a_t * dP/da_t).

    Args:
        activity: `(presentation, unit)`, a.
        gradient: `(presentation, unit)`, dP/da.
        probability: `(item,)`, P of the right answer.
        sequence: `(presentation,)`, the number of the item that each presentation belongs to, from 0.

    Returns:
        `(item, unit)`, at the activity's device.

    Raises:
        InputError: for shapes that differ, or an item without presentations.

    >>> import torch
    >>> a, g = torch.tensor([[1.0], [2.0], [1.0]]), torch.tensor([[3.0], [1.0], [-1.0]])
    >>> skill_score(a, g, probability=torch.tensor([0.5, 1.0]), sequence=torch.tensor([0, 0, 1])).tolist()
    [[1.5], [-1.0]]
    """
    if activity.shape != gradient.shape or len(sequence) != len(activity):
        mend = "activity, gradient and sequence speak of the same presentations and units"
        raise InputError("gradient", tuple(gradient.shape), mend)
    index = sequence.to(activity.device)[:, None].expand_as(activity)
    largest = activity.new_full((len(probability), activity.shape[1]), -np.inf)
    largest = largest.scatter_reduce(0, index, activity * gradient, "amax")
    if largest.isneginf().any():
        raise InputError("sequence", sequence.unique().tolist()[:5], f"needs each of {len(probability)} items")
    return largest * probability.to(largest)[:, None]


def skill_scores(
    system: TorchSystem,
    items: Any,
    *,
    by: str | None = None,
    answer: str = "answer",
    sites: str | Sequence[str] = "*",
    clip: bool = False,
) -> xr.Dataset:
    """Mean `skill_score` of every unit over items, in one pass forwards and backwards; only sums are kept.

    Args:
        system: a language model.
        items: prompts with the token number of the right answer in the column `answer`.
        by: the column that tells cultures apart; all items are one group without it.
        answer: the column of the answers.
        sites: globs. The authors took gate, query, key and value projections; any site will do.
        clip: take negative scores of an item for 0, as is done for control items.

    Returns:
        `mean(unit, group)`, `variance(unit, group)`, `n(group)` of the scores over items; `mean_activity(unit)`.

    Raises:
        InputError: as `differentiate`, or where `by` is no column of the items.
    """
    from multiunit.core.statistic import Batch
    from multiunit.statistics.accumulate import State, collect, feed
    from multiunit.statistics.group_moments import GroupMoments
    from multiunit.statistics.moments import Moments
    from multiunit.systems.gradients import TargetProbability, differentiate

    scored: State = {}
    active: State = {}
    for part in differentiate(system, items, sites, objective=TargetProbability(answer)):
        table = part.presentations
        number, kept = _items(table["sequence_id"].to_numpy())
        scores = {}
        for site, activity in part.activity.items():
            score = skill_score(activity, part.gradient[site], probability=part.value, sequence=number)
            scores[site] = score.clamp(min=0) if clip else score
        feed(scored, {"scores": GroupMoments(by)}, Batch(scores, table.iloc[kept]))
        feed(active, {"activity": Moments()}, Batch(part.activity, table))
    mean_activity = collect(active)["activity"]["mean"]
    return collect(scored)["scores"].assign(mean_activity=("unit", mean_activity.values))


def _items(sequence: np.ndarray) -> tuple[torch.Tensor, np.ndarray]:
    """The item of each presentation, counted as they come, and the first presentation of each."""
    import torch

    _, first, inverse = np.unique(sequence, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return torch.as_tensor(rank[inverse]), first[order]


def needs(question: Question) -> dict[str, Statistic] | None:
    """Never applicable to a pass over activity: the scores need the gradient of an answer (`skill_scores`)."""
    return None


@method(kind="detector", source="arXiv:2510.08284", needs=needs, example=lambda rng: _example(rng))
def culture_neurons(
    *,
    culture: xr.Dataset,
    control: xr.Dataset,
    mention: xr.Dataset,
    top_general: float | Mapping[str, float] = 0.01,
    top_specific: float | Mapping[str, float] = 0.003,
    drop: float | Mapping[str, float] = 0.01,
    least_z: float = 0.5,
    random_state: int | np.random.Generator = 0,
) -> xr.Dataset:
    """Find the units that carry cultural knowledge in general, and those of each culture.

    s_j(x) = P(x) max_t (a_jt dP/da_jt);  S_jk = mean over items x of culture k of s_j(x), less the mean of
    max(0, s_j) over k's control items;  S_j = mean over all cultural items less that over all control items. General:
    the top 1 % by S_j, but not those in the top 1 % of the mention task. Specific to k: the top 0.3 % by S_jk, but not
    those in the top 1 % of k's mention items, and with z_jk >= 0.5, z_jk = (S_jk - mean_k S_jk) / std_k S_jk.

    Args:
        culture: `skill_scores` of the cultural items, by culture: `mean(unit, group)`, `n(group)`, `mean_activity`.
        control: of items of the same form that need no such knowledge, `clip=True`: by culture where they speak of
            cultures, as the authors' do, else one group.
        mention: of items where a culture has only to be recognised by its name, by culture.
        top_general: share of the units to take, or globs of sites with the share of their units, the first that fits:
            the authors take `{"*[qkv]_proj": 0.002, "*": 0.01}`.
        top_specific, drop: likewise, of each culture's units and of those of the mention task that are dropped; at
            least one unit, or none for a share of 0.
        least_z: how far a unit must stand out for a culture among the cultures.
        random_state: seed or generator of the controls.

    Returns:
        `score(unit, label)`, `selected(unit, label)` and `control(unit, label)`, labels "general" and then the
        cultures; `z(unit, group)`.

    Raises:
        InputError: for fewer than two cultures, a culture without mention items, units that differ, or a unit to
            which no share of a mapping applies.

    Source: Yamamoto et al. 2025, arXiv:2510.08284, and the authors' code, where z goes over the cultures with the
    population's deviation, and where every culture has as many items, so that sums serve as means. Unsure: whether the
    text weighs by P as the code does.

    >>> ids = {"unit_id": ("unit", [f"a/{j}" for j in range(4)]), "site": ("unit", ["a"] * 4)}
    >>> def scores(values, groups):
    ...     means = {"mean": (("unit", "group"), values), "n": ("group", [5] * len(groups))}
    ...     return xr.Dataset(means | {"mean_activity": ("unit", [1.0] * 4)}, ids | {"group": groups})
    >>> found = culture_neurons(
    ...     culture=scores([[3, 3], [4, 4], [2, 0], [0, 0]], ["jp", "kr"]),
    ...     control=scores([[0], [4], [0], [0]], ["all"]),
    ...     mention=scores([[0, 0], [0, 0], [0, 0], [9, 9]], ["jp", "kr"]),
    ...     top_general=0.25, top_specific=0.5, drop=0.25)
    >>> [found["unit_id"].values[found["selected"].sel(label=k).values].tolist() for k in ("general", "jp", "kr")]
    [['a/0'], ['a/2'], []]
    """
    units = same_units(culture=culture, control=control, mention=mention)
    names = [str(name) for name in culture["group"].values]
    if len(names) < 2 or GENERAL in names:
        raise InputError("culture", names, f"needs at least two cultures, none of them called {GENERAL!r}")
    mentioned = _by_culture(mention, names, "mention")
    overall = _over_items(culture) - _over_items(control)
    neutral = _over_items(control)[:, None] if control.sizes["group"] == 1 else _by_culture(control, names, "control")
    by_culture = _by_culture(culture, names, "culture") - neutral
    deviation = by_culture.std(axis=1, keepdims=True)
    offset = by_culture - by_culture.mean(axis=1, keepdims=True)
    z = np.divide(offset, deviation, out=np.zeros_like(offset), where=deviation > 0)
    site = units["site"].values
    columns = [_top(overall, site, top_general, "top_general") & ~_top(_over_items(mention), site, drop, "drop")]
    for k in range(len(names)):
        own = _top(by_culture[:, k], site, top_specific, "top_specific")
        columns.append(own & ~_top(mentioned[:, k], site, drop, "drop") & (z[:, k] >= least_z))
    return detection(
        np.column_stack([overall, by_culture]),
        np.stack(columns, axis=1),
        units=units,
        mean_activity=culture["mean_activity"].values,
        labels=[GENERAL, *names],
        extras={"z": (("unit", "group"), z)},
        random_state=random_state,
    ).assign_coords(group=np.array(names, dtype=object))


def _by_culture(scores: xr.Dataset, names: list[str], argument: str) -> np.ndarray:
    """Mean scores `(unit, culture)` in the order of the names."""
    there = scores["group"].values.astype(str).tolist()
    absent = [name for name in names if name not in there]
    if absent:
        raise InputError(argument, absent[0], "has no items of this culture")
    return scores["mean"].transpose("unit", "group").values[:, [there.index(name) for name in names]]


def _over_items(scores: xr.Dataset) -> np.ndarray:
    """The mean over all items, whatever their group."""
    mean, n = scores["mean"].transpose("unit", "group").values, scores["n"].values
    if not n.size or n.min() < 1:
        raise InputError("n", n.tolist(), "every group needs at least one item")
    return np.asarray((mean * n).sum(axis=1) / n.sum(), dtype=np.float64)


def _top(score: np.ndarray, site: np.ndarray, share: float | Mapping[str, float], argument: str) -> np.ndarray:
    """The strongest units of each kind of site, by the share that is asked of that kind."""
    shares = share if isinstance(share, Mapping) else {"*": share}
    chosen, left = np.zeros(len(score), dtype=bool), np.ones(len(score), dtype=bool)
    for pattern, part in shares.items():
        mine = left & np.array([fnmatchcase(str(name), pattern) for name in site], dtype=bool)
        if mine.any() and part > 0:
            chosen[mine] = strongest(score[mine], part)
        left &= ~mine
    if left.any():
        raise InputError(argument, dict(shares), f"says nothing of the site {site[left][0]}; add '*'")
    return chosen


def _example(rng: np.random.Generator) -> tuple[tuple[Any, ...], dict[str, Any]]:
    n_units = 60
    site = np.array(["near"] * 30 + ["far"] * 30, dtype=object)
    ids = {"unit_id": ("unit", [f"{s}/{j}" for j, s in enumerate(site)]), "site": ("unit", site)}

    def scores(groups: list[str]) -> xr.Dataset:
        values = {
            "mean": (("unit", "group"), rng.normal(size=(n_units, len(groups)))),
            "n": ("group", np.full(len(groups), 5)),
            "mean_activity": ("unit", rng.normal(size=n_units)),
        }
        return xr.Dataset(values, {**ids, "group": np.array(groups, dtype=object)})

    cultures = ["a", "b", "c"]
    given = {"culture": scores(cultures), "control": scores(["all"]), "mention": scores(cultures)}
    return (), given | {"top_general": 0.1, "top_specific": 0.1, "drop": 0.1}
