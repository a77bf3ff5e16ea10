"""What a detector promises: it finds what was planted, nothing in noise, and gives a control that is one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import xarray as xr

from multiunit.checks.case import Case, declared_example
from multiunit.checks.contract import promise
from multiunit.checks.world import LABELS, LENGTH, World, planted_world, vocabularies
from multiunit.core.errors import InputError
from multiunit.core.method import Method


@dataclass(frozen=True)
class DetectorCase(Case):
    """The statistics that the detector needs, of a planted world; `world` is None where the record has an example.

    Args:
        statistics: of any world, as keyword arguments of the detector.
    """

    world: World | None = field(default=None, kw_only=True)
    statistics: Callable[[World], dict[str, xr.Dataset]] | None = field(default=None, kw_only=True)

    random_variables: ClassVar[tuple[str, ...]] = ("control",)

    @property
    def planted(self) -> np.ndarray:
        """The positions of the units that the detector should find (`finds=` of its record)."""
        assert self.world is not None
        return self.world.families[self.method.properties["finds"]]


def case(method: Method, rng: np.random.Generator) -> DetectorCase:
    """A planted world of two sites, 400 units and four labels, in the statistics that the record's `needs` asks for."""
    from multiunit.units.question import Question

    example = declared_example(method, rng)
    if example is not None:
        return DetectorCase(method, *example)
    world = planted_world(rng)
    columns = tuple(map(str, world.presentations))
    question = Question("group", LABELS, LENGTH, vocabularies(world.presentations), columns)
    wanted = method.properties["needs"](question)
    if wanted is None:
        mend = "is not asked by four labels of token sequences; declare @method(..., example=...)"
        raise InputError("method", method.name, mend)

    def statistics(world: World) -> dict[str, xr.Dataset]:
        return {name: _result(statistic, world) for name, statistic in wanted.items()}

    return DetectorCase(method, (), statistics(world), world=world, statistics=statistics)


def _result(statistic: Any, world: World) -> xr.Dataset:
    statistic = statistic.fresh()
    for activity, presentations in world.batches(40):
        statistic.update(activity, presentations)
    n_units = world.activity.shape[1]
    ids = np.array([f"{site}/{unit}" for unit, site in enumerate(world.sites)], dtype=object)
    assert len(ids) == n_units
    return statistic.result().assign_coords(unit_id=("unit", ids), site=("unit", world.sites))


def _planted(case: DetectorCase) -> bool:
    return case.world is not None and "finds" in case.method.properties


@promise(applies=_planted)
def planted_units_are_found(case: DetectorCase) -> str | None:
    """Every planted unit is selected - under the label it was planted for, where there are labels."""
    selected = case.answer()["selected"]
    missed = []
    for unit in case.planted:
        mine = selected.isel(unit=int(unit))
        assert case.world is not None
        label = case.world.label_of.get(int(unit))
        if label is not None and "label" in mine.dims:
            mine = mine.sel(label=label)
        if not bool(np.asarray(mine.values).any()):
            missed.append(int(unit))
    return f"misses {len(missed)} of {len(case.planted)} planted units: {missed}" if missed else None


@promise(applies=_planted)
def shuffling_kills(case: DetectorCase) -> str | None:
    """With activity dealt anew over presentations and units, the planted units stand out no more.

    Their score was extreme among all units; afterwards they are spread: not all of them are still selected.
    """
    assert case.world is not None
    assert case.statistics is not None
    shuffled = case.statistics(case.world.shuffled(np.random.default_rng(0)))
    selected = case.call(**shuffled)["selected"]
    chosen = selected.values.reshape(len(selected), -1).any(axis=1)[case.planted]
    return f"still selects all {len(chosen)} units that are no longer planted" if chosen.all() else None


@promise()
def control_is_matched(case: DetectorCase) -> str | None:
    """The control has as many units as the selection, of the same sites, and none of the selected ones."""
    answer = case.answer()
    for name in ("score", "selected", "control"):
        if name not in answer or "unit" not in answer[name].dims:
            return f"has no {name}(unit)"
    n_units = answer.sizes["unit"]
    selected, control = (answer[name].values.astype(bool).reshape(n_units, -1) for name in ("selected", "control"))
    site = answer["site"].values.astype(str)
    for column in range(selected.shape[1]):
        if (selected[:, column] & control[:, column]).any():
            return f"{int((selected[:, column] & control[:, column]).sum())} units are selected and control at once"
        for name in np.unique(site):
            mine = [int(marked[site == name, column].sum()) for marked in (selected, control)]
            free = int((site == name).sum()) - mine[0]
            if mine[1] != min(mine[0], free):
                return f"site {name!r} has {mine[0]} selected units and {mine[1]} controls"
    return None


@promise()
def score_is_a_number(case: DetectorCase) -> str | None:
    """Every unit has a finite or infinite score, never NaN."""
    unknown = int(np.isnan(case.answer()["score"].values).sum())
    return f"{unknown} scores are NaN" if unknown else None
