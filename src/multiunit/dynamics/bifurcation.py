"""Bifurcation sweeps: what a system settles to, as a parameter is moved up and down."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.dynamics.as_map import Map


def bifurcation_sweep(
    step_at: Callable[[float], Map], *, values: Any, start: Any, n_transient: int = 1000, n_samples: int = 100
) -> xr.Dataset:
    """Follow the state along a parameter, first upwards, then downwards, without a new start.

    Where the two ways differ, attractors coexist.

    Args:
        step_at: value of the parameter -> map (point, state) -> (point, state).
        values: (value,), rising.
        start: (state,), or (trajectory, state).
        n_transient, n_samples: steps dropped, and steps kept, at each value.

    Returns:
        xr.Dataset: `state` (direction, value, trajectory, sample, axis), and `period` (direction, value, trajectory),
        the smallest period within the samples, 0 if there is none (chaos, quasi-periodicity, or a period above half
        of the samples).

    Raises:
        InputError: if the values do not rise, or the state leaves the finite numbers.

    >>> logistic = lambda r: (lambda x: r * x * (1.0 - x))
    >>> found = bifurcation_sweep(logistic, values=[2.8, 3.2, 3.5], start=[0.3])
    >>> found["period"].sel(direction="up").values.ravel().tolist()
    [1, 2, 4]
    """
    values = np.asarray(values, float)
    if values.ndim != 1 or (np.diff(values) <= 0).any():
        raise InputError("values", values.tolist(), "must rise")
    points = np.atleast_2d(np.asarray(start, float))
    state = np.empty((2, len(values), len(points), n_samples, points.shape[1]))
    order = [*((0, i) for i in range(len(values))), *((1, i) for i in reversed(range(len(values))))]
    for way, i in order:
        step = step_at(float(values[i]))
        for _ in range(n_transient):
            points = step(points)
        for k in range(n_samples):
            points = step(points)
            state[way, i, :, k] = points
        if not np.isfinite(points).all():
            raise InputError("values", float(values[i]), "leads to states that are not finite")
    return xr.Dataset(
        {
            "state": (("direction", "value", "trajectory", "sample", "axis"), state),
            "period": (("direction", "value", "trajectory"), period(np.moveaxis(state, 3, -2))),
        },
        {"direction": ["up", "down"], "value": values},
    )


def period(samples: np.ndarray, *, tolerance: float = 1e-6) -> np.ndarray:
    """The smallest period of sampled states.

    Args:
        samples: (..., sample, state).
        tolerance: how well a period repeats, relative to the spread of the samples (or absolutely, of resting ones).

    Returns:
        (...,) int, 0 where nothing repeats at least twice.

    >>> period(np.array([[0.0], [1.0], [2.0], [0.0], [1.0], [2.0]])).item()
    3
    """
    n = samples.shape[-2]
    size = tolerance * np.maximum(np.ptp(samples, axis=-2, keepdims=True), 1.0)
    found = np.zeros(samples.shape[:-2], int)
    for p in range(n // 2, 0, -1):
        repeats = (np.abs(samples[..., p:, :] - samples[..., :-p, :]) <= size).all(axis=(-2, -1))
        found = np.where(repeats, p, found)
    return found
