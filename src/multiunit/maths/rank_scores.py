"""Average precision and AUROC of many units at once, exact."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from multiunit.core.errors import InputError

# Responses sorted at a time: bounds the working memory at about eight arrays of this many numbers.
_BLOCK = 2**20


class RankScores(NamedTuple):
    """`average_precision` and `auroc`, both `(unit, label)`."""

    average_precision: np.ndarray
    auroc: np.ndarray


def rank_scores(responses: Any, labels: Any) -> RankScores:
    """How well each unit's response ranks the presentations of each label above all others.

    AP = sum_n (R_n - R_{n-1}) P_n over the distinct thresholds n from high to low; AUROC = P(r+ > r-) + P(r+ = r-)/2.
    Equal responses pass a threshold together, as scikit-learn has it, so a constant unit gets
    the label's share and 0.5.

    Args:
        responses: `(presentation, unit)`, array or tensor; a label's scores cost one sort of each unit's responses.
        labels: bool `(presentation, label)`.

    Returns:
        Both scores, float64; NaN for a label that all or none of the presentations carry.

    Raises:
        InputError: for shapes that do not fit, no presentations, or responses that are NaN.

    >>> scores = rank_scores(np.array([[3.0], [2.0], [1.0]]), np.array([[True], [False], [True]]))
    >>> scores.average_precision.round(4).tolist(), scores.auroc.tolist()
    ([[0.8333]], [[0.5]])
    """
    x = np.asarray(responses.detach().cpu() if hasattr(responses, "detach") else responses)
    y = np.asarray(labels, dtype=bool)
    if x.ndim != 2 or y.ndim != 2 or len(x) != len(y) or not len(x):
        raise InputError("labels", y.shape, f"needs (presentation, label) beside responses {x.shape}")
    if x.dtype.kind != "f" or x.dtype.itemsize > 8:
        x = x.astype(np.float64)
    if x.dtype == np.float16:
        x = x.astype(np.float32)
    if np.isnan(x).any():
        raise InputError("responses", "NaN", "drop or fill what is missing first")
    step = max(1, _BLOCK // len(x))
    blocks = [_block(np.ascontiguousarray(x[:, start : start + step].T), y) for start in range(0, x.shape[1], step)]
    empty = np.empty((0, y.shape[1]))
    return RankScores(*(np.concatenate([empty, *parts]) for parts in zip(*blocks, strict=True)))


def _block(x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
    """Scores of a few units, `x` being `(unit, presentation)`: those with ties apart from those without."""
    order, ties = _ordered(x)
    average_precision = np.full((len(x), y.shape[1]), np.nan)
    auroc = average_precision.copy()
    for rows, score in ((~ties, _without_ties), (ties, _with_ties)):
        if not rows.any():
            continue
        kept = order[rows] if not rows.all() else order
        for column in range(y.shape[1]):
            if 0 < y[:, column].sum() < len(y):
                average_precision[rows, column], auroc[rows, column] = score(y[:, column][kept], x[rows], kept)
    return average_precision, auroc


def _ordered(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Presentations from the highest response to the lowest, and which units have equal responses."""
    if x.dtype != np.float32:
        order = np.argsort(-x, axis=1, kind="stable")
        ordered = np.take_along_axis(x, order, axis=1)
        return order, (ordered[:, 1:] == ordered[:, :-1]).any(axis=1)
    # Sorting whole numbers that hold the response above and the presentation below is many times faster than
    # sorting indices. The bits of a float rise with its value once negative ones are flipped; 0.0 takes in -0.0.
    bits = (x + np.float32(0)).view(np.int32)
    bits = np.where(bits < 0, bits ^ np.int32(0x7FFFFFFF), bits)
    keys = (~bits).astype(np.int64) << 32
    keys |= np.arange(x.shape[1], dtype=np.int64)
    keys.sort(axis=1)
    upper = keys >> 32
    return keys & 0xFFFFFFFF, (upper[:, 1:] == upper[:, :-1]).any(axis=1)


def _without_ties(hits: np.ndarray, _: np.ndarray, __: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    # Only the places of hits matter, and every unit has the same number of them.
    n_units, n = hits.shape
    place = np.flatnonzero(hits).reshape(n_units, -1) - np.arange(n_units)[:, None] * n
    n_hits = place.shape[1]
    k = np.arange(1, n_hits + 1)
    misses_above = place + 1 - k
    wins = (n - n_hits) * n_hits - misses_above.sum(axis=1)
    return (k / (place + 1)).mean(axis=1), wins / (n_hits * (n - n_hits))


def _with_ties(hits: np.ndarray, x: np.ndarray, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    n_units, n = hits.shape
    ordered = np.take_along_axis(x, order, axis=1)
    last = np.ones((n_units, n), dtype=bool)
    last[:, :-1] = ordered[:, 1:] != ordered[:, :-1]
    first = np.roll(last, 1, axis=1)
    first[:, 0] = True
    places = np.arange(n)
    start = np.maximum.accumulate(np.where(first, places, 0), axis=1)
    stop = np.minimum.accumulate(np.where(last, places, n)[:, ::-1], axis=1)[:, ::-1]
    so_far = np.cumsum(hits, axis=1)
    n_hits = int(so_far[0, -1])
    # A run of equal responses is passed as a whole: precision is that at its end, misses within it count half.
    hits_by_end = np.take_along_axis(so_far, stop, axis=1)
    hits_before = np.take_along_axis(so_far - hits, start, axis=1)
    precision = (hits * (hits_by_end / (stop + 1))).sum(axis=1) / n_hits
    misses_above = start - hits_before
    misses_beside = (stop - start + 1) - (hits_by_end - hits_before)
    wins = (hits * ((n - n_hits) - misses_above - misses_beside / 2)).sum(axis=1)
    return precision, wins / (n_hits * (n - n_hits))
