"""Inter-subject RSA: which regions of different subjects hold the same stimuli apart alike, beyond chance.

The RDMs are those of single trials; each trial of one subject is paired with another repetition of the same stimulus in
the other subject, so that what both went through at one point of the session cannot pass for shared structure.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr
from scipy.stats import rankdata

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.core.recording import Recording
from multiunit.inference.false_discovery import false_discovery
from multiunit.inference.permutation import p_values
from multiunit.similarity.compare_rdms import n_conditions
from multiunit.similarity.rdm import Distance, rdm

By = Literal["pearson", "spearman"]


@method(kind="matching", source="arXiv:2507.13941")
def intersubject_rsa(
    recordings: Sequence[Recording],
    *,
    regions: str = "site",
    repetition_shift: int = 1,
    distance: Distance = "correlation",
    by: By = "pearson",
    n_permutations: int = 1000,
    random_state: int | np.random.Generator = 0,
) -> xr.Dataset:
    """Compare every region of every subject with every region of every other, by the RDMs of single trials.

    Trial (stimulus i, repetition r) of the first subject of a pair stands beside trial (i, (r + shift) mod R) of the
    second; RSA[p, q] = corr(RDM of region p, RDM of region q) over all pairs of trials. See `intersubject_likeness`.

    Args:
        recordings: one a subject, `(trial, unit)`, with the columns `stimulus_id` and `repeat` of presentations. Taken
            are the stimuli that every subject saw in all repetitions.
        regions: the column of units that names the region; all subjects need the same regions.
        repetition_shift: by how many repetitions trials are shifted; a multiple of R pairs the same repetitions.
        distance, by: of `rdm`, and of the comparison: Pearson or Spearman.
        n_permutations: of the stimuli.
        random_state: seed or generator of the permutations.

    Returns:
        As `intersubject_likeness`, with the names of regions.

    Raises:
        InputError: for fewer than two subjects, missing columns, no common regions, fewer than three common stimuli, a
            trial given twice, or what `rdm` refuses.

    Source: Marcos-Manchon & Fuentemilla 2025, arXiv:2507.13941, read from the authors' public code, which also clips
    the responses at extreme quantiles and permutes trials; here stimuli are permuted, with all their repetitions.

    >>> rng = np.random.default_rng(0)
    >>> shown = {"stimulus_id": np.tile(np.arange(20), 2), "repeat": np.repeat([0, 1], 20)}
    >>> image = rng.normal(size=(20, 6))
    >>> def subject():
    ...     activity = np.tile(image, (2, 1)) @ rng.normal(size=(6, 30)) + 0.1 * rng.normal(size=(40, 30))
    ...     return Recording.from_activity(activity, site="V1", presentations=shown)
    >>> found = intersubject_rsa([subject(), subject(), subject()], n_permutations=99)
    >>> bool(found["mean"].item() > 0.4), float(found["p_value"].item())
    (True, 0.01)
    """
    if len(recordings) < 2:
        raise InputError("recordings", len(recordings), "needs two subjects or more")
    tables = [_trials(recording) for recording in recordings]
    repeats = sorted({repeat for table in tables for repeat in table.columns})
    common = set.intersection(*(set(table.reindex(columns=repeats).dropna().index) for table in tables))
    stimuli = [stimulus for stimulus in tables[0].index if stimulus in common]
    if len(stimuli) < 3:
        raise InputError(
            "recordings", len(stimuli), f"need three stimuli that all saw in the {len(repeats)} repetitions"
        )
    names: list[Any] | None = None
    rdms = []
    for recording, table in zip(recordings, tables, strict=True):
        rows = table.loc[stimuli, repeats].to_numpy().T.ravel().astype(int)
        own, vectors = region_rdms(recording, regions=regions, distance=distance, rows=rows)
        if names is not None and own != names:
            raise InputError("regions", (names, own), "all subjects need the same regions")
        names = own
        rdms.append(vectors)
    found = intersubject_likeness(
        np.stack(rdms),
        n_repeats=len(repeats),
        repetition_shift=repetition_shift,
        by=by,
        n_permutations=n_permutations,
        random_state=random_state,
    )
    labels = np.array(names, dtype=object)
    return found.assign_coords(region=labels, other_region=labels)


def intersubject_likeness(
    rdms: Any,
    *,
    n_repeats: int = 1,
    repetition_shift: int = 0,
    by: By = "pearson",
    n_permutations: int = 1000,
    random_state: int | np.random.Generator = 0,
) -> xr.Dataset:
    """Compare RDMs of subjects, region by region, and with what they give when each subject's stimuli are permuted.

    The null draws one permutation of the stimuli a subject, for all its regions and repetitions; the RDMs are
    re-indexed, not computed again. Repetitions of one stimulus stay together, so the null lies above 0 where they are
    alike: what counts is which stimulus is like which, and not that each is like itself.

    Args:
        rdms: `(subject, region, pair)`, the distances of trials in the order of `rdm`: all stimuli of the first
            repetition, then the same stimuli of the second, and so on.
        n_repeats: repetitions of each stimulus.
        repetition_shift: the second subject's repetition is shifted by so many.
        by: Pearson or Spearman.
        n_permutations: draws of the null.
        random_state: seed or generator.

    Returns:
        `similarity(region, other_region, pair)`, the first subject's region beside the second's; `mean(region,
        other_region)` over pairs of subjects, made symmetric; `null(draw, region, other_region)` of that mean, its
        `p_value(region, other_region)`, and `q_value(region)`, the false discovery rate over regions compared with
        themselves; coordinates `first`, `second` (subjects) of `pair`.

    Raises:
        InputError: for another shape, numbers that are not finite, an RDM that is constant, trials that are no
            multiple of the repetitions, fewer than three stimuli, or no permutations.

    Source: as `intersubject_rsa`.

    >>> rdm = np.random.default_rng(0).random(45)
    >>> found = intersubject_likeness([[rdm], [2 * rdm + 1]], n_permutations=19)
    >>> round(float(found["mean"].item()), 6), float(found["p_value"].item())
    (1.0, 0.05)
    """
    values = np.asarray(rdms, dtype=np.float64)
    if values.ndim != 3 or len(values) < 2 or not values.shape[1]:
        raise InputError("rdms", values.shape, "needs (subject, region, pair), two subjects or more")
    if not np.isfinite(values).all():
        raise InputError("rdms", "NaN or infinity", "drop the trials without distances first")
    if by not in ("pearson", "spearman"):
        raise InputError("by", by, "is neither 'pearson' nor 'spearman'")
    n_trials = n_conditions(values.shape[2])
    if n_repeats < 1 or n_trials % n_repeats or n_trials // n_repeats < 3:
        raise InputError("n_repeats", n_repeats, f"must divide the {n_trials} trials, into three stimuli or more")
    if n_permutations < 1:
        raise InputError("n_permutations", n_permutations, "must be at least 1")
    rng = np.random.default_rng(random_state)
    n_stimuli, n_regions = n_trials // n_repeats, values.shape[1]
    unit = _unit(rankdata(values, axis=2) if by == "spearman" else values)
    repeat, stimulus = np.divmod(np.arange(n_trials), n_stimuli)
    shifted = (repeat + repetition_shift) % n_repeats
    i, j = np.triu_indices(n_trials, 1)
    pairs = list(combinations(range(len(unit)), 2))

    def likeness(orders: Sequence[np.ndarray]) -> np.ndarray:
        """`(pair of subjects, region, other region)`, each subject's stimuli in its order."""
        # No pair has the last subject first, or the first one second.
        first = [
            vectors[:, _pair(repeat * n_stimuli + order[stimulus], i, j)]
            for vectors, order in zip(unit[:-1], orders[:-1], strict=True)
        ]
        second = [
            vectors[:, _pair(shifted * n_stimuli + order[stimulus], i, j)]
            for vectors, order in zip(unit[1:], orders[1:], strict=True)
        ]
        return np.stack([first[a] @ second[b - 1].T for a, b in pairs])

    similarity = likeness([np.arange(n_stimuli)] * len(unit))
    null = np.empty((n_permutations, n_regions, n_regions))
    for draw in range(n_permutations):
        null[draw] = _symmetric(likeness([rng.permutation(n_stimuli) for _ in unit]))
    mean = _symmetric(similarity)
    p = p_values(mean, null)
    square = ("region", "other_region")
    return xr.Dataset(
        {
            "similarity": ((*square, "pair"), similarity.transpose(1, 2, 0)),
            "mean": (square, mean),
            "null": (("draw", *square), null),
            "p_value": (square, p),
            "q_value": ("region", false_discovery(np.diag(p))),
        },
        coords={
            "region": np.arange(n_regions),
            "other_region": np.arange(n_regions),
            "first": ("pair", [a for a, _ in pairs]),
            "second": ("pair", [b for _, b in pairs]),
        },
        attrs={"repetition_shift": repetition_shift, "n_stimuli": n_stimuli, "n_repeats": n_repeats, "by": by},
    )


def region_rdms(
    recording: Recording, *, regions: str, distance: Distance, rows: np.ndarray | None = None
) -> tuple[list[Any], np.ndarray]:
    """Names of the regions, in the order of the units, and their RDMs `(region, pair)`, of some presentations or all.

    >>> r = Recording.from_activity(np.eye(3), units={"site": ["a", "b", "b"]})
    >>> names, rdms = region_rdms(r, regions="site", distance="squared_euclidean")
    >>> names, rdms.tolist()
    (['a', 'b'], [[1.0, 1.0, 0.0], [1.0, 1.0, 2.0]])
    """
    table = recording.units
    if regions not in table:
        raise InputError("regions", regions, f"is no column of units; there are: {', '.join(table.columns)}")
    column = table[regions].to_numpy()
    names = list(dict.fromkeys(column))
    activity = recording.activity if rows is None else recording.activity[rows]
    observed = recording.dataset["observed"].values if "observed" in recording.dataset else None
    if observed is not None and rows is not None:
        observed = observed[rows]
    vectors = []
    for name in names:
        mine = column == name
        seen = None if observed is None else observed[:, mine]
        vectors.append(rdm(activity[:, mine], distance=distance, observed=seen))
    return names, np.stack(vectors)


def _trials(recording: Recording) -> pd.DataFrame:
    """The row of each trial, over stimuli and repetitions; NaN where there is none."""
    table = recording.presentations.reset_index()
    for name in ("stimulus_id", "repeat"):
        if name not in table:
            raise InputError("recordings", name, "is missing from the columns of presentations")
    if table.duplicated(["stimulus_id", "repeat"]).any():
        raise InputError("recordings", "repeat", "holds a stimulus twice in one repetition; number the repetitions")
    return table.assign(row=np.arange(len(table))).pivot(index="stimulus_id", columns="repeat", values="row")


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Less their mean and of length 1, so that correlation is a product."""
    centred = vectors - vectors.mean(axis=-1, keepdims=True)
    length = np.linalg.norm(centred, axis=-1, keepdims=True)
    if (length <= 1e-13 * np.linalg.norm(vectors, axis=-1, keepdims=True)).any():
        raise InputError("rdms", "constant", "all distances of an RDM are alike, so nothing can follow them")
    return np.asarray(centred / length)


def _pair(order: np.ndarray, i: np.ndarray, j: np.ndarray) -> np.ndarray:
    """Where the pairs (order_i, order_j) stand in a condensed RDM."""
    low, high = np.minimum(order[i], order[j]), np.maximum(order[i], order[j])
    return np.asarray(len(order) * low - low * (low + 1) // 2 + high - low - 1)


def _symmetric(likeness: np.ndarray) -> np.ndarray:
    mean = likeness.mean(axis=0)
    return np.asarray((mean + mean.T) / 2)
