"""How much two sets share, beyond what sets of their size share by chance."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from typing import NamedTuple

import numpy as np
from scipy.stats import hypergeom

from multiunit.core.errors import InputError
from multiunit.core.method import method


class Overlap(NamedTuple):
    """What two sets share.

    Args:
        shared: members of both.
        jaccard: shared / members of either; NaN if both are empty.
        first_in_second: shared / size of the first: of a found set in a true one, the precision; NaN if it is empty.
        second_in_first: shared / size of the second: the recall.
        p: probability that random sets of these sizes share as many or more.
    """

    shared: int
    jaccard: float
    first_in_second: float
    second_in_first: float
    p: float


@method(kind="matching", source="arXiv:2310.08744")
def set_overlap(first: Collection[Hashable], second: Collection[Hashable], *, n_total: int) -> Overlap:
    """Compare two sets out of `n_total` things: circuits of two tasks, or what was found and what is true.

    jaccard = |A and B| / |A or B|; p = P(X >= |A and B|), X hypergeometric: |A| drawn of n_total, of which |B| count.

    Args:
        first, second: names; each counts once.
        n_total: how many things there are to choose from.

    Raises:
        InputError: if the sets hold more than there is.

    Source: the overlap of circuits of Merullo et al. 2024, arXiv:2310.08744; the null is ours.

    Of 4 things, 2 random sets of 2 share both in 1 of 6 draws:

    >>> found = set_overlap({"a", "b"}, {"a", "b"}, n_total=4)
    >>> found.shared, found.jaccard, round(found.p, 4)
    (2, 1.0, 0.1667)
    """
    one, other = set(first), set(second)
    if len(one | other) > n_total:
        raise InputError("n_total", n_total, f"the sets hold {len(one | other)} things")
    shared = len(one & other)
    jaccard, precision, recall = (shared / n if n else np.nan for n in (len(one | other), len(one), len(other)))
    return Overlap(shared, jaccard, precision, recall, float(hypergeom.sf(shared - 1, n_total, len(other), len(one))))
