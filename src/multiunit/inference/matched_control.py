"""A random control for a selection of units: as many, of the same sites, as active on average."""

from __future__ import annotations

from typing import Any

import numpy as np

from multiunit.core.errors import InputError


def matched_control(
    selected: Any,
    *,
    site: Any,
    mean_activity: Any,
    random_state: int | np.random.Generator = 0,
    n_nearest: int = 10,
) -> np.ndarray:
    """Draw for every selected unit another one of its site whose mean activity is close.

    The selected units are visited in random order; each takes one at random of the `n_nearest` units of its site
    that are neither selected nor taken, by distance in mean activity. Where a site has too few others, all of them
    are taken and the control is smaller than the selection.

    Args:
        selected: bool `(unit,)`.
        site: `(unit,)`, any labels.
        mean_activity: `(unit,)`, finite.
        random_state: seed or generator.
        n_nearest: how many candidates to draw from; 1 takes the nearest, more are more random and less close.

    Returns:
        bool `(unit,)`, disjoint from `selected`.

    Raises:
        InputError: for shapes that differ, an activity that is not finite, or `n_nearest` below 1.

    >>> matched_control([True, False, False, False], site=["a", "a", "a", "b"], mean_activity=[1, 5, 2, 1], n_nearest=1)
    array([False, False,  True, False])
    """
    chosen = np.asarray(selected, dtype=bool)
    site, activity = np.asarray(site), np.asarray(mean_activity, dtype=np.float64)
    for name, values in (("site", site), ("mean_activity", activity)):
        if values.shape != chosen.shape:
            raise InputError(name, values.shape, f"needs one value for each of {chosen.size} units")
    if not np.isfinite(activity).all():
        raise InputError("mean_activity", "NaN or infinity", "every unit needs a mean activity to be matched on")
    if n_nearest < 1:
        raise InputError("n_nearest", n_nearest, "must be at least 1")
    rng = np.random.default_rng(random_state)
    control = np.zeros_like(chosen)
    _, number = np.unique(site.astype(str), return_inverse=True)
    for group in np.unique(number[chosen]):
        free = np.flatnonzero((number == group) & ~chosen)
        for unit in rng.permutation(np.flatnonzero((number == group) & chosen)):
            if not len(free):
                break
            distance = np.abs(activity[free] - activity[unit])
            nearest = np.argsort(distance, kind="stable")[:n_nearest]
            taken = rng.choice(nearest)
            control[free[taken]] = True
            free = np.delete(free, taken)
    return control
