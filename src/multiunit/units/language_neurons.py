"""Language neurons: units that are active for few languages (LAPE)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from scipy.special import entr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.units.detection import detection, same_units, strongest

if TYPE_CHECKING:
    from multiunit.core.statistic import Statistic
    from multiunit.units.question import Question


def language_entropy(fraction: np.ndarray) -> np.ndarray:
    """Language activation probability entropy (LAPE), in nats.

    LAPE = -sum_k p'_k log p'_k,  p' = p / sum_k p_k.

    Args:
        fraction: `(unit, language)`, p_k = P(activity > 0 | language k).

    Returns:
        `(unit,)`, from 0 (one language only) to log K (all alike). A unit that is never active tells nothing of any
        language and gets log K.

    >>> language_entropy(np.array([[0.2, 0.0], [0.1, 0.1], [0.0, 0.0]])).round(6).tolist()
    [0.0, 0.693147, 0.693147]
    """
    fraction = np.asarray(fraction, dtype=np.float64)
    total = fraction.sum(axis=1, keepdims=True)
    share = np.divide(fraction, total, out=np.full_like(fraction, 1 / fraction.shape[1]), where=total > 0)
    return entr(share).sum(axis=1)


def activity_bar(fraction: np.ndarray, quantile: float = 0.95) -> float:
    """The p that counts as active: the observed quantile of ALL p over units and languages.

    >>> activity_bar(np.arange(100.0).reshape(50, 2))
    94.0
    """
    if not 0 < quantile < 1:
        raise InputError("bar_quantile", quantile, "a quantile between 0 and 1")
    return float(np.quantile(fraction, quantile, method="inverted_cdf"))


def fractions(firing: xr.Dataset) -> tuple[np.ndarray, list[str]]:
    """p `(unit, language)` and the names of the languages, checked.

    Raises:
        InputError: for a single language or a language without tokens.
    """
    languages = [str(g) for g in firing["group"].values]
    if len(languages) < 2:
        raise InputError("firing", languages, "needs at least two languages to compare")
    empty = [language for language, n in zip(languages, firing["n"].values, strict=True) if n < 1]
    if empty:
        raise InputError("firing", empty, "no token of this language was seen")
    return np.asarray(firing["active"].values / firing["n"].values, dtype=np.float64), languages


def needs(question: Question) -> dict[str, Statistic] | None:
    """Applicable where two or more labels are told apart."""
    if question.by is None or len(question.labels) < 2:
        return None
    from multiunit.statistics import FiringFraction, Moments

    return {"firing": FiringFraction(by=question.by, threshold=question.threshold), "moments": Moments()}


@method(kind="detector", source="arXiv:2402.16438", needs=needs, finds="label")
def language_neurons(
    *,
    firing: xr.Dataset,
    moments: xr.Dataset,
    top: float = 0.01,
    bar_quantile: float = 0.95,
    random_state: int | np.random.Generator = 0,
) -> xr.Dataset:
    """Find language-specific neurons: the `top` share of units with the lowest LAPE.

    p_k = P(activity > 0 | language k); LAPE = -sum_k p'_k log p'_k with p' = p / sum p. tau = 95th percentile of all
    p. Units without any p_k > tau are dropped; the lowest 1 % (of all units) are kept, and each is assigned to every
    language with p_k > tau. Some units have the lowest LAPE whatever the labels are: look at the score too, which is
    near log K where the labels mean nothing.

    Args:
        firing: `FiringFraction(by=language)`: `active(unit, group)`, `n(group)`.
        moments: `Moments`: `mean(unit)`, on which the controls are matched.
        top: share of all units to keep.
        bar_quantile: which quantile of all p is tau.
        random_state: seed or generator of the controls.

    Returns:
        `score(unit)`: LAPE in nats, LOW is selective; `selected(unit, label)`, `control(unit, label)`: a language's
        neurons and their control; `fraction(unit, label)`: p. Attribute `bar`: tau.

    Raises:
        InputError: for a single language, or a language without tokens.

    Source: Tang et al. 2024, arXiv:2402.16438. In gated networks "active" was defined on SiLU(gate), not on the
    product: record that site.

    >>> ids = {"unit_id": ("unit", ["a/0", "a/1"]), "site": ("unit", ["a", "a"])}
    >>> firing = xr.Dataset({"active": (("unit", "group"), [[9, 0], [5, 5]]), "n": ("group", [10, 10])}, ids)
    >>> firing = firing.assign_coords(group=["en", "fr"])
    >>> moments = xr.Dataset({"mean": ("unit", [1.0, 1.0])}, ids)
    >>> found = language_neurons(firing=firing, moments=moments, bar_quantile=0.5)
    >>> found["selected"].sel(label="en").values.tolist(), found["selected"].sel(label="fr").values.tolist()
    ([True, False], [False, False])
    """
    units = same_units(firing=firing, moments=moments)
    fraction, languages = fractions(firing)
    bar = activity_bar(fraction, bar_quantile)
    above = fraction > bar
    score = language_entropy(fraction)
    kept = strongest(-score, top, eligible=np.asarray(above.any(axis=1)))
    return detection(
        score,
        above & kept[:, None],
        units=units,
        mean_activity=moments["mean"].values,
        labels=languages,
        extras={"fraction": (("unit", "label"), fraction)},
        random_state=random_state,
        bar=bar,
    )
