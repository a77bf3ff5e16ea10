"""`as_map`: an element as a map of points to points, the form in which the analyses take any system."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from multiunit.core.errors import InputError
from multiunit.dynamics.element import element_of

# Many points at once, (point, state) -> (point, state): whoever can write this can use every analysis.
Map = Callable[[np.ndarray], np.ndarray]


def as_map(
    element: Any,
    *,
    inputs: Mapping[str, float] | None = None,
    parameters: Mapping[str, float] | None = None,
    dt: float | None = None,
) -> Map:
    """One step of an element under constant inputs, as a function (point, state) -> (point, state).

    Args:
        element: an element's function or record.
        inputs: input -> number; those left out (noise too) are 0.
        parameters: parameter -> number, in the place of the defaults.
        dt: the step; the element's default if None.

    Returns:
        The map. A flow's fixed points are those of its step.

    Raises:
        InputError: for an unknown input or parameter.

    >>> from multiunit.dynamics.rulkov import rulkov
    >>> as_map(rulkov)(np.array([[1.0, 0.0]])).round(4).tolist()
    [[2.05, -0.0022]]
    """
    record = element_of(element)
    given = dict(inputs or {})
    unknown = [name for name in given if name not in record.inputs]
    if unknown:
        raise InputError("inputs", unknown[0], f"{record.name} has the inputs {', '.join(record.inputs) or 'none'}")
    values = record.with_parameters(dict(parameters or {}))
    step = record.dt if dt is None else dt

    def advance(points: np.ndarray) -> np.ndarray:
        drive = [np.full(len(points), float(given.get(name, 0.0))) for name in record.inputs]
        found, _ = record.advance(list(np.asarray(points, float).T), drive, parameters=values, dt=step)
        return np.stack([np.broadcast_to(value, len(points)) for value in found], axis=1)

    return advance
