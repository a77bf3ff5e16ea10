"""How good a label is: whether it tells, on presentations it was not made from, when the unit is active."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.core.recording import Recording

_UNITS = 512  # ranked at a time: bounds the working memory


def label_aurocs(activity: np.ndarray, applies: np.ndarray) -> np.ndarray:
    """The AUROC of every unit for every label: P(a+ > a-) + P(a+ = a-) / 2; 0.5 for a label that tells nothing apart.

    It is linear in the unit's ranks, so that all pairs cost one matrix product.

    Args:
        activity: `(presentation, unit)`.
        applies: bool `(presentation, label)`.

    Returns:
        `(unit, label)`.

    >>> label_aurocs(np.array([[3.0], [2.0], [1.0]]), np.array([[True, True], [True, False], [False, True]])).tolist()
    [[1.0, 0.5]]
    """
    return _aurocs(_ranks(activity), np.asarray(applies, dtype=np.float64))


def _ranks(activity: np.ndarray) -> np.ndarray:
    from scipy.stats import rankdata

    return rankdata(activity, axis=0)


def _aurocs(ranks: np.ndarray, member: np.ndarray) -> np.ndarray:
    n_in = member.sum(axis=0)
    return _scaled(ranks.T @ member, n_in, len(ranks))


def _scaled(rank_sum: np.ndarray, n_in: np.ndarray, n: int) -> np.ndarray:
    """From the rank sum of the members to the share of pairs that are ordered rightly."""
    pairs = n_in * (n - n_in)
    wins = rank_sum - n_in * (n_in + 1) / 2
    return np.divide(wins, pairs, out=np.full(np.broadcast(wins, pairs).shape, 0.5), where=pairs > 0)


def _example(rng: np.random.Generator) -> tuple[tuple[Any, ...], dict[str, Any]]:
    applies = rng.random((200, 4)) < 0.3
    activity = rng.normal(size=(200, 4))
    activity[:, 1] += 3 * applies[:, 1]
    recording = Recording.from_activity(activity, units={"site": np.array(["V1", "V1", "IT", "IT"], dtype=object)})
    return (recording, applies), {"n_permutations": 50}


@method(kind="measure", source="arXiv:2201.11114", example=_example)
def label_score(
    recording: Recording,
    applies: Any,
    *,
    n_permutations: int = 200,
    n_exchanged: int = 256,
    random_state: int | np.random.Generator = 0,
) -> xr.Dataset:
    """Predict every unit's activity from whether its label applies: AUROC and correlation, beside two nulls.

    auroc_j = P(a_j(x) > a_j(y) | label j applies to x and not to y), ties counting half; r_j = corr(a_j, [applies]).

    Args:
        recording: activity `(presentation, unit)` in presentations that were not used to make the labels.
        applies: bool `(presentation, unit)`, whether the label of the unit holds of the presentation.
        n_permutations: shuffles of the presentations, the same for all units, for `p_value`.
        n_exchanged: how many other units' labels to try on each unit at most, for `null_mean`.
        random_state: seed or generator of both.

    Returns:
        Over `unit`: `auroc`, `correlation`, `share_applies`; `null_mean`, the mean AUROC of the labels of other units
        that apply otherwise (0.5 if there are none), which is what a label is worth that fits any unit; `p_value`, the
        share of shuffles with at least this AUROC. A label that applies always or never scores 0.5 and correlation 0.

    Raises:
        InputError: for shapes that do not fit, activity that is not finite or was not observed throughout.

    Source: reconstructed after Hernandez et al. 2022, arXiv:2201.11114, who compare labels with human ones; predicting
    responses from labels is the test of Bills et al. 2023, "Language models can explain neurons in language models".

    >>> recording = Recording.from_activity([[5.0, 0.0], [4.0, 1.0], [0.0, 7.0], [1.0, 0.0]])
    >>> score = label_score(recording, [[True, False], [True, False], [False, True], [False, False]])
    >>> score["auroc"].values.tolist(), score["null_mean"].values.tolist()
    ([1.0, 1.0], [0.0, 0.375])
    """
    dataset = recording.dataset
    if "activity" not in dataset or dataset["activity"].ndim != 2 or not recording.n_units:
        raise InputError("recording", recording, "needs activity (presentation, unit): use .bin(width) or .count()")
    if "observed" in dataset and not bool(dataset["observed"].all()):
        raise InputError("recording", recording, "select presentations in which all units were observed")
    held = np.asarray(applies)
    if held.dtype != bool or held.shape != (recording.n_presentations, recording.n_units) or not len(held):
        shape = (recording.n_presentations, recording.n_units)
        raise InputError("applies", (held.shape, str(held.dtype)), f"needs bool {shape}, at least one presentation")
    if n_permutations < 1 or n_exchanged < 1:
        raise InputError("n_permutations", (n_permutations, n_exchanged), "at least one of each")
    rng = np.random.default_rng(random_state)
    orders = [rng.permutation(len(held)) for _ in range(n_permutations)]
    others = np.unique(held, axis=1)
    if others.shape[1] > n_exchanged:
        others = others[:, rng.choice(others.shape[1], size=n_exchanged, replace=False)]
    others = others.astype(np.float64)
    parts = []
    for start in range(0, recording.n_units, _UNITS):
        block = slice(start, start + _UNITS)
        activity = dataset["activity"][:, block].values.astype(np.float64)
        if not np.isfinite(activity).all():
            raise InputError("activity", "NaN or infinite", "drop or fill what is missing first")
        parts.append(_block(activity, held[:, block].astype(np.float64), others, orders))
    joined = {name: ("unit", np.concatenate([part[name] for part in parts])) for name in parts[0]}
    return xr.Dataset(joined, {name: dataset.coords[name] for name in ("unit_id", "site")})


def _block(
    activity: np.ndarray, member: np.ndarray, others: np.ndarray, orders: list[np.ndarray]
) -> dict[str, np.ndarray]:
    ranks, n_in, n = _ranks(activity), member.sum(axis=0), len(activity)
    auroc = _scaled((ranks * member).sum(axis=0), n_in, n)
    null = np.stack([_scaled((ranks * member[order]).sum(axis=0), n_in, n) for order in orders])
    p_value = (1 + (null >= auroc - 1e-12).sum(axis=0)) / (1 + len(orders))
    # Which of the labels is the unit's own: no differing presentation.
    foreign = (member.sum(axis=0)[:, None] + others.sum(axis=0) - 2 * member.T @ others) > 0
    every = _aurocs(ranks, others)
    total, count = (every * foreign).sum(axis=1), foreign.sum(axis=1)
    centred = activity - activity.mean(axis=0)
    apart = member - member.mean(axis=0)
    size = np.sqrt((centred**2).sum(axis=0) * (apart**2).sum(axis=0))
    return {
        "auroc": auroc,
        "correlation": np.divide((centred * apart).sum(axis=0), size, out=np.zeros_like(size), where=size > 0),
        "share_applies": member.mean(axis=0),
        "null_mean": np.divide(total, count, out=np.full(len(total), 0.5), where=count > 0),
        "p_value": p_value,
    }
