"""Lyapunov exponents: how fast neighbouring trajectories part."""

from __future__ import annotations

from typing import Any

import numpy as np

from multiunit.core.errors import InputError
from multiunit.dynamics.as_map import Map

DISTANCE = 1e-7  # of neighbours: the square root of what float64 resolves, up to a little


def lyapunov_exponents(
    step: Map, *, start: Any, n_steps: int, n_transient: int = 1000, n_exponents: int = 1, every: int = 1
) -> np.ndarray:
    """The largest Lyapunov exponents of a map, from neighbours that are brought back and kept at right angles.

    exponent_k = mean over steps of the logarithm of how much the k-th direction grew (Benettin et al. 1980).

    Args:
        step: (point, state) -> (point, state). Also of a flow: divide the result by `dt`.
        start: (trajectory, state), or (state,) of a single one; all are followed at once.
        n_steps, n_transient: steps measured, and steps before.
        n_exponents: how many, from the largest.
        every: steps between two returns; more is faster, but neighbours must stay near.

    Returns:
        (trajectory, n_exponents), per step.

    Raises:
        InputError: if a trajectory leaves the finite numbers, or more exponents than states are asked for.

    Source: Benettin, Galgani, Giorgilli & Strelcyn, Meccanica 15 (1980).

    >>> doubling = lambda x: 4.0 * x * (1.0 - x)  # the logistic map: ln 2
    >>> lyapunov_exponents(doubling, start=[0.3], n_steps=5000).round(2).tolist()
    [[0.69]]
    """
    points = np.atleast_2d(np.asarray(start, float))
    n, n_states = points.shape
    if not 1 <= n_exponents <= n_states:
        raise InputError("n_exponents", n_exponents, f"is at least 1 and at most the number of states, {n_states}")
    for _ in range(n_transient):
        points = step(points)
    directions = np.tile(np.eye(n_states)[:, :n_exponents], (n, 1, 1))
    grown = np.zeros((n, n_exponents))
    n_returns = max(1, n_steps // every)
    for _ in range(n_returns):
        neighbours = points[:, np.newaxis] + DISTANCE * np.swapaxes(directions, 1, 2)
        both = np.concatenate([points[:, np.newaxis], neighbours], axis=1).reshape(-1, n_states)
        for _ in range(every):
            both = step(both)
        trajectories = both.reshape(n, 1 + n_exponents, n_states)
        points = trajectories[:, 0]
        if not np.isfinite(points).all():
            raise InputError("start", np.asarray(start).tolist(), "leads to states that are not finite")
        directions, r = np.linalg.qr(np.swapaxes(trajectories[:, 1:] - trajectories[:, :1], 1, 2) / DISTANCE)
        # Neighbours that met exactly are apart by less than can be told.
        grown += np.log(np.maximum(np.abs(np.diagonal(r, axis1=1, axis2=2)), 1e-300))
    return grown / (n_returns * every)
