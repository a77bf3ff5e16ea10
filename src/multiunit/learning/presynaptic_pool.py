"""Pre-synaptic pool modification: weights of a recurrent network learn target spike trains without any gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.maths.spike_matching import match_spikes

Simulate = Callable[[np.ndarray], np.ndarray]


class PoolFit(NamedTuple):
    """`weights` `(post, pre)`, and `curve` `(iteration + 1,)`: the share of matched spikes (F1) of the weights kept."""

    weights: np.ndarray
    curve: np.ndarray


def pool_update(
    spikes: np.ndarray,
    target: np.ndarray,
    *,
    dt: float = 1e-3,
    window: float = 0.003,
    pool: float = 0.015,
    probability: float = 0.3,
    forced: bool = False,
    shuffled: bool = False,
    random_state: int | np.random.Generator = 0,
) -> np.ndarray:
    """One sum of local updates: who spiked before a missing spike is strengthened, before a surplus spike weakened.

    Spikes of a neuron and its target are matched one to one within the window. The pool of a spike at t is all neurons
    that spiked in the time `pool` before t. For each target spike of i without a partner dW_ij += U(0, 1), for each
    spike of i without one dW_ij -= U(0, 1), for each j of its pool, with the given probability.

    Args:
        spikes, target: `(step, unit)`, true where a neuron spikes.
        dt, window, pool: s.
        probability: of each member of a pool to be changed, in (0, 1].
        forced: take the pools from the target, so that errors of others do not spread; else from the network itself.
        shuffled: a control: put as many other neurons, drawn at random, in the place of each pool.
        random_state: seed or generator.

    Returns:
        `(post, pre)`, 0 on the diagonal.

    Raises:
        InputError: for shapes that differ, or a probability out of range.

    >>> spikes, target = np.zeros((30, 3), dtype=bool), np.zeros((30, 3), dtype=bool)
    >>> spikes[10, 0] = target[10, 0] = True    # unit 0 spikes as it should, and unit 1 ought to follow
    >>> target[14, 1] = True
    >>> (pool_update(spikes, target, probability=1.0) > 0).tolist()
    [[False, False, False], [True, False, False], [False, False, False]]
    """
    spikes, target = np.asarray(spikes, dtype=bool), np.asarray(target, dtype=bool)
    if spikes.ndim != 2 or spikes.shape != target.shape:
        raise InputError("target", target.shape, f"needs (step, unit), as spikes {spikes.shape}")
    if not 0 < probability <= 1:
        raise InputError("probability", probability, "must be above 0 and at most 1")
    rng = np.random.default_rng(random_state)
    missing, surplus, _ = _unmatched(spikes, target, dt=dt, window=window)
    past = np.cumsum(np.pad(target if forced else spikes, ((1, 0), (0, 0))), axis=0)
    change = np.zeros((spikes.shape[1],) * 2)
    for sign, (step, unit) in ((1.0, missing), (-1.0, surplus)):
        members = past[step] > past[np.maximum(0, step - round(pool / dt))]
        if shuffled:
            members = rng.permuted(members, axis=1)
        amount = rng.random(members.shape) * (rng.random(members.shape) < probability)
        np.add.at(change, unit, sign * amount * members)
    np.fill_diagonal(change, 0.0)
    return change


@method(kind="learning", source="arXiv:1810.03199")
def fit_by_pools(
    simulate: Simulate,
    target: np.ndarray,
    *,
    weights: np.ndarray,
    n_iterations: int,
    rate: float,
    homeostatic_rate: float = 0.0,
    decay: float = 1.0,
    bound: float = np.inf,
    greedy: bool = True,
    dt: float = 1e-3,
    window: float = 0.003,
    pool: float = 0.015,
    probability: float = 0.3,
    forced: bool = False,
    shuffled: bool = False,
    random_state: int | np.random.Generator = 0,
) -> PoolFit:
    """Change the weights of a network, at random and locally, until it spikes as the target does.

    Each iteration dW = rate * `pool_update`, plus homeostatic_rate * sign(target count - own count) of the receiving
    neuron on all its inputs. Both rates are multiplied by `decay` after every iteration. The rule knows nothing of the
    neurons: any model will do.

    Args:
        simulate: weights `(post, pre)` -> spikes `(step, unit)`, the same for the same weights.
        target: `(step, unit)`, true where a neuron ought to spike.
        weights: where to begin, `(post, pre)`; the diagonal is set to 0.
        n_iterations: how many.
        rate, homeostatic_rate: in the unit of the weights; 0 leaves that part out.
        decay: in (0, 1].
        bound: weights are kept within -bound and bound.
        greedy: drop an update after which fewer spikes match; else keep all.
        dt, window, pool, probability, forced, shuffled: see `pool_update`.
        random_state: seed or generator.

    Returns:
        The weights and the learning curve.

    Raises:
        InputError: for weights or spikes of a shape that does not fit, or no iterations.

    Source: Bagley, Bordelon, Moseley & Wessel, arXiv:1810.03199. Reconstructed from its abstracts: window, pool,
    amounts and the homeostatic term are not the authors'.

    >>> def simulate(weights):    # unit 0 spikes by itself, and unit 1 if it is driven by more than 1
    ...     spikes = np.zeros((40, 2), dtype=bool)
    ...     spikes[10, 0] = True
    ...     spikes[12, 1] = weights[1, 0] > 1
    ...     return spikes
    >>> wanted = simulate(np.array([[0.0, 0.0], [2.0, 0.0]]))
    >>> found = fit_by_pools(simulate, wanted, weights=np.zeros((2, 2)), n_iterations=20, rate=0.5)
    >>> bool(found.weights[1, 0] > 1), found.curve[-1].item()
    (True, 1.0)
    """
    target, kept = np.asarray(target, dtype=bool), np.array(weights, dtype=np.float64)
    if target.ndim != 2 or kept.shape != (target.shape[1],) * 2:
        raise InputError("weights", kept.shape, f"needs (post, pre) for a target (step, unit), {target.shape}")
    if n_iterations < 1:
        raise InputError("n_iterations", n_iterations, "must be at least 1")
    rng = np.random.default_rng(random_state)
    np.fill_diagonal(kept, 0.0)
    spikes = _simulated(simulate, kept, target)
    curve = np.empty(n_iterations + 1)
    curve[0] = _unmatched(spikes, target, dt=dt, window=window)[2]
    scale = 1.0
    for iteration in range(n_iterations):
        change = np.zeros_like(kept)
        if rate:
            change += rate * pool_update(
                spikes, target, dt=dt, window=window, pool=pool, probability=probability, forced=forced,
                shuffled=shuffled, random_state=rng,
            )  # fmt: skip
        if homeostatic_rate:
            change += homeostatic_rate * np.sign(target.sum(axis=0) - spikes.sum(axis=0, dtype=int))[:, None]
        tried = np.clip(kept + scale * change, -bound, bound)
        np.fill_diagonal(tried, 0.0)
        found = _simulated(simulate, tried, target)
        f1 = _unmatched(found, target, dt=dt, window=window)[2]
        if not greedy or f1 >= curve[iteration]:
            kept, spikes, curve[iteration + 1] = tried, found, f1
        else:
            curve[iteration + 1] = curve[iteration]
        scale *= decay
    return PoolFit(kept, curve)


def _simulated(simulate: Simulate, weights: np.ndarray, target: np.ndarray) -> np.ndarray:
    spikes = np.asarray(simulate(weights), dtype=bool)
    if spikes.shape != target.shape:
        raise InputError("simulate", spikes.shape, f"must give spikes as the target, {target.shape}")
    return spikes


def _unmatched(
    spikes: np.ndarray, target: np.ndarray, *, dt: float, window: float
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray], float]:
    """(step, unit) of missing and of surplus spikes, and F1."""
    missing, surplus, matched = [], [], 0
    for unit in range(spikes.shape[1]):
        own, wanted = np.flatnonzero(spikes[:, unit]), np.flatnonzero(target[:, unit])
        of_own, of_wanted = match_spikes(own * dt, wanted * dt, window=window)
        matched += int(of_own.sum())
        missing.append(wanted[~of_wanted])
        surplus.append(own[~of_own])
    total = int(spikes.sum()) + int(target.sum())
    units = np.arange(spikes.shape[1])
    at = [(np.concatenate(steps), np.repeat(units, [len(s) for s in steps])) for steps in (missing, surplus)]
    return at[0], at[1], 2 * matched / total if total else 1.0
