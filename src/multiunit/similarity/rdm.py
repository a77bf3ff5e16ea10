"""The representational dissimilarity matrix: how far apart a system holds every two presentations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

import numpy as np

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.core.recording import Recording

Distance = Literal["euclidean", "squared_euclidean", "correlation", "cosine", "mahalanobis", "poisson_kl"]

# A block of distances holds about this many numbers.
_BLOCK = 2**21


@method(
    kind="population",
    source="kriegeskorte2008",
    example=lambda rng: ((rng.normal(size=(12, 5)),), {}),
    nan="the unit was not observed in that presentation",
)
def rdm(
    x: Any,
    *,
    distance: Distance = "euclidean",
    precision: Any = None,
    observed: Any = None,
    prior_rate: float = 1.0,
    prior_weight: float = 0.1,
) -> np.ndarray:
    """The distance of every two presentations in the space of units.

    Of presentations a, b over P units:
    `squared_euclidean` sum_k (a_k - b_k)^2, `euclidean` its root; `cosine` 1 - a'b / (|a| |b|), `correlation` the same
    of a and b less their means over units; `mahalanobis` sqrt((a - b)' precision (a - b)); `poisson_kl` the symmetric
    Kullback-Leibler divergence of Poisson rates, sum_k (r_k - s_k) (log r_k - log s_k), with rates drawn towards a
    prior: r = (a + prior_weight prior_rate) / (1 + prior_weight).

    Distances are those of scipy's `pdist`. The toolbox rsatoolbox gives squared distances divided by P under the names
    euclidean and mahalanobis, and poisson divided by P.

    Units that are NaN or not `observed` in one of two presentations are left out of that pair. Sums over units are then
    multiplied by P / (units left); cosine and correlation are those of the units left.

    Args:
        x: array or recording, `(presentation, unit)`.
        distance: which.
        precision: `(unit, unit)`, inverse covariance of the noise, positive definite; for `mahalanobis` alone.
        observed: bool `(presentation, unit)`; a recording brings its own.
        prior_rate, prior_weight: of `poisson_kl`, in the unit of x and in numbers of observations.

    Returns:
        float64 `(n (n - 1) / 2,)`, in the order of `scipy.spatial.distance.squareform`. Apart from it and from copies
        of x, memory does not grow with the number of presentations.

    Raises:
        InputError: for fewer than two presentations, infinite activity, a presentation without direction (cosine,
            correlation), negative rates, a precision that is missing or not positive definite, two presentations
            without a unit in common, or missing units with `mahalanobis`.

    Source: Kriegeskorte et al. 2008, Frontiers in Systems Neuroscience 2:4; poisson_kl: Schutt et al. 2023, eLife
    82566; the missing units of sums as in Dixon 1979.

    >>> rdm([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]]).tolist()
    [5.0, 10.0, 5.0]
    >>> rdm([[0.0, 0.0], [3.0, np.nan]], distance="squared_euclidean").tolist()
    [18.0]
    """
    if distance not in _FORMS:
        raise InputError("distance", distance, f"is none of {', '.join(_FORMS)}")
    if (precision is not None) != (distance == "mahalanobis"):
        raise InputError("precision", precision, "goes with distance='mahalanobis', and with no other")
    values, seen = _values(x, observed)
    form = _FORMS[distance]
    if seen is not None and form.angle is not None:
        return _angles(values, seen, centred=form.angle == "correlation")
    if seen is not None and distance == "mahalanobis":
        raise InputError("x", "missing units", "mahalanobis needs every unit in every presentation; drop or fill them")
    if distance == "poisson_kl":
        a, b = _poisson(values, prior_rate, prior_weight)
    elif distance == "mahalanobis":
        a = b = whitened(values, precision)
    else:
        a = b = values if form.angle is None else _directions(values, centred=form.angle == "correlation")
    found = _bilinear(a, b, seen)
    return np.sqrt(found) if form.root else found


class _Form(NamedTuple):
    """How a distance comes of sums over units: its root is taken, or it is an angle."""

    root: bool = False
    angle: Literal["cosine", "correlation"] | None = None


_FORMS: dict[str, _Form] = {
    "euclidean": _Form(root=True),
    "squared_euclidean": _Form(),
    "correlation": _Form(angle="correlation"),
    "cosine": _Form(angle="cosine"),
    "mahalanobis": _Form(root=True),
    "poisson_kl": _Form(),
}


def whitened(values: np.ndarray, precision: Any) -> np.ndarray:
    """Coordinates in which squared Euclidean distances are a' precision a.

    >>> whitened(np.array([[1.0, 1.0]]), np.diag([4.0, 9.0])).tolist()
    [[2.0, 3.0]]
    """
    matrix = np.asarray(precision, dtype=np.float64)
    n_units = values.shape[1]
    if matrix.shape != (n_units, n_units) or not np.allclose(matrix, matrix.T, rtol=1e-8, atol=0.0):
        raise InputError("precision", matrix.shape, f"needs a symmetric matrix over the {n_units} units")
    try:
        return values @ np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        raise InputError("precision", matrix.shape, "is not positive definite; shrink the covariance first") from None


def _values(x: Any, observed: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """Activity as float64, and which of it was observed where that is not all."""
    if isinstance(x, Recording):
        if observed is None and "observed" in x.dataset:
            observed = x.dataset["observed"].values
        x = x.activity
    values = np.asarray(x, dtype=np.float64)
    if values.ndim != 2 or len(values) < 2 or not values.shape[1]:
        raise InputError("x", values.shape, "needs (presentation, unit), at least two presentations and one unit")
    seen = ~np.isnan(values)
    if observed is not None:
        given = np.asarray(observed)
        if given.shape != values.shape or given.dtype != bool:
            raise InputError("observed", given.shape, f"needs True or False for each of {values.shape}")
        seen &= given
    values = np.where(seen, values, 0.0)
    if np.isinf(values).any():
        raise InputError("x", "infinity", "has no distance to anything")
    return values, None if seen.all() else seen


def _poisson(values: np.ndarray, rate: float, weight: float) -> tuple[np.ndarray, np.ndarray]:
    """Rates and their logarithms."""
    if (values < 0).any():
        raise InputError("x", float(values.min()), "poisson_kl needs counts or rates, none below 0")
    if not rate > 0 or not weight > 0:
        raise InputError("prior_rate", (rate, weight), "prior_rate and prior_weight must be above 0")
    rates = (values + weight * rate) / (1 + weight)
    return rates, np.log(rates)


def _directions(values: np.ndarray, *, centred: bool) -> np.ndarray:
    """Each presentation of length sqrt(1/2), so that squared distances are 1 - cosine."""
    rows = values - values.mean(axis=1, keepdims=True) if centred else values
    length = np.linalg.norm(rows, axis=1)
    flat = length <= 1e-13 * np.linalg.norm(values, axis=1)
    if flat.any():
        raise InputError("x", f"presentation {int(np.argmax(flat))}", "is the same in all units: it has no direction")
    return rows / (length[:, None] * np.sqrt(2.0))


def _blocks(n: int) -> Iterator[tuple[slice, slice]]:
    """Rows, and the columns from the first of them on, of blocks that cover the upper triangle."""
    step = max(1, _BLOCK // n)
    for start in range(0, n, step):
        yield slice(start, min(n, start + step)), slice(start, n)


def _condensed(n: int, block: Callable[[slice, slice], np.ndarray]) -> np.ndarray:
    """The upper triangle of what `block(rows, columns)` gives, row by row."""
    out = np.empty(n * (n - 1) // 2)
    for rows, columns in _blocks(n):
        found = block(rows, columns)
        for at, row in enumerate(range(rows.start, rows.stop)):
            first = n * row - row * (row + 1) // 2
            out[first : first + n - row - 1] = found[at, at + 1 :]
    return out


def _bilinear(a: np.ndarray, b: np.ndarray, seen: np.ndarray | None) -> np.ndarray:
    """sum_k (a_ik - a_jk) (b_ik - b_jk) of all pairs, over the units seen in both, as if of all."""
    n, n_units = a.shape
    mask = np.ones(a.shape) if seen is None else seen.astype(np.float64)
    count = np.maximum(mask.sum(axis=0), 1.0)
    same = a is b
    # Differences do not feel a shift; small numbers lose less to rounding.
    a = (a - (a * mask).sum(axis=0) / count) * mask
    b = a if same else (b - (b * mask).sum(axis=0) / count) * mask
    own = a * b
    size = np.sqrt(np.einsum("ij,ij->i", a, a) * np.einsum("ij,ij->i", b, b))
    if seen is None:
        own = own.sum(axis=1)

    def block(rows: slice, columns: slice) -> np.ndarray:
        cross = a[rows] @ b[columns].T
        cross = 2 * cross if same else cross + b[rows] @ a[columns].T
        if seen is None:
            found = own[rows, None] + own[columns] - cross
            scale = np.ones(1)
        else:
            found = own[rows] @ mask[columns].T + mask[rows] @ own[columns].T - cross
            shared = mask[rows] @ mask[columns].T
            _refuse(np.triu(shared < 0.5, 1), rows.start, "have no observed unit in common")
            scale = n_units / np.maximum(shared, 1.0)
        # Where two presentations are nearly alike rounding leaves more than there is: take the differences themselves.
        alike = np.triu(found < 1e-4 * (size[rows, None] + size[columns]), 1)
        first, second = np.nonzero(alike)
        step = max(1, _BLOCK // n_units)
        for at in range(0, len(first), step):
            here = first[at : at + step], second[at : at + step]
            i, j = here[0] + rows.start, here[1] + columns.start
            found[here] = np.einsum("ij,ij,ij->i", a[i] - a[j], b[i] - b[j], mask[i] * mask[j])
        return np.maximum(found, 0.0) * scale

    return _condensed(n, block)


def _angles(values: np.ndarray, seen: np.ndarray, *, centred: bool) -> np.ndarray:
    """1 - cosine, or 1 - correlation, of all pairs over the units seen in both."""
    mask = seen.astype(np.float64)
    if centred:
        values = (values - values.sum(axis=1, keepdims=True) / np.maximum(mask.sum(axis=1, keepdims=True), 1.0)) * mask
    values = values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), np.finfo(float).tiny)
    squares = values**2

    def block(rows: slice, columns: slice) -> np.ndarray:
        cross = values[rows] @ values[columns].T
        first, second = squares[rows] @ mask[columns].T, mask[rows] @ squares[columns].T
        if centred:
            shared = np.maximum(mask[rows] @ mask[columns].T, 1.0)
            sums = values[rows] @ mask[columns].T, mask[rows] @ values[columns].T
            cross = cross - sums[0] * sums[1] / shared
            first, second = first - sums[0] ** 2 / shared, second - sums[1] ** 2 / shared
        flat = (first <= 1e-13) | (second <= 1e-13)
        _refuse(np.triu(flat, 1), rows.start, "have no direction over the units observed in both")
        both = np.sqrt(np.where(flat, 1.0, first) * np.where(flat, 1.0, second))
        return 1.0 - np.clip(cross / both, -1.0, 1.0)

    return _condensed(len(values), block)


def _refuse(bad: np.ndarray, start: int, why: str) -> None:
    if bad.any():
        i, j = (int(where[0]) + start for where in np.nonzero(bad))
        raise InputError("x", f"presentations {i} and {j}", f"{why}; drop one of them")
