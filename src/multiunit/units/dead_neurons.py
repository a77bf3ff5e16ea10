"""Dead neurons: units that no presentation ever activates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.units.detection import detection, same_units

if TYPE_CHECKING:
    from multiunit.core.statistic import Statistic
    from multiunit.units.question import Question


def silence(active: np.ndarray, n: int) -> np.ndarray:
    """The share of presentations that leave each unit silent, `1 - active / n`; exactly 1 for a dead unit.

    Args:
        active: `(unit,)`, how many presentations activated it.
        n: how many presentations there were.

    >>> silence(np.array([0, 5]), 10).tolist()
    [1.0, 0.5]
    """
    if n < 1:
        raise InputError("n", n, "nothing was presented, so nothing can be called dead")
    return 1.0 - np.asarray(active) / n


def needs(question: Question) -> dict[str, Statistic] | None:
    """Always applicable."""
    from multiunit.statistics import FiringFraction, Moments

    return {"firing": FiringFraction(threshold=question.threshold), "moments": Moments()}


@method(kind="detector", source="arXiv:2309.04827", needs=needs, finds="dead")
def dead_neurons(*, firing: xr.Dataset, moments: xr.Dataset, random_state: int | np.random.Generator = 0) -> xr.Dataset:
    """Find the units that are never active on a large and varied set of presentations.

    Dead: `active_j = sum_t [a_jt > threshold] = 0`. How strong that is depends on the number n of presentations: a
    unit that was silent n times fires, with 95 % confidence, on fewer than `1 - 0.05^(1/n)` of them (attribute
    `rate_upper_bound`).

    Args:
        firing: `FiringFraction` over everything: `active(unit, group)`, `n(group)`; groups are summed.
        moments: `Moments`: `mean(unit)`, on which the control is matched.
        random_state: seed or generator of the control.

    Returns:
        `score(unit)`: the share of silent presentations; `selected(unit)`: the dead; `control(unit)`; `active(unit)`.

    Raises:
        InputError: if nothing was presented.

    Source: Voita et al. 2023, arXiv:2309.04827, section 3 (for ReLU; for other units the threshold is a choice).

    >>> ids = {"unit_id": ("unit", ["a/0", "a/1"]), "site": ("unit", ["a", "a"])}
    >>> firing = xr.Dataset({"active": (("unit", "group"), [[0], [7]]), "n": ("group", [9])}, ids)
    >>> dead_neurons(firing=firing, moments=xr.Dataset({"mean": ("unit", [0.0, 1.0])}, ids))["selected"].values.tolist()
    [True, False]
    """
    units = same_units(firing=firing, moments=moments)
    active = np.asarray(firing["active"].values).sum(axis=1)
    n = int(firing["n"].values.sum())
    score = silence(active, n)
    return detection(
        score,
        active == 0,
        units=units,
        mean_activity=moments["mean"].values,
        extras={"active": ("unit", active)},
        random_state=random_state,
        n=n,
        rate_upper_bound=1 - 0.05 ** (1 / n),
    )
