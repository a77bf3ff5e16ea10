"""Universal units: units that find a partner in networks trained from other seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.units.detection import detection, same_units

if TYPE_CHECKING:
    from multiunit.core.statistic import Statistic
    from multiunit.core.system import System
    from multiunit.units.question import Question


class Match(NamedTuple):
    """Per unit: the largest `correlation` with any unit of the other system, that unit's number `partner`, and the
    `baseline`: the largest correlation with any direction of the other system turned at random, mean over turns."""

    correlation: np.ndarray
    partner: np.ndarray
    baseline: np.ndarray


def best_match(
    correlation: np.ndarray,
    covariances: Sequence[np.ndarray],
    *,
    n_rotations: int = 5,
    random_state: int | np.random.Generator = 0,
) -> Match:
    """The partner of every unit, and what the best of as many arbitrary directions would have reached.

    With C the covariance of the other system's layer, R a random rotation of it and c_i = corr(i, j) sd_j:
    corr_rot(i, j) = (c_i R)_j / sqrt((R' C R)_jj). No second pass over the data is needed, whatever the number of
    rotations. The maximum over j is taken before the mean over rotations.

    Args:
        correlation: `(unit, other_unit)`; the other units in the order of the layers in `covariances`.
        covariances: one `(other_unit, other_unit)` a layer of the other system.
        n_rotations: how many random rotations of each layer.
        random_state: seed or generator of the rotations.

    Raises:
        InputError: for shapes that do not fit or a correlation that is not a number.
    """
    correlation = np.asarray(correlation, dtype=np.float64)
    sizes = [len(c) for c in covariances]
    if correlation.ndim != 2 or 0 in correlation.shape or correlation.shape[1] != sum(sizes):
        raise InputError("correlation", correlation.shape, f"needs (unit, {sum(sizes)}), neither of them 0")
    if not np.isfinite(correlation).all():
        raise InputError("correlation", "NaN", "the activity holds NaN or infinity")
    if n_rotations < 1:
        raise InputError("n_rotations", n_rotations, "at least one; the baseline rests on it")
    rng = np.random.default_rng(random_state)
    layers = np.split(correlation, np.cumsum(sizes)[:-1], axis=1)
    baseline = np.zeros(len(correlation))
    for _ in range(n_rotations):
        strongest = np.full(len(correlation), -np.inf)
        for layer, covariance in zip(layers, covariances, strict=True):
            rotation = _rotation(len(covariance), rng)
            variance = ((rotation.T @ covariance) * rotation.T).sum(axis=1)
            shared = (layer * np.sqrt(np.diag(covariance))) @ rotation
            # A direction without variance (rounding may take it below zero) correlates with nothing.
            alive = variance > 1e-12 * np.trace(covariance)
            turned = np.zeros_like(shared)
            turned[:, alive] = shared[:, alive] / np.sqrt(variance[alive])
            strongest = np.maximum(strongest, turned.max(axis=1))
        baseline += strongest / n_rotations
    return Match(correlation.max(axis=1), correlation.argmax(axis=1), baseline)


def excess_correlation(
    x: np.ndarray, y: np.ndarray, *, n_rotations: int = 5, random_state: int | np.random.Generator = 0
) -> np.ndarray:
    """How much better each unit of x is matched by a unit of y than by an arbitrary direction of y.

    excess_i = max_j corr(i, j) - max_j corr_rot(i, j).

    Args:
        x: `(presentation, unit)`.
        y: `(presentation, other_unit)`, one layer, the same presentations.
        n_rotations: how many random rotations of y the baseline is the mean of.
        random_state: seed or generator of the rotations.

    Returns:
        `(unit,)`. A constant unit correlates 0 with everything.

    Raises:
        InputError: for fewer than two presentations, other numbers of them, or NaN.

    >>> rng = np.random.default_rng(0)
    >>> x = rng.exponential(size=(2000, 20))
    >>> excess_correlation(x, x[:, ::-1])[:3] > 0.2
    array([ True,  True,  True])
    """
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if x.ndim != 2 or y.ndim != 2 or len(x) != len(y) or len(x) < 2:
        raise InputError("y", (x.shape, y.shape), "x and y need the same presentations, at least two: (n, unit)")
    for name, values in (("x", x), ("y", y)):
        if not np.isfinite(values).all():
            raise InputError(name, "NaN or infinity", "drop or fill what is missing first")
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    covariance = y.T @ y / len(y)
    scale = np.sqrt((x**2).mean(axis=0))[:, None] * np.sqrt(np.diag(covariance))
    cross = np.divide(x.T @ y / len(x), scale, out=np.zeros_like(scale), where=scale > 0)
    match = best_match(cross, [covariance], n_rotations=n_rotations, random_state=random_state)
    return match.correlation - match.baseline


def match_systems(
    system: System,
    other: System,
    *,
    stimuli: Any,
    sites: str | Sequence[str] = "*",
    other_sites: str | Sequence[str] = "*",
    n_rotations: int = 5,
    random_state: int | np.random.Generator = 0,
) -> xr.Dataset:
    """Stream the same stimuli through two systems side by side and match their units; no activity is stored.

    Args:
        system, other: with the same presentations in the same batches (for texts: one tokenizer, one batch size).
        stimuli: as `stream` takes them.
        sites, other_sites: globs; every unit is matched against all units of all `other_sites`.
        n_rotations, random_state: of the baseline; each site of `other` is turned by itself.

    Returns:
        over `unit`: `correlation`, `partner` (a unit id of `other`), `baseline`, and `mean`, the mean activity.

    Raises:
        InputError: where the two streams part.
    """
    from multiunit.statistics import Correlation, CrossCorrelation, Moments

    mine: dict[str, tuple[Any, Any]] = {}
    theirs: dict[str, tuple[Any, Any]] = {}
    streams = (system.stream(stimuli, sites), other.stream(stimuli, other_sites))
    for batch, other_batch in _side_by_side(*streams):
        table = batch.presentations
        across = _beside(list(other_batch.activity.values()))
        for site, activity in batch.activity.items():
            correlation, moments = mine.setdefault(site, (CrossCorrelation(), Moments()))
            correlation.update(activity, table, other=across)
            moments.update(activity, table)
        for site, activity in other_batch.activity.items():
            for statistic in theirs.setdefault(site, (Correlation(), Moments())):
                statistic.update(activity, table)
    if not mine:
        raise InputError("stimuli", "(none)", "nothing was presented")

    covariances, other_ids = [], []
    for site, (correlation, moments) in theirs.items():
        deviation = np.sqrt(moments.result()["variance"].values)
        # Correlations of constant units are undefined; with no deviation their covariance is 0.
        within = np.nan_to_num(correlation.result()["correlation"].values)
        covariances.append(within * deviation[:, None] * deviation)
        other_ids += [f"{site}/{index}" for index in range(len(deviation))]
    other_varies = np.concatenate([np.diag(c) for c in covariances]) > 0

    cross, mean, unit_ids, unit_sites = [], [], [], []
    for site, (correlation, moments) in mine.items():
        result = moments.result()
        varies = result["variance"].values[:, None] * other_varies > 0
        cross.append(np.where(varies, correlation.result()["correlation"].values, 0.0))
        mean.append(result["mean"].values)
        unit_ids += [f"{site}/{index}" for index in range(len(varies))]
        unit_sites += [site] * len(varies)
    match = best_match(np.concatenate(cross), covariances, n_rotations=n_rotations, random_state=random_state)
    return xr.Dataset(
        {
            "correlation": ("unit", match.correlation),
            "partner": ("unit", np.array(other_ids, dtype=object)[match.partner]),
            "baseline": ("unit", match.baseline),
            "mean": ("unit", np.concatenate(mean)),
        },
        {"unit_id": ("unit", np.array(unit_ids, dtype=object)), "site": ("unit", np.array(unit_sites, dtype=object))},
    )


def needs(question: Question) -> dict[str, Statistic] | None:
    """Never applicable to one system alone: match it with others first (`match_systems`)."""
    return None


def example(rng: np.random.Generator) -> tuple[tuple[()], dict[str, list[xr.Dataset]]]:
    """Matches of thirty units with two systems, four of which recur, for the contract checks."""
    site = np.repeat(["near", "far"], 15).astype(object)
    ids = {
        "unit_id": ("unit", np.array([f"{s}/{u}" for u, s in enumerate(site)], dtype=object)),
        "site": ("unit", site),
    }
    matches = []
    for _ in range(2):
        correlation = rng.uniform(0.2, 0.4, 30)
        correlation[[2, 9, 16, 27]] = 0.95
        values = {"correlation": correlation, "baseline": np.full(30, 0.25), "mean": rng.uniform(size=30)}
        matches.append(xr.Dataset({name: ("unit", v) for name, v in values.items()}, ids))
    return (), {"matches": matches}


@method(kind="detector", source="arXiv:2401.12181", needs=needs, example=example)
def universality(
    *, matches: Sequence[xr.Dataset], threshold: float = 0.5, random_state: int | np.random.Generator = 0
) -> xr.Dataset:
    """Find universal units: those that recur in networks of other seeds far beyond what any basis would give.

    rho_i = mean_m [ max_j corr(i, j; m) - max_j corr_rot(i, j; m) ]; universal if rho_i > threshold.

    Args:
        matches: one a system m, from `match_systems`: `correlation(unit)`, `baseline(unit)`, `mean(unit)`.
        threshold: of the excess correlation.
        random_state: seed or generator of the control.

    Returns:
        `score(unit)`: rho; `selected`, `control`; `correlation(unit)` and `baseline(unit)`: means over systems.

    Raises:
        InputError: without matches, or if they are of different units.

    Source: Gurnee et al. 2024, arXiv:2401.12181, with an orthogonal rotation where the authors' code mixes by a
    row-normalised Gaussian matrix.
    """
    if not len(matches):
        raise InputError("matches", matches, "needs the matches with at least one other system")
    units = same_units(**{f"matches[{m}]": match for m, match in enumerate(matches)})
    correlation, baseline = (np.mean([m[name].values for m in matches], axis=0) for name in ("correlation", "baseline"))
    score = correlation - baseline
    return detection(
        score,
        score > threshold,
        units=units,
        mean_activity=units["mean"].values,
        extras={"correlation": ("unit", correlation), "baseline": ("unit", baseline)},
        random_state=random_state,
        threshold=threshold,
        n_systems=len(matches),
    )


def _rotation(n: int, rng: np.random.Generator) -> np.ndarray:
    q, r = np.linalg.qr(rng.standard_normal((n, n)))
    return q * np.sign(np.diag(r))  # Without the signs the rotations would not be uniformly distributed.


def _beside(activities: list[Any]) -> Any:
    if hasattr(activities[0], "detach"):
        import torch

        return torch.cat(activities, dim=-1)
    return np.concatenate(activities, axis=-1)


def _side_by_side(first: Any, second: Any) -> Any:
    keys = ["sequence_id", "position"]
    missing: Any = object()
    first, second = iter(first), iter(second)
    while True:
        one, two = next(first, missing), next(second, missing)
        if one is missing and two is missing:
            return
        if (
            one is missing
            or two is missing
            or not np.array_equal(one.presentations[keys].to_numpy(), two.presentations[keys].to_numpy())
        ):
            raise InputError("other", "another stream", "needs the same presentations in the same batches")
        yield one, two
