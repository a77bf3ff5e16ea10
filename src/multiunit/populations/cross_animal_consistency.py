"""Whether the same pairs of neurons are active together in different animals."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.core.recording import Recording
from multiunit.populations.functional_connectivity import example, functional_connectivity


class Agreement(NamedTuple):
    """`correlation` of two matrices over pairs of units, its `null(permutation)`, and the number `n_units` shared."""

    correlation: float
    null: np.ndarray
    n_units: int


def pairwise_agreement(
    x: np.ndarray, y: np.ndarray, *, n_permutations: int = 200, random_state: int | np.random.Generator = 0
) -> Agreement:
    """Correlate two symmetric matrices over the pairs of units that both have (a Mantel test).

    r = corr(x_ij, y_ij; i < j) over units that have a diagonal in both; the null permutes the unit labels of y, rows
    and columns together, so that pairs that share a unit stay dependent.

    Args:
        x, y: `(unit, unit)`, symmetric; NaN on the diagonal marks a unit that was not recorded.
        n_permutations: draws of the null.
        random_state: seed or generator of the permutations.

    Raises:
        InputError: for shapes that do not fit, or fewer than four shared units.

    Source: Mantel 1967.

    >>> x = np.cov(np.random.default_rng(0).normal(size=(10, 50)))
    >>> found = pairwise_agreement(x, 2 * x + 1, n_permutations=99)
    >>> round(found.correlation, 6), bool(abs(found.null).max() < 0.9)
    (1.0, True)
    """
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if x.shape != y.shape or x.ndim != 2 or x.shape[0] != x.shape[1]:
        raise InputError("y", (x.shape, y.shape), "x and y need one shape (unit, unit)")
    shared = np.flatnonzero(np.isfinite(np.diag(x)) & np.isfinite(np.diag(y)))
    if len(shared) < 4:
        raise InputError("y", len(shared), "x and y share fewer than four units")
    if n_permutations < 1:
        raise InputError("n_permutations", n_permutations, "must be at least 1")
    rng = np.random.default_rng(random_state)
    a, b = x[np.ix_(shared, shared)], y[np.ix_(shared, shared)]
    upper = np.triu_indices(len(shared), k=1)
    pairs = _unit_length(a[upper])
    null = np.empty(n_permutations)
    for draw in range(n_permutations):
        order = rng.permutation(len(shared))
        null[draw] = pairs @ _unit_length(b[order][:, order][upper])
    return Agreement(float(pairs @ _unit_length(b[upper])), null, len(shared))


@method(
    kind="population",
    source="arXiv:2411.12091",
    example=example,
    nan="the unit was not recorded in that animal",
    exceptions={
        "permuting_units_permutes": "the null draws permutations of the units",
        "labels_survive": "the answer is over pairs of animals",
    },
)
def cross_animal_consistency(
    recording: Recording,
    *,
    over: str = "subject",
    n_permutations: int = 200,
    random_state: int | np.random.Generator = 0,
) -> xr.Dataset:
    """Compare who correlates with whom between every two animals of an aligned recording.

    Args:
        recording: as `io.homogenize` gives it.
        over: the presentation column that names the animal.
        n_permutations: draws of the null, in which one animal's neuron labels are permuted.
        random_state: seed or generator of the permutations.

    Returns:
        over `animal_pair` with the coordinates `animal` and `other_animal`: `correlation`, `null_mean`,
        `null_deviation`, `null_99` (its 99th percentile), `p` = (1 + #{null >= r}) / (1 + n_permutations) and
        `n_units`, the neurons that the two share.

    Raises:
        InputError: for fewer than two animals, or two that share fewer than four neurons.

    Source: after Simeon et al. 2024, arXiv:2411.12091, which gives the alignment; the measure is ours.

    >>> rng = np.random.default_rng(0)
    >>> mixing = rng.normal(size=(3, 12))
    >>> x = np.concatenate([rng.normal(size=(300, 3)) @ mixing for _ in range(2)])
    >>> both = Recording.from_activity(x, presentations={"subject": ["w1"] * 300 + ["w2"] * 300})
    >>> found = cross_animal_consistency(both)
    >>> bool(found["correlation"] > 0.9), bool(found["p"] < 0.01)
    (True, True)
    """
    matrices = functional_connectivity(recording, over=over)
    animals = matrices["animal"].values
    if len(animals) < 2:
        raise InputError("recording", list(animals), "needs at least two animals")
    rng = np.random.default_rng(random_state)
    pairs = [(i, j) for i in range(len(animals)) for j in range(i + 1, len(animals))]
    rows = []
    for i, j in pairs:
        x, y = matrices["correlation"].values[[i, j]]
        found = pairwise_agreement(x, y, n_permutations=n_permutations, random_state=rng)
        rows.append(
            {
                "correlation": found.correlation,
                "null_mean": found.null.mean(),
                "null_deviation": found.null.std(),
                "null_99": np.quantile(found.null, 0.99),
                "p": (1 + (found.null >= found.correlation).sum()) / (1 + n_permutations),
                "n_units": found.n_units,
            }
        )
    return xr.Dataset(
        {name: ("animal_pair", np.array([row[name] for row in rows])) for name in rows[0]},
        coords={
            "animal": ("animal_pair", animals[[i for i, _ in pairs]]),
            "other_animal": ("animal_pair", animals[[j for _, j in pairs]]),
        },
    )


def _unit_length(values: np.ndarray) -> np.ndarray:
    values = values - values.mean()
    norm = np.sqrt((values**2).sum())
    return values / norm if norm > 0 else values
