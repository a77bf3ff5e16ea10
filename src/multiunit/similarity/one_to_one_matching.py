"""One-to-one matching: the pairing of the units of two systems that correlates most, each unit used once."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from scipy.optimize import linear_sum_assignment

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.similarity.paired import paired


class Assignment(NamedTuple):
    """Per unit, `(unit,)`: `partner` and `correlation` when every partner is used once (-1 and 0 for a unit left
    over), `best_partner` and `best` when partners may be used again."""

    partner: np.ndarray
    correlation: np.ndarray
    best_partner: np.ndarray
    best: np.ndarray


def assign(correlation: Any) -> Assignment:
    """Match units by a table of how alike they are, which may be streamed: correlations, or any other affinity.

    One to one: the injective pi that maximises sum_i c(i, pi(i)) (linear sum assignment). Re-used: argmax_j c(i, j).

    Args:
        correlation: `(unit, other unit)`, as of `CrossCorrelation` or `map_correlation`.

    Raises:
        InputError: for another shape, or numbers that are not finite.

    >>> assign([[0.9, 0.8], [0.7, 0.1]]).partner.tolist()          # 0.8 + 0.7 is more than 0.9 + 0.1
    [1, 0]
    """
    c = np.asarray(correlation, dtype=np.float64)
    if c.ndim != 2 or 0 in c.shape or not np.isfinite(c).all():
        raise InputError("correlation", c.shape, "needs finite numbers (unit, other unit)")
    rows, columns = linear_sum_assignment(c, maximize=True)
    partner, matched = np.full(len(c), -1), np.zeros(len(c))
    partner[rows], matched[rows] = columns, c[rows, columns]
    return Assignment(partner, matched, c.argmax(axis=1), c.max(axis=1))


@method(
    kind="matching",
    source="arXiv:1511.07543",
    example=lambda rng: ((rng.normal(size=(40, 6)), rng.normal(size=(40, 8))), {}),
)
def one_to_one_matching(x: Any, y: Any) -> xr.Dataset:
    """Pair the units of two systems by their correlation over presentations, once with and once without re-use.

    See `assign`; c(i, j) = corr(x_i, y_j), with its sign: a unit that does the opposite is no partner. Where `best`
    exceeds `correlation`, several units of x compete for one of y: x is more redundant there.

    Args:
        x, y: `(presentation, unit)`, the same presentations; for convolutions, places are presentations too.

    Returns:
        over `unit` of x: `partner` (a unit number of y, -1 if y has too few) and `correlation`, 0 without a partner;
        `best_partner` and `best`, the semi-matching. Chance grows with the number of units: see `null_test`.

    Raises:
        InputError: for shapes that do not fit, numbers that are not finite, or a constant system. A constant unit
            correlates 0 with all.

    Source: Li, Yosinski, Clune, Lipson & Hopcroft 2016, arXiv:1511.07543, whose code takes the maximum-weight matching
    of largest cardinality of the correlations.

    >>> x = np.random.default_rng(0).normal(size=(50, 3))
    >>> found = one_to_one_matching(x, x[:, [2, 0, 1]])
    >>> found["partner"].values.tolist(), found["correlation"].values.round(9).tolist()
    ([1, 2, 0], [1.0, 1.0, 1.0])
    """
    found = assign(unit_correlation(x, y))
    return xr.Dataset({name: ("unit", values) for name, values in found._asdict().items()})


def unit_correlation(x: Any, y: Any) -> np.ndarray:
    """Pearson correlation of every unit of x with every unit of y, `(unit, other unit)`; 0 for a constant unit.

    >>> unit_correlation([[0.0, 1.0], [1.0, 1.0], [2.0, 1.0]], [[0.0], [-1.0], [-2.0]]).round(9).tolist()
    [[-1.0], [0.0]]
    """
    sides = []
    for centred in paired(x, y):
        norm = np.linalg.norm(centred, axis=0)
        sides.append(np.divide(centred, norm, out=np.zeros_like(centred), where=norm > 0))
    return np.clip(sides[0].T @ sides[1], -1.0, 1.0)
