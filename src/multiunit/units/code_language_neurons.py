"""Equally many neurons for every language: the lowest LAPE of those that are active in it."""

from __future__ import annotations

import numpy as np
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.units.detection import detection, same_units
from multiunit.units.language_neurons import activity_bar, fractions, language_entropy, needs

# 400 a language of the 32 x 11008 MLP neurons of a Llama with 7 billion parameters.
TOP = 400 / (32 * 11008)


def lowest_of_each(entropy: np.ndarray, above: np.ndarray, *, top: float) -> np.ndarray:
    """Mark for every language the units of the lowest entropy among those that are active in it.

    Args:
        entropy: `(unit,)`.
        above: bool `(unit, language)`, whether the unit is active in the language.
        top: share of ALL units for each language, in (0, 1]; at least one unit, and fewer where fewer are active.

    Returns:
        bool `(unit, language)`; a unit may serve several languages.

    Raises:
        InputError: for a share outside (0, 1].

    >>> above = np.array([[True, True], [True, False], [False, True]])
    >>> lowest_of_each(np.array([0.6, 0.1, 0.9]), above, top=0.4).tolist()
    [[False, True], [True, False], [False, False]]
    """
    if not 0 < top <= 1:
        raise InputError("top", top, "a share of the units, above 0 and at most 1")
    above = np.asarray(above, dtype=bool)
    order = np.argsort(entropy, kind="stable")
    ranked = above[order]
    chosen = np.zeros_like(above)
    # Running along the ranking, a language takes the units active in it until it has enough.
    chosen[order] = ranked & (ranked.cumsum(axis=0) <= max(1, round(top * len(above))))
    return chosen


@method(kind="detector", source="arXiv:2506.01074", needs=needs, finds="label", only_if_named=True)
def code_language_neurons(
    *,
    firing: xr.Dataset,
    moments: xr.Dataset,
    top: float = TOP,
    bar_quantile: float = 0.95,
    random_state: int | np.random.Generator = 0,
) -> xr.Dataset:
    """Find equally many neurons of each language, so that languages can be compared: the balanced rule over LAPE.

    LAPE = -sum_k p'_k log p'_k with p' = p / sum p, p_k = P(activity > 0 | language k); tau = 95th percentile of all
    p. Language k gets the units of the lowest LAPE among those with p_k > tau, as many as `top` says.
    `language_neurons` instead keeps the lowest LAPE over all languages, so that some languages get many units and
    others none. A unit may be given to several languages; `exclusive` tells those given to one.

    Args:
        firing: `FiringFraction(by=language)`: `active(unit, group)`, `n(group)`.
        moments: `Moments`: `mean(unit)`, on which the controls are matched.
        top: share of all units for EACH language, at least one; 400 of a model of 32 x 11008 unless given.
        bar_quantile: which quantile of all p is tau.
        random_state: seed or generator of the controls.

    Returns:
        `score(unit)`: LAPE in nats, LOW is selective; `selected(unit, label)`, `control(unit, label)`: a language's
        neurons and their control; `exclusive(unit, label)`: selected for this language only; `fraction(unit, label)`:
        p. Attribute `bar`: tau.

    Raises:
        InputError: for a single language, a language without tokens, or a share outside (0, 1].

    Source: Kargaran et al. 2025, arXiv:2506.01074, and the authors' notebook. In gated networks "active" was defined
    on SiLU(gate), not on the product: record that site.

    >>> ids = {"unit_id": ("unit", ["a/0", "a/1", "a/2"]), "site": ("unit", ["a", "a", "a"])}
    >>> active = [[9, 0], [0, 8], [9, 9]]
    >>> firing = xr.Dataset({"active": (("unit", "group"), active), "n": ("group", [10, 10])}, ids)
    >>> moments = xr.Dataset({"mean": ("unit", [1.0, 1.0, 1.0])}, ids)
    >>> found = code_language_neurons(firing=firing.assign_coords(group=["c", "go"]), moments=moments, bar_quantile=0.3)
    >>> found["selected"].sel(label="c").values.tolist(), found["selected"].sel(label="go").values.tolist()
    ([True, False, False], [False, True, False])
    """
    units = same_units(firing=firing, moments=moments)
    fraction, languages = fractions(firing)
    bar = activity_bar(fraction, bar_quantile)
    score = language_entropy(fraction)
    selected = lowest_of_each(score, fraction > bar, top=top)
    return detection(
        score,
        selected,
        units=units,
        mean_activity=moments["mean"].values,
        labels=languages,
        extras={
            "exclusive": (("unit", "label"), selected & (selected.sum(axis=1) == 1)[:, None]),
            "fraction": (("unit", "label"), fraction),
        },
        random_state=random_state,
        bar=bar,
    )
