"""The language network of a language model: units that respond more to sentences than to lists of non-words."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.units.detection import detection, same_units, strongest

if TYPE_CHECKING:
    from multiunit.core.statistic import Statistic
    from multiunit.units.question import Question

SENTENCES, NON_WORDS = "sentences", "non-words"


class Welch(NamedTuple):
    """`t`, two-sided `p` and degrees of freedom, each `(unit,)`."""

    t: np.ndarray
    p: np.ndarray
    degrees_of_freedom: np.ndarray


def welch(mean: np.ndarray, variance: np.ndarray, *, n: np.ndarray) -> Welch:
    """Welch's t test of the first of two groups against the second, from their moments.

    t = (m_1 - m_2) / sqrt(v_1/n_1 + v_2/n_2);  df by Welch-Satterthwaite.

    Args:
        mean, variance: `(unit, 2)`; the variance is unbiased.
        n: `(2,)`, at least two each.

    Returns:
        t, p and df. Where both groups are constant: t = 0 and p = 1 if they are equal, else t infinite and p = 0.

    >>> welch(np.array([[3.0, 1.0]]), np.array([[1.0, 1.0]]), n=np.array([8, 8])).t.tolist()
    [4.0]
    """
    from scipy.stats import t as student

    mean, n = np.asarray(mean, dtype=np.float64), np.asarray(n, dtype=np.float64)
    if (n < 2).any():
        raise InputError("n", n.tolist(), "each condition needs at least two stimuli")
    squared_error = np.asarray(variance, dtype=np.float64) / n
    total = squared_error.sum(axis=1)
    difference = mean[:, 0] - mean[:, 1]
    varies = total > 0
    t = np.where(difference == 0, 0.0, np.copysign(np.inf, difference))
    t[varies] = difference[varies] / np.sqrt(total[varies])
    degrees = np.full(len(t), float(n.sum() - 2))
    share = squared_error[varies] / total[varies, None]
    degrees[varies] = 1 / (share**2 / (n - 1)).sum(axis=1)
    return Welch(t, np.asarray(2 * student.sf(np.abs(t), degrees)), degrees)


def needs(question: Question) -> dict[str, Statistic] | None:
    """Applicable where `sentences` and `non-words` are among the labels."""
    if not {SENTENCES, NON_WORDS} <= set(question.labels):
        return None
    from multiunit.statistics import GroupMoments, Pooled

    assert question.by is not None  # a Question with labels has a column
    return {"groups": Pooled(GroupMoments(by=question.by, absolute=True), how="last")}


def example(rng: np.random.Generator) -> tuple[tuple[()], dict[str, xr.Dataset]]:
    """Moments of forty units, three of which prefer sentences, for the contract checks."""
    mean = rng.normal(1.0, 0.1, size=(40, 2))
    mean[[3, 17, 30], 1] += 2
    site = np.repeat(["near", "far"], 20).astype(object)
    ids = {
        "unit_id": ("unit", np.array([f"{s}/{u}" for u, s in enumerate(site)], dtype=object)),
        "site": ("unit", site),
    }
    moments = {"mean": (("unit", "group"), mean), "variance": (("unit", "group"), np.ones((40, 2)))}
    groups = xr.Dataset(moments | {"n": ("group", [30, 30])}, ids)
    return (), {"groups": groups.assign_coords(group=[NON_WORDS, SENTENCES])}


@method(kind="detector", source="arXiv:2411.02280", needs=needs, example=example)
def language_localizer(
    *,
    groups: xr.Dataset,
    positive: str = SENTENCES,
    negative: str = NON_WORDS,
    top: float = 0.01,
    random_state: int | np.random.Generator = 0,
) -> xr.Dataset:
    """Find the language-selective units of a model, as a functional localiser finds voxels.

    Per unit x = |activity| at the last token; Welch t = (m_P - m_N) / sqrt(v_P/n_P + v_N/n_N). Selected: the `top`
    share by t over all sites. q: Benjamini-Hochberg over all units. The `top` share exists whatever the labels are:
    look at q.

    Args:
        groups: `Pooled(GroupMoments(by=condition, absolute=True), how="last")`: `mean(unit, group)`,
            `variance(unit, group)` (unbiased), `n(group)`.
        positive, negative: the two groups of the contrast; any others are left out.
        top: share of all units to select.
        random_state: seed or generator of the control, which is matched on the mean of |activity|.

    Returns:
        `score(unit)`: t; `selected(unit)`, `control(unit)`; `p(unit)`, `q(unit)`; `magnitude(unit)`: mean |activity|.

    Raises:
        InputError: if a condition is missing or has fewer than two stimuli.

    Source: AlKhamissi et al. 2025, arXiv:2411.02280.

    >>> ids = {"unit_id": ("unit", ["a/0", "a/1"]), "site": ("unit", ["a", "a"])}
    >>> dims = ("unit", "group")
    >>> moments = {"mean": (dims, [[1.0, 1.0], [1.0, 5.0]]), "variance": (dims, np.ones((2, 2)))}
    >>> groups = xr.Dataset(moments | {"n": ("group", [9, 9])}, ids).assign_coords(group=["non-words", "sentences"])
    >>> language_localizer(groups=groups)["selected"].values.tolist()
    [False, True]
    """
    from scipy.stats import false_discovery_control

    units = same_units(groups=groups)
    names = [str(g) for g in groups["group"].values]
    for argument, name in (("positive", positive), ("negative", negative)):
        if name not in names:
            raise InputError(argument, name, f"is no group; there are: {', '.join(names)}")
    if positive == negative:
        raise InputError("negative", negative, "must be another group than positive")
    pair = [names.index(positive), names.index(negative)]
    mean, n = groups["mean"].values[:, pair], groups["n"].values[pair]
    t, p, _ = welch(mean, groups["variance"].values[:, pair], n=n)
    magnitude = mean @ n / n.sum()
    return detection(
        t,
        strongest(t, top),
        units=units,
        mean_activity=magnitude,
        extras={
            "p": ("unit", p),
            "q": ("unit", false_discovery_control(p, method="bh")),
            "magnitude": ("unit", magnitude),
        },
        random_state=random_state,
        positive=positive,
        negative=negative,
    )
