"""Language-specific, language-related and language-agnostic neurons: the ternary split."""

from __future__ import annotations

import numpy as np
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.units.detection import detection, same_units, strongest
from multiunit.units.language_neurons import activity_bar, fractions, language_entropy, needs

SPECIFIC, RELATED, AGNOSTIC = "language-specific", "language-related", "language-agnostic"
LARGEST_WEIGHT, STEP = 0.2, 1e-3


def language_score(fraction: np.ndarray, weight: float) -> np.ndarray:
    """Entropy over languages less a bonus for being active; low for language neurons.

    s = H(p') / log K - weight * max_k p_k / ((sum_{k<=K} 1/k) / K).

    Args:
        fraction: `(unit, language)`, p_k = P(activity > 0 | language k).
        weight: lambda, how much activity counts.

    >>> language_score(np.array([[0.3, 0.0], [0.3, 0.3]]), 0.0).round(6).tolist()
    [0.0, 1.0]
    """
    n_languages = fraction.shape[1]
    scale = (1 / np.arange(1, n_languages + 1)).mean()
    return language_entropy(fraction) / np.log(n_languages) - weight * fraction.max(axis=1) / scale


def largest_weight(fraction: np.ndarray, bar: float, *, top: float = 0.01) -> float:
    """The largest lambda in 0, 0.001, ..., 0.2 with which no candidate is active in every language; 0 if none is.

    Args:
        fraction: `(unit, language)`.
        bar: tau; p above it counts as active.
        top: share of all units that are candidates.
    """
    n_active = (fraction > bar).sum(axis=1)
    everywhere, eligible = n_active == fraction.shape[1], n_active > 0
    for step in range(round(LARGEST_WEIGHT / STEP), 0, -1):
        if not (strongest(-language_score(fraction, step * STEP), top, eligible=eligible) & everywhere).any():
            return step * STEP
    return 0.0


@method(kind="detector", source="arXiv:2505.21505", needs=needs, finds="label")
def language_classes(
    *,
    firing: xr.Dataset,
    moments: xr.Dataset,
    prefix: xr.Dataset | None = None,
    top: float = 0.01,
    bar_quantile: float = 0.95,
    weight: float | None = None,
    random_state: int | np.random.Generator = 0,
) -> xr.Dataset:
    """Split units by how many languages they serve: one, some, or all alike.

    s = H(p') / log K - lambda * max_k p_k / ((sum_{k<=K} 1/k) / K). The lowest 1 % are candidates; tau = 95th
    percentile of all p; N = #{k: p_k > tau}. Candidates with N = 1 are language-specific, with 1 < N < K
    language-related; everything else is language-agnostic.

    Args:
        firing: `FiringFraction(by=language)`: `active(unit, group)`, `n(group)`.
        moments: `Moments`: `mean(unit)`, on which the controls are matched.
        prefix: the same for the prompt prefixes alone, whose tokens are then taken off.
        top: share of all units that are candidates.
        bar_quantile: which quantile of all p is tau.
        weight: lambda; None takes the largest in [0, 0.2] that leaves no candidate with N = K.
        random_state: seed or generator of the controls.

    Returns:
        `score(unit)`: s, LOW for language neurons; `selected(unit, label)`, `control(unit, label)`: the specific and
        related neurons of a language; `language_class(unit)`, `n_languages(unit)`: N, `fraction(unit, label)`: p.
        Attributes `bar` and `weight`.

    Raises:
        InputError: for a single language, a language without tokens, or a prefix that holds more than the texts.

    Source: Zhang et al. 2025, arXiv:2505.21505. Unsure: candidates with N = K, here language-agnostic; and whether
    units with N = 0 are dropped beforehand, as here and in LAPE. With two languages there is no "related".

    >>> ids = {"unit_id": ("unit", ["a/0", "a/1", "a/2"]), "site": ("unit", ["a", "a", "a"])}
    >>> active = [[9, 0, 0], [8, 8, 0], [5, 5, 5]]
    >>> firing = xr.Dataset({"active": (("unit", "group"), active), "n": ("group", [10, 10, 10])}, ids)
    >>> firing = firing.assign_coords(group=["de", "en", "fr"])
    >>> moments = xr.Dataset({"mean": ("unit", [1.0, 1.0, 1.0])}, ids)
    >>> found = language_classes(firing=firing, moments=moments, top=0.7, bar_quantile=0.5)
    >>> found["language_class"].values.tolist()
    ['language-specific', 'language-related', 'language-agnostic']
    """
    units = same_units(firing=firing, moments=moments, **({} if prefix is None else {"prefix": prefix}))
    if prefix is not None:
        firing = _without(firing, prefix)
    fraction, languages = fractions(firing)
    bar = activity_bar(fraction, bar_quantile)
    above = fraction > bar
    n_active = above.sum(axis=1)
    weight = largest_weight(fraction, bar, top=top) if weight is None else weight
    score = language_score(fraction, weight)
    candidate = strongest(-score, top, eligible=n_active > 0) & (n_active < len(languages))
    language_class = np.full(len(score), AGNOSTIC, dtype=object)
    language_class[candidate] = np.where(n_active[candidate] == 1, SPECIFIC, RELATED)
    return detection(
        score,
        above & candidate[:, None],
        units=units,
        mean_activity=moments["mean"].values,
        labels=languages,
        extras={
            "language_class": ("unit", language_class),
            "n_languages": ("unit", n_active),
            "fraction": (("unit", "label"), fraction),
        },
        random_state=random_state,
        bar=bar,
        weight=weight,
    )


def _without(firing: xr.Dataset, prefix: xr.Dataset) -> xr.Dataset:
    if not np.array_equal(firing["group"].values, prefix["group"].values):
        raise InputError("prefix", prefix["group"].values.tolist(), f"needs groups {firing['group'].values.tolist()}")
    rest = {name: firing[name].copy(data=firing[name].values - prefix[name].values) for name in ("active", "n")}
    if min(part.values.min() for part in rest.values()) < 0:
        raise InputError("prefix", prefix["n"].values.tolist(), "holds more tokens than the texts it begins")
    return firing.assign(rest)
