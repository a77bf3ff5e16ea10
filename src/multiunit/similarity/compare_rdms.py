"""How alike two representational dissimilarity matrices are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from scipy.spatial.distance import squareform
from scipy.stats import kendalltau, rankdata

from multiunit.core.errors import InputError
from multiunit.core.method import method

By = Literal["pearson", "spearman", "rho_a", "tau_a", "tau_b", "cosine", "whitened_cosine", "whitened_correlation"]


@method(kind="matching", source="kriegeskorte2008", symmetric=True)
def compare_rdms(a: Any, b: Any, *, by: By = "pearson") -> float:
    """Compare the distances of all pairs in one system with those in another.

    `pearson` and `cosine` of the two vectors; `spearman` is Pearson of ranks, ties sharing their mean rank. `rho_a` is
    the mean of Spearman over all ways to break ties: 12 sum_p (r_p - r)(s_p - s) / (n^3 - n) of n ranks r, s.
    `tau_a` = (concordant - discordant) / all pairs of distances; `tau_b` leaves out the pairs tied in one of the two.
    Models that predict ties, as categories do, win by their ties with `spearman` and `tau_b`: take `rho_a` or `tau_a`.

    `whitened_cosine` = a'V^-1 b / sqrt(a'V^-1 a b'V^-1 b), where V is the covariance that distances have because they
    share presentations: V = 2 I + N N', N_pi = 1 if pair p holds presentation i (presentations with independent, equal
    noise; up to a factor). It equals linear CKA of the kernels -H D H / 2 and takes squared distances.
    `whitened_correlation` is the same of a, b less their means.

    Args:
        a, b: `(n (n - 1) / 2,)`, as `rdm` gives them, of the same presentations.
        by: which.

    Returns:
        1 for distances that are alike; around 0 for unrelated ones, `cosine` excepted, which is near 1 for any two.

    Raises:
        InputError: for vectors of different lengths or fewer than three, numbers that are not finite, or distances
            that are all alike, or all 0, where `by` cannot be told then (`rho_a` and `tau_a` are 0).

    Source: Nili et al. 2014, PLoS Computational Biology 10:e1003553; rho_a: Schutt et al. 2023, eLife 82566;
    whitened: Diedrichsen et al. 2021, arXiv:2007.02789.

    >>> round(compare_rdms([1.0, 2.0, 3.0], [1.0, 4.0, 9.0], by="spearman"), 9)
    1.0
    >>> round(compare_rdms([0.0, 0.0, 1.0], [0.0, 0.0, 1.0], by="tau_a"), 3)
    0.667
    """
    first, second = _vectors("a", a), _vectors("b", b)
    if len(first) != 1 or len(second) != 1:
        raise InputError("a", (first.shape, second.shape), "a and b are one RDM each, as a vector")
    return float(similarities(first, second, by=by)[0, 0])


def similarities(a: Any, b: Any, *, by: By = "pearson") -> np.ndarray:
    """`compare_rdms` of every RDM in a with every one in b.

    Args:
        a, b: `(rdm, pair)`, or one vector.
        by: as in `compare_rdms`.

    Returns:
        `(rdm of a, rdm of b)`.

    >>> similarities([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]], [1.0, 2.0, 3.0]).round(6).tolist()
    [[1.0], [-1.0]]
    """
    if by not in _PREPARE and by not in _KENDALL:
        raise InputError("by", by, f"is none of {', '.join([*_PREPARE, *_KENDALL])}")
    first, second = _vectors("a", a), _vectors("b", b)
    if first.shape[1] != second.shape[1]:
        raise InputError("b", second.shape, f"has not as many distances as a ({first.shape[1]})")
    if by in _KENDALL:
        return np.array([[_KENDALL[by](u, v) for v in second] for u in first])
    u, v = _PREPARE[by](first), _PREPARE[by](second)
    if by == "rho_a":
        n = first.shape[1]
        return 12.0 * (u @ v.T) / (n**3 - n)
    return (u / _lengths("a", first, u)) @ (v / _lengths("b", second, v)).T


def normalised(rdms: Any, *, by: By = "pearson") -> np.ndarray:
    """RDMs on one scale, such that their mean is the one most alike to them on average.

    For `pearson` less their mean and of unit length, for `cosine` of unit length, whitened forms of unit length under
    V^-1; ranks for all others, which is exact for `spearman` before ties and near for `tau_a` and `tau_b`.

    Args:
        rdms: `(rdm, pair)`.
        by: as in `compare_rdms`.

    Source: Nili et al. 2014.

    >>> normalised([[3.0, 4.0, 0.0]], by="cosine").round(3).tolist()
    [[0.6, 0.8, 0.0]]
    """
    values = _vectors("rdms", rdms)
    if by in _KENDALL or by in ("spearman", "rho_a"):
        return _ranks(values)
    prepared = _PREPARE[by](values)
    centred = _centred(values) if by in ("pearson", "whitened_correlation") else values
    return centred / _lengths("rdms", values, prepared)


def n_conditions(n_pairs: int) -> int:
    """How many conditions have that many pairs.

    >>> n_conditions(10)
    5
    """
    n = round((1 + np.sqrt(1 + 8 * n_pairs)) / 2)
    if n * (n - 1) // 2 != n_pairs:
        raise InputError("a", n_pairs, "is not the number of pairs n (n - 1) / 2 of any n presentations")
    return n


def _vectors(name: str, rdms: Any) -> np.ndarray:
    values = np.atleast_2d(np.asarray(rdms, dtype=np.float64))
    if values.ndim != 2 or values.shape[1] < 3:
        raise InputError(name, np.shape(rdms), "needs the distances as a vector, three or more")
    if not np.isfinite(values).all():
        raise InputError(name, "NaN or infinity", "drop the presentations without distances first")
    return values


def _lengths(name: str, values: np.ndarray, prepared: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(prepared, axis=1, keepdims=True)
    if (length <= 1e-13 * np.linalg.norm(values, axis=1, keepdims=True)).any():
        raise InputError(name, "constant", "all its distances are alike, so nothing can follow them")
    return length


def _centred(values: np.ndarray) -> np.ndarray:
    return values - values.mean(axis=1, keepdims=True)


def _ranks(values: np.ndarray) -> np.ndarray:
    return _centred(rankdata(values, axis=1))


def _kernels(values: np.ndarray) -> np.ndarray:
    """H D H, flat: its inner products are those under V^-1, up to a factor, as V = 2 I + N N'."""
    n_conditions(values.shape[1])
    out = np.empty((len(values), n_conditions(values.shape[1]) ** 2))
    for row, value in enumerate(values):
        square = squareform(value)
        square = square - square.mean(axis=0) - square.mean(axis=1, keepdims=True) + square.mean()
        out[row] = square.ravel()
    return out


def _tied(values: np.ndarray) -> int:
    count = np.unique(values, return_counts=True)[1]
    return int((count * (count - 1) // 2).sum())


def _tau_b(a: np.ndarray, b: np.ndarray) -> float:
    for name, values in (("a", a), ("b", b)):
        if np.ptp(values) == 0:
            raise InputError(name, "constant", "all its distances are alike, so nothing can follow them")
    return float(kendalltau(a, b).statistic)


def _tau_a(a: np.ndarray, b: np.ndarray) -> float:
    n_all = len(a) * (len(a) - 1) // 2
    told = [n_all - _tied(values) for values in (a, b)]
    if 0 in told:
        return 0.0
    return float(_tau_b(a, b) * np.sqrt(float(told[0])) * np.sqrt(float(told[1])) / n_all)


_PREPARE: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "pearson": _centred,
    "spearman": _ranks,
    "rho_a": _ranks,
    "cosine": lambda values: values,
    "whitened_cosine": _kernels,
    "whitened_correlation": lambda values: _kernels(_centred(values)),
}
_KENDALL: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {"tau_a": _tau_a, "tau_b": _tau_b}
