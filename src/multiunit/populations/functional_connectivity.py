"""Functional connectivity: which units are active together."""

from __future__ import annotations

import numpy as np
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.core.recording import Recording


def correlations(activity: np.ndarray) -> np.ndarray:
    """Pearson correlation of every pair of units; NaN where a unit is constant or holds NaN.

    Args:
        activity: `(presentation, unit)`, at least two presentations.

    Returns:
        `(unit, unit)`, 1 on the diagonal of units that vary.

    >>> correlations(np.array([[0.0, 1.0, 5.0], [1.0, 0.0, 5.0]])).round(6).tolist()
    [[1.0, -1.0, nan], [-1.0, 1.0, nan], [nan, nan, nan]]
    """
    x = np.asarray(activity, dtype=np.float64)
    if x.ndim != 2 or len(x) < 2:
        raise InputError("activity", x.shape, "needs (presentation, unit) with at least two presentations")
    x = x - x.mean(axis=0)
    norm = np.sqrt((x**2).sum(axis=0))
    norm = np.where(norm > 0, norm, np.nan)
    return np.clip((x / norm).T @ (x / norm), -1.0, 1.0)


def example(rng: np.random.Generator) -> tuple[tuple[Recording], dict[str, float]]:
    """Two animals of six neurons, for the contract checks."""
    x = rng.normal(size=(40, 6)) @ rng.normal(size=(6, 6))
    return (Recording.from_activity(x, presentations={"subject": np.repeat(["w1", "w2"], 20)}),), {}


@method(kind="population", source="arXiv:2411.12091", example=example, nan="the unit was not recorded in that animal")
def functional_connectivity(recording: Recording, *, over: str = "subject") -> xr.Dataset:
    """Correlate every pair of units within each animal, among the units that were observed in it.

    Args:
        recording: as `io.homogenize` gives it: `activity(presentation, unit)`, and `observed` where not all were.
        over: the presentation column that names the animal.

    Returns:
        `correlation(animal, unit, other_unit)`, NaN for pairs not recorded together; `mean_correlation(unit,
        other_unit)` over the animals that have the pair; `n_animals(unit, other_unit)`.

    Raises:
        InputError: without that column, or for an animal with fewer than two presentations.

    >>> x = np.array([[0.0, 0.0], [1.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
    >>> two = Recording.from_activity(x, presentations={"subject": ["w1", "w1", "w2", "w2"]})
    >>> functional_connectivity(two)["correlation"].values[:, 0, 1].round(6).tolist()
    [1.0, -1.0]
    """
    table = recording.presentations
    if over not in table:
        raise InputError("over", over, f"is no presentation column; there are: {', '.join(map(str, table))}")
    activity = recording.activity
    observed = recording.dataset["observed"].values if "observed" in recording.dataset else np.isfinite(activity)
    animals = list(dict.fromkeys(table[over]))
    n_units = recording.n_units
    if not animals or not n_units:
        raise InputError("recording", recording, "holds no presentation or no unit")
    matrix = np.full((len(animals), n_units, n_units), np.nan)
    for number, animal in enumerate(animals):
        rows = (table[over] == animal).to_numpy()
        # Only units seen in all frames of the animal: frames a unit missed would pair others with less than they have.
        seen = np.flatnonzero(observed[rows].all(axis=0))
        matrix[number][np.ix_(seen, seen)] = correlations(activity[np.ix_(rows, seen)])
    n_animals = np.isfinite(matrix).sum(axis=0)
    total = np.nansum(matrix, axis=0)
    mean = np.divide(total, n_animals, out=np.full(total.shape, np.nan), where=n_animals > 0)
    ids = recording.dataset["unit_id"].values
    pair = ("unit", "other_unit")
    return xr.Dataset(
        {"correlation": (("animal", *pair), matrix), "mean_correlation": (pair, mean), "n_animals": (pair, n_animals)},
        coords={
            "animal": np.array(animals, dtype=object),
            "unit_id": ("unit", ids),
            "site": ("unit", recording.dataset["site"].values),
            "other_unit_id": ("other_unit", ids),
        },
    )
