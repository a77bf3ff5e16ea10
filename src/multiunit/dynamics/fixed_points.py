"""Fixed points of a map or flow, the Jacobian there, and what becomes of small disturbances."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from multiunit.core.errors import InputError
from multiunit.dynamics.as_map import Map

EDGE = 1e-6  # multipliers this close to the unit circle are on it: a local bifurcation


def jacobian(step: Map, point: Any, *, scale: float = 1e-5) -> np.ndarray:
    """Derivatives of a map at a point by central differences, exact to about 1e-10 of the states' size.

    Args:
        step: (point, state) -> (point, state).
        point: (state,).
        scale: size of the differences, relative to the state (or to 1 where the state is smaller).

    Returns:
        (state after, state before).

    >>> jacobian(lambda x: x * x, [3.0]).round(6).tolist()
    [[6.0]]
    """
    point = np.asarray(point, float)
    widths = scale * np.maximum(np.abs(point), 1.0)
    moved = np.concatenate([point + np.diag(widths), point - np.diag(widths)])
    found = step(moved)
    n = len(point)
    # The differences that were really taken: a width added to a number is rounded.
    taken = np.diagonal(moved[:n] - moved[n:])
    return ((found[:n] - found[n:]) / taken[:, np.newaxis]).T


def fixed_points(
    step: Map, *, box: Any, n_per_state: int = 9, tolerance: float = 1e-9, n_iterations: int = 100
) -> xr.Dataset:
    """Points that a map leaves where they are, found by Newton's method from a grid.

    Args:
        step: (point, state) -> (point, state), such as `as_map(element)`.
        box: (state, 2), lower and upper end of where to look; points beyond it are dropped.
        n_per_state: starting points along each state.
        tolerance: how far a point may be moved by the map, and points be apart, relative to the box.
        n_iterations: at most, from each start.

    Returns:
        xr.Dataset over `point`: `state` (point, axis), `multiplier` (point, axis) complex, the eigenvalues of the
        Jacobian from the largest on, `stable`, and `bifurcation`: "" or, for the largest multiplier on the unit circle,
        "saddle-node" (1), "period doubling" (-1), "Neimark-Sacker" (a complex pair).

    Raises:
        InputError: if the box has no inside.

    >>> logistic = lambda x: 2.5 * x * (1.0 - x)
    >>> found = fixed_points(logistic, box=[(-0.5, 1.5)])
    >>> (found["state"].values.ravel().round(6) + 0.0).tolist(), found["stable"].values.tolist()
    ([0.0, 0.6], [False, True])
    """
    box = np.asarray(box, float)
    if box.ndim != 2 or box.shape[1] != 2 or not (box[:, 0] < box[:, 1]).all():
        raise InputError("box", box.tolist(), "needs (lower, upper) for each state")
    width = box[:, 1] - box[:, 0]
    axes = [np.linspace(low, high, n_per_state) for low, high in box]
    kept: list[np.ndarray] = []
    for start in np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(box)):
        point = _newton(step, start, width=width, tolerance=tolerance, n_iterations=n_iterations)
        if (
            point is None
            or (point < box[:, 0] - tolerance * width).any()
            or (point > box[:, 1] + tolerance * width).any()
        ):
            continue
        if not any((np.abs(point - other) < 1e3 * tolerance * width).all() for other in kept):
            kept.append(point)
    kept.sort(key=lambda point: tuple(point.round(9)))
    multipliers = [_sorted(np.linalg.eigvals(jacobian(step, point))) for point in kept]
    empty = np.empty((0, len(box)))
    largest = np.array([m[0] for m in multipliers], complex)
    return xr.Dataset(
        {
            "state": (("point", "axis"), np.array(kept) if kept else empty),
            "multiplier": (("point", "axis"), np.array(multipliers) if kept else empty.astype(complex)),
            "stable": ("point", np.abs(largest) < 1 - EDGE),
            "bifurcation": ("point", np.array([_bifurcation(m) for m in largest], dtype=object)),
        }
    )


def _newton(
    step: Map, start: np.ndarray, *, width: np.ndarray, tolerance: float, n_iterations: int
) -> np.ndarray | None:
    point = start
    for _ in range(n_iterations):
        with np.errstate(all="ignore"):
            residual = step(point[np.newaxis])[0] - point
            slope = jacobian(step, point) - np.eye(len(point))
        if not (np.isfinite(residual).all() and np.isfinite(slope).all()):
            return None
        move = np.linalg.lstsq(slope, -residual, rcond=None)[0]
        point = point + move
        if (np.abs(move) <= tolerance * width).all() and (np.abs(residual) <= tolerance * width).all():
            return point
    return None


def _sorted(values: np.ndarray) -> np.ndarray:
    return values[np.lexsort((-values.imag, -np.abs(values).round(12)))]


def _bifurcation(multiplier: complex) -> str:
    if abs(abs(multiplier) - 1.0) > EDGE:
        return ""
    if abs(multiplier.imag) > EDGE:
        return "Neimark-Sacker"
    return "saddle-node" if multiplier.real > 0 else "period doubling"
