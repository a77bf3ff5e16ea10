"""The inner loops of a simulation, compiled: who spiked, and what their spikes bring."""

from __future__ import annotations

from typing import Any

from numba import njit


@njit(error_model="numpy", nogil=True, cache=True)
def compact(spiked: Any, words: Any, out: Any) -> int:
    """Write the numbers of the units that spiked to `out`, and return how many; `words` is `spiked` by eight."""
    n = 0
    for w in range(words.size):
        if words[w]:
            for i in range(8 * w, min(8 * w + 8, spiked.size)):
                if spiked[i]:
                    out[n] = i
                    n += 1
    return n


@njit(error_model="numpy", nogil=True, cache=True)
def deliver(history: Any, n_history: Any, t: int, first: int, rows: Any, post: Any, weight: float, target: Any) -> None:
    """Add one weight to the targets of all spikes that arrive now.

    `history[s % depth]` holds who spiked in step s; the edges of unit i with delay first + d are
    `post[rows[i, d] : rows[i, d + 1]]`.
    """
    depth = history.shape[0]
    row = (t - first + 1) % depth
    for d in range(rows.shape[1] - 1):
        row = row - 1 if row else depth - 1
        for q in range(n_history[row]):
            i = history[row, q]
            for k in range(rows[i, d], rows[i, d + 1]):
                target[post[k]] += weight


@njit(error_model="numpy", nogil=True, cache=True)
def deliver_weights(
    history: Any, n_history: Any, t: int, first: int, rows: Any, post: Any, weights: Any, target: Any
) -> None:
    """The same with a weight for each edge."""
    depth = history.shape[0]
    row = (t - first + 1) % depth
    for d in range(rows.shape[1] - 1):
        row = row - 1 if row else depth - 1
        for q in range(n_history[row]):
            i = history[row, q]
            for k in range(rows[i, d], rows[i, d + 1]):
                target[post[k]] += weights[k]


@njit(error_model="numpy", nogil=True, cache=True)
def deliver_scaled(
    history: Any, n_history: Any, t: int, first: int, rows: Any, post: Any, weights: Any, efficacy: Any, target: Any
) -> None:
    """The same, each spike scaled by its efficacy `(depth, spike)`; `weights` of size 1 serve all edges."""
    depth, one = history.shape[0], weights.size == 1
    row = (t - first + 1) % depth
    for d in range(rows.shape[1] - 1):
        row = row - 1 if row else depth - 1
        for q in range(n_history[row]):
            i, scale = history[row, q], efficacy[row, q]
            for k in range(rows[i, d], rows[i, d + 1]):
                target[post[k]] += scale * weights[0 if one else k]


@njit(error_model="numpy", nogil=True, cache=True)
def short_term(
    history: Any, n_history: Any, t: int, u: Any, x: Any, last: Any, use: float, facilitation: float, depression: float,
    efficacy: Any,
) -> None:  # fmt: skip
    """The efficacy of each spike of this step; u and x decay since the unit's last spike (rates per step)."""
    row = t % history.shape[0]
    for q in range(n_history[row]):
        i = history[row, q]
        gone = t - last[i]
        u[i] *= facilitation**gone
        u[i] += use * (1.0 - u[i])
        x[i] = 1.0 + (x[i] - 1.0) * depression**gone
        efficacy[row, q] = u[i] * x[i]
        x[i] *= 1.0 - u[i]
        last[i] = t


@njit(error_model="numpy", nogil=True, cache=True)
def poisson(rng: Any, mean: Any, none: Any, weight: float, target: Any) -> None:
    """Add independent Poisson counts times a weight; `none` = exp(-mean), and both may have one value for all.

    One mean for all units: the count of all together is drawn, and each event is given to a unit at random, which is
    the same and takes a time that grows with the events only.
    """
    n = target.size
    if mean.size == 1:
        for _ in range(rng.poisson(mean[0] * n)):
            target[int(rng.random() * n)] += weight
        return
    for i in range(n):
        u = rng.random()
        if u >= none[i]:
            term, total, k = none[i], none[i], 0
            while u >= total and k < 10000:
                k += 1
                term *= mean[i] / k
                total += term
            target[i] += weight * k


@njit(error_model="numpy", nogil=True, cache=True)
def normals(rng: Any, out: Any) -> None:
    """Fill with standard normal numbers."""
    for i in range(out.size):
        out[i] = rng.standard_normal()


@njit(error_model="numpy", nogil=True, cache=True)
def bump(trace: Any, units: Any, n: int, nearest: bool) -> None:
    """What a spike does to its unit's trace."""
    for q in range(n):
        if nearest:
            trace[units[q]] = 1.0
        else:
            trace[units[q]] += 1.0


@njit(error_model="numpy", nogil=True, cache=True)
def carry(now: Any, later: Any, keep: float, units: Any, n: int, nearest: bool) -> None:
    """The trace of the next step: this step's with its spikes, decayed."""
    for i in range(now.size):
        later[i] = now[i] * keep
    for q in range(n):
        i = units[q]
        later[i] = keep if nearest else (now[i] + 1.0) * keep
