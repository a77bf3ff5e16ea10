"""Who projects to whom: rules of connectivity, and the compressed rows that they are written in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
from numba import njit

from multiunit.core.errors import InputError


class Wiring(NamedTuple):
    """Edges by presynaptic unit: those of unit i are `post[indptr[i] : indptr[i + 1]]`.

    `indptr` int64 `(n_pre + 1,)`, `post` int32 `(edge,)`; `weight` and `delay` (seconds) `(edge,)` where the rule
    itself brings them, as an edge list may.
    """

    indptr: np.ndarray
    post: np.ndarray
    weight: np.ndarray | None = None
    delay: np.ndarray | None = None

    @property
    def pre(self) -> np.ndarray:
        """The presynaptic unit of every edge, int32 `(edge,)`."""
        return np.repeat(np.arange(len(self.indptr) - 1, dtype=np.int32), np.diff(self.indptr))


class Connectivity(Protocol):
    """A rule: how many edges it will about make, and the edges."""

    def expected(self, n_pre: int, n_post: int) -> float: ...

    def wire(self, n_pre: int, n_post: int, *, recurrent: bool, rng: np.random.Generator) -> Wiring: ...


@dataclass(frozen=True)
class AllToAll:
    """Every unit to every unit; within a population not to itself, unless `autapses`.

    >>> AllToAll().wire(2, 2, recurrent=True, rng=np.random.default_rng(0)).post.tolist()
    [1, 0]
    """

    autapses: bool = False

    def expected(self, n_pre: int, n_post: int) -> float:
        return float(n_pre) * n_post

    def wire(self, n_pre: int, n_post: int, *, recurrent: bool, rng: np.random.Generator) -> Wiring:
        skip = recurrent and not self.autapses
        post = np.tile(np.arange(n_post, dtype=np.int32), (n_pre, 1))
        kept = post[~np.eye(n_pre, n_post, dtype=bool)] if skip else post.ravel()
        return Wiring(np.arange(n_pre + 1, dtype=np.int64) * (n_post - skip), kept)


@dataclass(frozen=True)
class OneToOne:
    """Unit i to unit i of a population of the same size.

    >>> OneToOne().wire(3, 3, recurrent=False, rng=np.random.default_rng(0)).post.tolist()
    [0, 1, 2]
    """

    def expected(self, n_pre: int, n_post: int) -> float:
        return float(n_pre)

    def wire(self, n_pre: int, n_post: int, *, recurrent: bool, rng: np.random.Generator) -> Wiring:
        if n_pre != n_post:
            raise InputError("connectivity", f"OneToOne from {n_pre} to {n_post}", "needs populations of one size")
        return Wiring(np.arange(n_pre + 1, dtype=np.int64), np.arange(n_pre, dtype=np.int32))


@dataclass(frozen=True)
class FixedProbability:
    """Every pair of units is connected with one probability, independently of all others.

    Time and memory grow with the edges, not with the pairs: the gaps between edges are drawn (geometric).

    Raises:
        InputError: for a probability outside (0, 1].
    """

    probability: float
    autapses: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.probability <= 1:
            raise InputError("probability", self.probability, "above 0 and at most 1")

    def expected(self, n_pre: int, n_post: int) -> float:
        return self.probability * n_pre * n_post

    def wire(self, n_pre: int, n_post: int, *, recurrent: bool, rng: np.random.Generator) -> Wiring:
        skip = recurrent and not self.autapses
        mean = self.expected(n_pre, n_post)
        # Ten standard deviations of room: the row buffer is cut to size afterwards.
        room = int(mean + 10 * np.sqrt(mean) + 100)
        indptr, post = _by_gaps(n_pre, n_post, self.probability, skip, room, rng)
        return Wiring(indptr, post)


@dataclass(frozen=True)
class FixedOutDegree:
    """Every presynaptic unit to `degree` different units at random (not itself within a population).

    >>> wiring = FixedOutDegree(3).wire(4, 9, recurrent=False, rng=np.random.default_rng(0))
    >>> [len(set(wiring.post[a:b])) for a, b in zip(wiring.indptr, wiring.indptr[1:])]
    [3, 3, 3, 3]
    """

    degree: int
    autapses: bool = False

    def expected(self, n_pre: int, n_post: int) -> float:
        return float(n_pre) * self.degree

    def wire(self, n_pre: int, n_post: int, *, recurrent: bool, rng: np.random.Generator) -> Wiring:
        skip = recurrent and not self.autapses
        _possible(self.degree, n_post - skip, "FixedOutDegree")
        post = _distinct(n_pre, n_post, self.degree, skip, rng)
        return Wiring(np.arange(n_pre + 1, dtype=np.int64) * self.degree, post.ravel())


@dataclass(frozen=True)
class FixedInDegree:
    """Every postsynaptic unit from `degree` different units at random (not itself within a population).

    >>> wiring = FixedInDegree(2).wire(9, 4, recurrent=False, rng=np.random.default_rng(0))
    >>> np.bincount(wiring.post).tolist()
    [2, 2, 2, 2]
    """

    degree: int
    autapses: bool = False

    def expected(self, n_pre: int, n_post: int) -> float:
        return float(n_post) * self.degree

    def wire(self, n_pre: int, n_post: int, *, recurrent: bool, rng: np.random.Generator) -> Wiring:
        skip = recurrent and not self.autapses
        _possible(self.degree, n_pre - skip, "FixedInDegree")
        pre = _distinct(n_post, n_pre, self.degree, skip, rng).ravel()
        return _sorted(n_pre, pre, np.repeat(np.arange(n_post, dtype=np.int32), self.degree))


@dataclass(frozen=True)
class DistanceDependent:
    """Units on places are connected with probability p(d) = peak exp(-d^2 / (2 width^2)), or exp(-d / width).

    Args:
        pre_place, post_place: `(unit, dimension)`, in any unit of length.
        width: in the same unit.
        peak: probability at distance 0, in (0, 1].
        profile: "gaussian" or "exponential".
        period: side of a torus, where the sheet has no border.

    Raises:
        InputError: for places that do not fit the populations, a width of 0, or another profile.

    >>> line = np.arange(4.0)[:, None]
    >>> near = DistanceDependent(line, line, width=0.1)
    >>> near.wire(4, 4, recurrent=True, rng=np.random.default_rng(0)).post.size    # nobody is that near
    0
    """

    pre_place: np.ndarray = field(repr=False)
    post_place: np.ndarray = field(repr=False)
    width: float = field(kw_only=True)
    peak: float = field(default=1.0, kw_only=True)
    profile: str = field(default="gaussian", kw_only=True)
    period: float | None = field(default=None, kw_only=True)
    autapses: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        if not self.width > 0 or not 0 < self.peak <= 1:
            raise InputError("width", (self.width, self.peak), "a width above 0, and a peak in (0, 1]")
        if self.profile not in ("gaussian", "exponential"):
            raise InputError("profile", self.profile, "is 'gaussian' or 'exponential'")

    def expected(self, n_pre: int, n_post: int) -> float:
        some = np.linspace(0, n_pre - 1, min(n_pre, 64)).astype(int)
        return float(self._probability(some).sum()) * n_pre / len(some)

    def wire(self, n_pre: int, n_post: int, *, recurrent: bool, rng: np.random.Generator) -> Wiring:
        for name, place, n in (("pre_place", self.pre_place, n_pre), ("post_place", self.post_place, n_post)):
            if np.ndim(place) != 2 or len(place) != n:
                raise InputError(name, np.shape(place), f"needs a place for each of {n} units")
        rows, posts = [], []
        for block in np.array_split(np.arange(n_pre), max(1, n_pre * n_post // 2**22)):
            probability = self._probability(block)
            if recurrent and not self.autapses:
                probability[np.arange(len(block)), block] = 0
            row, post = np.nonzero(rng.random(probability.shape) < probability)
            rows.append(np.bincount(row, minlength=len(block)))
            posts.append(post.astype(np.int32))
        indptr = np.concatenate([[0], np.cumsum(np.concatenate(rows))]).astype(np.int64)
        return Wiring(indptr, np.concatenate(posts))

    def _probability(self, block: np.ndarray) -> np.ndarray:
        apart = np.abs(np.asarray(self.pre_place)[block][:, None] - np.asarray(self.post_place)[None])
        if self.period is not None:
            apart = np.minimum(apart, self.period - apart)
        square = (apart**2).sum(axis=2)
        fall = square / (2 * self.width**2) if self.profile == "gaussian" else np.sqrt(square) / self.width
        return self.peak * np.exp(-fall)


@dataclass(frozen=True)
class SmallWorld:
    """A ring in which every unit reaches its `degree` nearest, each edge sent elsewhere with probability `rewiring`.

    Source: Watts & Strogatz 1998, doi:10.1038/30918, with directed edges.

    >>> ring = SmallWorld(2, rewiring=0.0).wire(5, 5, recurrent=True, rng=np.random.default_rng(0))
    >>> ring.post.reshape(5, 2)[0].tolist()
    [1, 4]
    """

    degree: int
    rewiring: float = field(kw_only=True)

    def __post_init__(self) -> None:
        if self.degree < 2 or self.degree % 2 or not 0 <= self.rewiring <= 1:
            raise InputError("degree", (self.degree, self.rewiring), "an even degree, and a rewiring in [0, 1]")

    def expected(self, n_pre: int, n_post: int) -> float:
        return float(n_pre) * self.degree

    def wire(self, n_pre: int, n_post: int, *, recurrent: bool, rng: np.random.Generator) -> Wiring:
        if not recurrent:
            raise InputError("connectivity", "SmallWorld", "is a rule within one population")
        _possible(self.degree, n_pre - 1, "SmallWorld")
        half = np.arange(1, self.degree // 2 + 1)
        post = (np.arange(n_pre)[:, None] + np.concatenate([half, -half])) % n_pre
        for row, edge in np.argwhere(rng.random(post.shape) < self.rewiring):
            free = np.setdiff1d(np.arange(n_pre), np.append(post[row], row))
            if len(free):
                post[row, edge] = rng.choice(free)
        indptr = np.arange(n_pre + 1, dtype=np.int64) * self.degree
        return Wiring(indptr, np.sort(post, axis=1).astype(np.int32).ravel())


@dataclass(frozen=True)
class EdgeList:
    """Edges that are known, such as those of a connectome.

    Args:
        pre, post: unit numbers `(edge,)`; several edges between two units stay several edges.
        weight, delay: `(edge,)`, if the edges bring them; delays in seconds.

    Raises:
        InputError: for lengths that differ, or units that a population lacks.

    >>> EdgeList([1, 0], [2, 0], weight=[5.0, 3.0]).wire(2, 3, recurrent=False, rng=None).weight.tolist()
    [3.0, 5.0]
    """

    pre: Any = field(repr=False)
    post: Any = field(repr=False)
    weight: Any = field(default=None, repr=False, kw_only=True)
    delay: Any = field(default=None, repr=False, kw_only=True)

    @classmethod
    def from_matrix(cls, matrix: Any) -> EdgeList:
        """The non-zero entries of a dense or sparse matrix `(pre, post)`, as weights.

        >>> edges = EdgeList.from_matrix([[0.0, 2.0], [0.0, 0.0]])
        >>> edges.pre.tolist(), edges.post.tolist(), edges.weight.tolist()
        ([0], [1], [2.0])
        """
        from scipy.sparse import coo_array

        sparse = coo_array(matrix)
        return cls(sparse.coords[0], sparse.coords[1], weight=sparse.data)

    @classmethod
    def from_table(cls, edges: Any, *, pre: Sequence[str], post: Sequence[str] | None = None) -> EdgeList:
        """The rows of a table between named units, such as a connectome's; other rows are left out.

        Args:
            edges: a data frame with `pre` and `post` (names), and `weight` if the edges bring it.
            pre: names of the presynaptic population's units, in their order.
            post: those of the postsynaptic population; the same by default.

        Raises:
            InputError: for names that occur twice, or a table without such columns.

        >>> import pandas as pd
        >>> table = pd.DataFrame({"pre": ["AVAL", "PVC"], "post": ["DA1", "AVAL"], "weight": [3.0, 1.0]})
        >>> edges = EdgeList.from_table(table, pre=["AVAL", "DA1"])
        >>> edges.pre.tolist(), edges.post.tolist(), edges.weight.tolist()
        ([0], [1], [3.0])
        """
        missing = [name for name in ("pre", "post") if name not in edges]
        if missing:
            raise InputError("edges", list(edges), "needs the columns pre and post")
        numbers = []
        for side, names in (("pre", list(pre)), ("post", list(pre if post is None else post))):
            places = {name: number for number, name in enumerate(names)}
            if len(places) < len(names):
                raise InputError(side, len(names) - len(places), "names must differ; so many occur again")
            numbers.append(np.array([places.get(name, -1) for name in edges[side]], dtype=np.int64))
        inside = (numbers[0] >= 0) & (numbers[1] >= 0)
        weight = edges["weight"].to_numpy(float)[inside] if "weight" in edges else None
        return cls(numbers[0][inside], numbers[1][inside], weight=weight)

    def expected(self, n_pre: int, n_post: int) -> float:
        return float(len(self.pre))

    def wire(self, n_pre: int, n_post: int, *, recurrent: bool, rng: Any) -> Wiring:
        pre, post = (np.asarray(part) for part in (self.pre, self.post))
        more = [None if part is None else np.asarray(part, dtype=np.float64) for part in (self.weight, self.delay)]
        if pre.ndim != 1 or any(part is not None and part.shape != pre.shape for part in (post, *more)):
            raise InputError("post", post.shape, f"needs one value for each of the edges of pre, {pre.shape}")
        for name, part, n in (("pre", pre, n_pre), ("post", post, n_post)):
            if len(part) and (part.dtype.kind not in "iu" or part.min() < 0 or part.max() >= n):
                raise InputError(name, f"{part.min()} to {part.max()}", f"needs unit numbers from 0 to {n - 1}")
        return _sorted(n_pre, pre, post, *more)


def _possible(degree: int, most: int, rule: str) -> None:
    if not 1 <= degree <= most:
        raise InputError("degree", degree, f"{rule} needs from 1 to {most} here")


def _sorted(n_pre: int, pre: Any, post: Any, weight: Any = None, delay: Any = None) -> Wiring:
    """Edges brought into rows, those of a row by postsynaptic unit."""
    order = np.lexsort((post, pre))
    indptr = np.concatenate([[0], np.cumsum(np.bincount(pre, minlength=n_pre))]).astype(np.int64)
    parts = (None if part is None else part[order] for part in (weight, delay))
    return Wiring(indptr, post[order].astype(np.int32), *parts)


@njit(cache=True)
def _by_gaps(
    n_pre: int, n_post: int, probability: float, skip: bool, room: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    indptr = np.zeros(n_pre + 1, np.int64)
    post = np.empty(room, np.int32)
    n = 0
    scale = np.log1p(-probability) if probability < 1 else -np.inf
    for i in range(n_pre):
        j = -1
        while True:
            gap = np.floor(np.log(1.0 - rng.random()) / scale)
            if gap >= n_post:
                break
            j += 1 + int(gap)
            if j >= n_post:
                break
            if skip and j == i:
                continue
            if n == room:
                room = room + room // 4 + 16
                longer = np.empty(room, np.int32)
                longer[:n] = post[:n]
                post = longer
            post[n] = j
            n += 1
        indptr[i + 1] = n
    return indptr, post[:n].copy()


@njit(cache=True)
def _distinct(n_rows: int, n_columns: int, degree: int, skip: bool, rng: np.random.Generator) -> np.ndarray:
    """`(row, degree)`: different columns in rising order, by Floyd's algorithm; row i without column i if `skip`."""
    out = np.empty((n_rows, degree), np.int32)
    n = n_columns - 1 if skip else n_columns
    last_row = np.full(n_columns, -1, np.int64)
    for i in range(n_rows):
        for k in range(degree):
            top = n - degree + k
            # 53 random bits over at most 2^31 columns; twice as fast as drawing whole numbers.
            j = int(rng.random() * (top + 1))
            if last_row[j] == i:
                j = top
            last_row[j] = i
            out[i, k] = j
        row = np.sort(out[i])
        for k in range(degree):
            out[i, k] = row[k] + 1 if skip and row[k] >= i else row[k]
    return out
