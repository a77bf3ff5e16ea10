"""Representational similarity analysis: whether two systems hold the same presentations apart alike."""

from __future__ import annotations

from typing import Any

import numpy as np

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.similarity.compare_rdms import By, compare_rdms
from multiunit.similarity.rdm import Distance, rdm


@method(
    kind="similarity",
    source="kriegeskorte2008",
    invariant=("rotation", "isotropic_scaling"),
    not_invariant=("linear",),
    symmetric=True,
    nan="the unit was not observed in that presentation",
    example=lambda rng: ((rng.normal(size=(40, 6)), rng.normal(size=(40, 8))), {}),
)
def rsa(x: Any, y: Any, *, distance: Distance = "euclidean", by: By = "pearson") -> float:
    """Compare two systems as wholes by the distances between presentations in each.

    compare_rdms(rdm(x), rdm(y)). What leaves it unchanged depends on `distance` and `by`: with those of the defaults
    rotations, shifts and one scale of all units. Correlation distance feels rotations, but not what is added to all
    units of a presentation.

    Args:
        x, y: arrays or recordings, `(presentation, unit)`, the same presentations in the same order;
            `recording.align` brings two recordings into one order.
        distance: of `rdm`; those that need no further argument.
        by: of `compare_rdms`.

    Returns:
        1 for systems whose distances agree, near 0 for unrelated ones.

    Raises:
        InputError: as `rdm` and `compare_rdms` do, or for different numbers of presentations.

    Source: Kriegeskorte, Mur & Bandettini 2008, Frontiers in Systems Neuroscience 2:4.

    >>> x = np.random.default_rng(0).normal(size=(50, 3))
    >>> round(rsa(x, 2 * x[:, ::-1] + 1), 9), abs(rsa(x[::2], x[1::2])) < 0.2
    (1.0, True)
    """
    first, second = rdm(x, distance=distance), rdm(y, distance=distance)
    if len(first) != len(second):
        raise InputError("y", np.shape(getattr(y, "activity", y)), "x and y need the same presentations")
    if len(first) < 3:
        raise InputError("x", np.shape(getattr(x, "activity", x)), "needs at least three presentations")
    return compare_rdms(first, second, by=by)
