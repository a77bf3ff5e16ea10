"""Double dissociation: parts that one task needs and another does without, and the reverse."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from multiunit.core.edit import Ablate, Edit
from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.inference.permutation import p_values

_NULLS = ("random", "permuted_items", "permuted")
Task = Callable[[Sequence[Edit]], Any]


def task_selectivity(drops: np.ndarray, *, shrink: float = 0.05) -> np.ndarray:
    """S = (d_1 - d_2) / (|d_1| + |d_2| + shrink), from -1 (only task 2 needs it) to 1 (only task 1 does).

    Args:
        drops: `(component, 2)`, the loss of score of either task without the component.
        shrink: drops much smaller than this do not count; at 0 noise about nothing would look perfectly selective.

    >>> task_selectivity(np.array([[0.95, 0.0], [0.2, 0.2], [0.0, 0.001]])).round(2).tolist()
    [0.95, 0.0, -0.02]
    """
    first, second = np.asarray(drops, dtype=np.float64).T
    scale = np.abs(first) + np.abs(second) + shrink
    return np.divide(first - second, scale, out=np.zeros_like(scale), where=scale > 0)


def dissociation_score(effect: np.ndarray) -> float:
    """[d_1(A) - d_2(A)] + [d_2(B) - d_1(B)] of `effect[set, task]`: each set's own drop over its drop elsewhere.

    >>> dissociation_score(np.array([[0.5, 0.1], [0.0, 0.25]]))
    0.65
    """
    return float(effect[0, 0] - effect[0, 1] + effect[1, 1] - effect[1, 0])


@method(kind="causal", source="arXiv:2510.03366", example=lambda rng: _example(rng))
def double_dissociation(
    components: Mapping[str, Sequence[str]],
    tasks: Mapping[str, tuple[Task, Task]],
    *,
    top: int = 3,
    kinds: Mapping[str, Hashable] | None = None,
    edit: Callable[[list[str]], Edit] = Ablate,
    shrink: float = 0.05,
    n_permutations: int = 200,
    random_state: int | np.random.Generator = 0,
) -> xr.Dataset:
    """Find the components that either of two tasks needs, and test on other items whether they dissociate the tasks.

    d_t(c) = mean score of task t intact, less without c, on the items for choosing; S = `task_selectivity`. The `top`
    components by S are task 1's set, by -S task 2's. The sets are then taken away whole, on the items for testing,
    and D = `dissociation_score` of what is lost. It is compared with three nulls: random sets of the same kinds of
    components, as large and without overlap (are these sets special?); the task labels of the testing items permuted
    (is the difference larger than items differ anyway?); and sets chosen after the labels of the choosing items were
    permuted. The last is strict: selective components have the most variable drops, so that they are chosen again
    under permuted labels, for one task or the other as chance has it, and the null reaches up to D itself.

    Args:
        components: name -> unit ids: heads, sublayers, groups of neurons. Components may share units.
        tasks: two of them, name -> (choosing, testing); each a function of a sequence of edits that returns one score
            for each item, the more the better, in the same order and number whatever the edits.
        top: components in each set.
        kinds: name -> kind, which random sets keep (head, MLP, layer); all are of one kind if not given.
        edit: makes the edit of a list of unit ids; `Ablate` by default.
        shrink: see `task_selectivity`.
        n_permutations: draws of either null. A set that comes again is not run again.
        random_state: seed or generator of the draws.

    Returns:
        over `component` and `task`: `drop`; over `component`: `selectivity`, `chosen` (the task, or ""); over `set`
        and `task`: `effect`, what the set costs on the testing items; over `draw`: `random`, `permuted_items` and
        `permuted`, the null values of D in this order; `score` = D with `p_random`, `p_permuted_items` and
        `p_permuted`; over `task`: `intact`.

    Raises:
        InputError: for another number of tasks than two, too few components for two sets, a missing kind, or scores
            that are not finite or change their number.

    Source: the logic is Shallice's (1988, chapter 10); the combination with component scans is reconstructed from the
    abstract of arXiv:2510.03366, whose metric and statistics could not be read.

    >>> needs = {"a/0": (1.0, 0.0), "a/1": (0.0, 1.0), "a/2": (0.1, 0.1), "a/3": (0.0, 0.0)}
    >>> def task(t):
    ...     return lambda edits: np.full(4, 2.0 - sum(needs[unit][t] for edit in edits for unit in edit.units))
    >>> parts = {unit: [unit] for unit in needs}
    >>> found = double_dissociation(parts, {"p": (task(0), task(0)), "q": (task(1), task(1))}, top=1)
    >>> float(found["score"]), found["chosen"].values.tolist()
    (2.0, ['p', 'q', '', ''])
    """
    names, labels = list(components), list(tasks)
    if len(labels) != 2:
        raise InputError("tasks", labels, "a double dissociation is between two tasks")
    if top < 1 or 2 * top > len(names):
        raise InputError("top", top, f"two sets of at least one out of {len(names)} components")
    if any(not len(components[name]) for name in names):
        raise InputError("components", [n for n in names if not len(components[n])][:3], "have no units")
    kind = [None if kinds is None else kinds.get(name) for name in names]
    if kinds is not None and None in kind:
        raise InputError("kinds", names[kind.index(None)], "has no kind")
    if n_permutations < 1:
        raise InputError("n_permutations", n_permutations, "must be at least 1")
    rng = np.random.default_rng(random_state)
    choosing, testing = ([tasks[label][part] for label in labels] for part in (0, 1))
    intact = [_scores(task([]), label) for task, label in zip(choosing, labels, strict=True)]
    # Drop of every item, the items of both tasks in one row: `(component, item)`.
    drops = np.stack(
        [
            np.concatenate(
                [
                    before - _scores(task([edit(list(components[name]))]), label, like=before)
                    for task, label, before in zip(choosing, labels, intact, strict=True)
                ]
            )
            for name in names
        ]
    )
    of_first = np.arange(drops.shape[1]) < len(intact[0])

    tested = [_scores(task([]), label) for task, label in zip(testing, labels, strict=True)]
    of_first_tested = np.arange(sum(map(len, tested))) < len(tested[0])
    known: dict[frozenset[int], np.ndarray] = {}

    def lost(chosen: np.ndarray) -> np.ndarray:
        """What taking a whole set away costs every testing item of both tasks."""
        key = frozenset(chosen.tolist())
        if key not in known:
            units = sorted({unit for index in chosen for unit in components[names[index]]})
            known[key] = np.concatenate(
                [
                    before - _scores(task([edit(units)]), label, like=before)
                    for task, label, before in zip(testing, labels, tested, strict=True)
                ]
            )
        return known[key]

    def effects(*pair: np.ndarray, first: np.ndarray = of_first_tested) -> np.ndarray:
        """What each of two sets costs either task, `(set, task)`."""
        return np.array([[lost(chosen)[first].mean(), lost(chosen)[~first].mean()] for chosen in pair])

    def chosen_by(first: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        mean = np.stack([drops[:, first].mean(axis=1), drops[:, ~first].mean(axis=1)], axis=1)
        order = np.argsort(-task_selectivity(mean, shrink=shrink), kind="stable")
        return mean, order[:top], order[::-1][:top]

    mean, *sets = chosen_by(of_first)
    effect = effects(*sets)
    score = dissociation_score(effect)
    null = np.empty((3, n_permutations))
    for draw in range(n_permutations):
        null[0, draw] = dissociation_score(effects(*_same_kinds(sets, kind, rng)))
        null[1, draw] = dissociation_score(effects(*sets, first=rng.permutation(of_first_tested)))
        null[2, draw] = dissociation_score(effects(*chosen_by(rng.permutation(of_first))[1:]))
    marked = np.full(len(names), "", dtype=object)
    for label, chosen in zip(labels, sets, strict=True):
        marked[chosen] = label
    return xr.Dataset(
        {
            "drop": (("component", "task"), mean),
            "selectivity": ("component", task_selectivity(mean, shrink=shrink)),
            "chosen": ("component", marked),
            "effect": (("set", "task"), effect),
            "score": ((), score),
            **{name: ("draw", values) for name, values in zip(_NULLS, null, strict=True)},
            **{
                f"p_{name}": ((), float(p_values(np.array(score), values)))
                for name, values in zip(_NULLS, null, strict=True)
            },
            "intact": ("task", np.array([scores.mean() for scores in tested])),
        },
        coords={"component": np.array(names, dtype=object), "task": labels, "set": labels},
        attrs={"top": top, "shrink": shrink},
    )


def _same_kinds(
    sets: Sequence[np.ndarray], kind: Sequence[Hashable], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Two random sets without overlap, each with as many components of every kind as the given one."""
    drawn: tuple[list[int], list[int]] = ([], [])
    # In the order of first appearance: a set's own order would depend on the hashes of strings.
    for wanted in dict.fromkeys(kind):
        free = rng.permutation([index for index, k in enumerate(kind) if k == wanted])
        start = 0
        for chosen, into in zip(sets, drawn, strict=True):
            n = sum(kind[index] == wanted for index in chosen)
            into.extend(free[start : start + n].tolist())
            start += n
    return np.array(drawn[0]), np.array(drawn[1])


def _scores(values: Any, task: str, like: np.ndarray | None = None) -> np.ndarray:
    scores = np.asarray(values, dtype=np.float64)
    if scores.ndim != 1 or not len(scores) or (like is not None and scores.shape != like.shape):
        raise InputError("tasks", (task, scores.shape), "a task gives one score for each item, always")
    if not np.isfinite(scores).all():
        raise InputError("tasks", task, "gives scores that are not finite; leave such items out of the task")
    return scores


def _example(rng: np.random.Generator) -> tuple[tuple[Any, ...], dict[str, Any]]:
    weights = rng.gamma(1.0, size=(2, 8, 30))

    def task(number: int) -> Task:
        def scores(edits: Sequence[Edit]) -> np.ndarray:
            gone = [int(unit.rpartition("/")[2]) for edit in edits for unit in edit.units]  # type: ignore[attr-defined]
            return np.delete(weights[number], gone, axis=0).sum(axis=0)

        return scores

    tasks = {name: (task(number), task(number)) for number, name in enumerate(("first", "second"))}
    return ({f"part {i}": [f"a/{i}"] for i in range(8)}, tasks), {"top": 2, "n_permutations": 10}
