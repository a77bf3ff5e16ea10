"""`Edges`: a projection that has been wired, with the arrays that its simulation needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from multiunit.circuits.connectivity import Wiring
from multiunit.circuits.projection import Projection
from multiunit.core.errors import InputError


@dataclass
class Edges:
    """The edges of one projection, sorted by presynaptic unit, within it by delay, within that by target.

    Args:
        projection: what they are edges of.
        rows: int64 `(n_pre, delay + 1)`: edges of unit i with delay `first + d` are `rows[i, d] : rows[i, d + 1]`.
        post: int32 `(edge,)`.
        weight: one number or `(edge,)`, in the circuit's precision.
        first: the shortest delay, in steps.
        delay: int64, one number or `(edge,)`, in steps.
    """

    projection: Projection
    rows: np.ndarray
    post: np.ndarray
    weight: np.ndarray
    first: int
    delay: np.ndarray

    @property
    def n(self) -> int:
        return len(self.post)

    @property
    def last(self) -> int:
        """The longest delay, in steps."""
        return self.first + self.rows.shape[1] - 2

    @property
    def pre(self) -> np.ndarray:
        """The presynaptic unit of every edge, int32."""
        return np.repeat(np.arange(len(self.rows), dtype=np.int32), self.rows[:, -1] - self.rows[:, 0])


def built(
    projection: Projection, *, n_pre: int, n_post: int, dt: float, precision: str, rng: np.random.Generator
) -> Edges:
    """Wire a projection: draw its edges, weights and delays.

    Raises:
        InputError: as the rule and the projection.
    """
    wiring = projection.connectivity.wire(n_pre, n_post, recurrent=projection.pre == projection.post, rng=rng)
    weight = projection.weights(wiring, rng).astype(precision)
    delay = projection.delay_steps(wiring, rng, dt=dt)
    if (projection.plasticity is not None or projection.structural) and not weight.ndim:
        weight = np.full(len(wiring.post), weight, dtype=precision)
    if not delay.ndim or not len(delay) or delay.min() == delay.max():
        first = int(delay.flat[0]) if delay.size else 0
        rows = np.lib.stride_tricks.sliding_window_view(wiring.indptr, 2)
        return Edges(projection, rows, wiring.post, weight, first, np.array(first))
    return _by_delay(projection, wiring, weight, delay)


def _by_delay(projection: Projection, wiring: Wiring, weight: np.ndarray, delay: np.ndarray) -> Edges:
    first, n_delays = int(delay.min()), int(delay.max() - delay.min() + 1)
    n_pre = len(wiring.indptr) - 1
    key = wiring.pre.astype(np.int64) * n_delays + (delay - first)
    order = np.argsort(key, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(key, minlength=n_pre * n_delays))])
    # One column more than there are delays: the end of a unit's last delay is the start of the next unit's first.
    rows = starts[np.arange(n_pre)[:, None] * n_delays + np.arange(n_delays + 1)].astype(np.int64)
    weight = weight[order] if weight.ndim else weight
    return Edges(projection, rows, wiring.post[order], weight, first, delay[order])


def incoming(edges: Edges, *, n_post: int) -> dict[str, np.ndarray]:
    """The edges by postsynaptic unit: `into` `(n_post + 1,)`, `edge` and `from` `(edge,)`."""
    order = np.argsort(edges.post, kind="stable").astype(np.int32 if edges.n < 2**31 else np.int64)
    into = np.concatenate([[0], np.cumsum(np.bincount(edges.post, minlength=n_post))]).astype(np.int64)
    return {"into": into, "edge": order, "from": edges.pre[order]}


def bytes_needed(projection: Projection, *, n_pre: int, n_post: int, precision: str) -> dict[str, Any]:
    """About how many edges and bytes a projection takes while it is built, before anything is drawn.

    Raises:
        InputError: where a rule's estimate is not finite.
    """
    n = projection.connectivity.expected(n_pre, n_post)
    if not np.isfinite(n):
        raise InputError("connectivity", n, f"of {projection.name}: no finite number of edges")
    real = np.dtype(precision).itemsize
    each = 4.0
    if callable(projection.weight) or np.ndim(projection.weight) or projection.plasticity is not None:
        each += real + 8
    if callable(projection.delay) or np.ndim(projection.delay):
        each += 8 + 8 + 8
    if projection.plasticity is not None:
        each += 4 + 4 + (real + 4 if projection.plasticity.eligibility is not None else 0)
    return {"edges": n, "bytes": n * each + 8 * n_pre}
