"""Token and n-gram detectors: units whose activity a handful of n-grams explains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.units.detection import detection, same_units

if TYPE_CHECKING:
    from multiunit.core.statistic import Statistic
    from multiunit.units.question import Question

NAMES = {1: "unigrams", 2: "bigrams", 3: "trigrams"}


class Triggers(NamedTuple):
    """`explained(unit)`: share of activations; `ngram(unit, rank)`: number of the trigger, -1 where there is none."""

    explained: np.ndarray
    ngram: np.ndarray


def triggers(
    active: np.ndarray,
    n: np.ndarray,
    *,
    total_active: np.ndarray,
    precision: float = 0.95,
    max_ngrams: int = 5,
    min_count: int = 5,
) -> Triggers:
    """The n-grams that reliably fire a unit, and how much of its activity they explain.

    An n-gram g is covered by unit j if `P(active_j | g) = active[j, g] / n[g] >= precision`. Of the covered ones the
    `max_ngrams` with the most activations are kept; explained_j = sum_g active[j, g] / total_active_j.

    Args:
        active: `(unit, ngram)`, how often the unit was active at the last token of the n-gram.
        n: `(ngram,)`, how often the n-gram occurred.
        total_active: `(unit,)`, how often the unit was active at all.
        precision: share of occurrences that must activate the unit.
        max_ngrams: the most n-grams that still make a detector.
        min_count: rarer n-grams are passed over: a single occurrence always has precision 0 or 1.

    >>> found = triggers(np.array([[10, 0, 1]]), np.array([10, 10, 10]), total_active=np.array([11]))
    >>> found.ngram[0].tolist(), round(float(found.explained[0]), 3)
    ([0, -1, -1, -1, -1], 0.909)
    """
    active, n, total_active = np.asarray(active), np.asarray(n), np.asarray(total_active)
    frequent = n >= max(1, min_count)
    ngram = np.full((len(active), max_ngrams), -1, dtype=np.int64)
    explained = np.zeros(len(active))
    for j, row in enumerate(active):
        # The ratio, not row >= precision * n: 19 / 20 rounds to the very number that 0.95 stands for.
        covered = np.flatnonzero(frequent & (row > 0))
        covered = covered[row[covered] / n[covered] >= precision]
        strongest = covered[np.argsort(-row[covered], kind="stable")][:max_ngrams]
        ngram[j, : len(strongest)] = strongest
        if total_active[j] > 0:
            explained[j] = row[strongest].sum() / total_active[j]
    return Triggers(explained, ngram)


def needs(question: Question) -> dict[str, Statistic] | None:
    """One `TokenTriggers` an order that has a vocabulary; not applicable without unigrams."""
    if 1 not in question.vocabularies:
        return None
    from multiunit.statistics import Moments, TokenTriggers

    wanted: dict[str, Statistic] = {"moments": Moments()}
    for order, name in NAMES.items():
        if order in question.vocabularies:
            wanted[name] = TokenTriggers(question.vocabularies[order], threshold=question.threshold)
    return wanted


@method(kind="detector", source="arXiv:2309.04827", needs=needs, finds="token")
def token_detectors(
    *,
    unigrams: xr.Dataset,
    moments: xr.Dataset,
    bigrams: xr.Dataset | None = None,
    trigrams: xr.Dataset | None = None,
    precision: float = 0.95,
    coverage: float = 0.95,
    max_ngrams: int = 5,
    min_count: int = 5,
    ignored_tokens: Sequence[int] = (),
    random_state: int | np.random.Generator = 0,
) -> xr.Dataset:
    """Find units that fire for at most five tokens, or, failing that, for at most five bigrams or trigrams.

    A detector of order o: the at most `max_ngrams` n-grams of that order that fire it in at least `precision` of
    their occurrences explain at least `coverage` of its activations, and no shorter order does.

    Args:
        unigrams, bigrams, trigrams: `TokenTriggers`: `active(unit, ngram)`, `n(ngram)`, `total_active(unit)`,
            `token(ngram, order)`.
        moments: `Moments`: `mean(unit)`, on which the control is matched.
        precision, max_ngrams, min_count: see `triggers`.
        coverage: the share of its activations that must be explained.
        ignored_tokens: token ids, such as the beginning of a sequence, that are no trigger and whose activations do
            not count.
        random_state: seed or generator of the control.

    Returns:
        over `label` = "1-gram", ...: `score(unit, label)`: the explained share; `selected`, `control`;
        `trigger(unit, label, rank, place)`: token ids of the triggers, -1 where there is none, right-aligned.

    Raises:
        InputError: if no token was seen, or an ignored token is not among the unigrams.

    Source: Voita et al. 2023, arXiv:2309.04827, section 4. The smallest number of occurrences is our addition.
    """
    orders = [(o, d) for o, d in ((1, unigrams), (2, bigrams), (3, trigrams)) if d is not None]
    units = same_units(moments=moments, **{NAMES[order]: dataset for order, dataset in orders})
    if not unigrams["n"].values.sum():
        raise InputError("unigrams", 0, "no token of the vocabulary occurred; are these stimuli texts?")
    tokens = unigrams["token"].values[:, 0]
    unknown = np.setdiff1d(ignored_tokens, tokens)
    if len(unknown):
        raise InputError("ignored_tokens", unknown.tolist(), "are not among the unigrams, so they cannot be taken off")
    ignored = unigrams["active"].values[:, np.isin(tokens, ignored_tokens)].sum(axis=1)

    n_units = units.sizes["unit"]
    score = np.zeros((n_units, len(orders)))
    trigger = np.full((n_units, len(orders), max_ngrams, orders[-1][0]), -1, dtype=np.int64)
    for column, (order, dataset) in enumerate(orders):
        token = dataset["token"].values
        kept = ~np.isin(token[:, -1], ignored_tokens)
        found = triggers(
            dataset["active"].values[:, kept],
            dataset["n"].values[kept],
            total_active=dataset["total_active"].values - ignored,
            precision=precision,
            max_ngrams=max_ngrams,
            min_count=min_count,
        )
        score[:, column] = found.explained
        padded = np.vstack([token[kept], np.full((1, order), -1)])
        trigger[:, column, :, trigger.shape[-1] - order :] = padded[found.ngram]
    reached = score >= coverage
    selected = reached & (np.cumsum(reached, axis=1) == 1)
    return detection(
        score,
        selected,
        units=units,
        mean_activity=moments["mean"].values,
        labels=[f"{order}-gram" for order, _ in orders],
        extras={"trigger": (("unit", "label", "rank", "place"), trigger)},
        random_state=random_state,
        precision=precision,
        coverage=coverage,
    )
