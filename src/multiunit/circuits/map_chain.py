"""A chain of different maps, coupled to their neighbours, as one map that every analysis takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from multiunit.core.errors import InputError
from multiunit.dynamics.as_map import Map
from multiunit.dynamics.element import element_of


def map_chain(elements: Sequence[Any], *, strength: Any, parameters: Sequence[Mapping[str, float]] = ()) -> Map:
    """Units in a row, each pulled by its neighbours' first state: one step of all, (point, state) -> (point, state).

    Unit i gets strength * sum over its neighbours j of (x_j - x_i) in its first input, x being the first state before
    the step. A negative strength pushes them apart.

    Args:
        elements: an element for each place, with one input at least.
        strength: a number; or (group,): the points given are then as many equal blocks of rows, one for each strength.
        parameters: for each place, what replaces the element's defaults; none by default.

    Returns:
        The map; its states are those of the first unit, then those of the second, and so on.

    Raises:
        InputError: for fewer than two elements, one without inputs, or points that are no equal blocks.

    >>> from multiunit.dynamics.rulkov import rulkov
    >>> pair = map_chain([rulkov, rulkov], strength=0.5)
    >>> pair(np.array([[1.0, 0.0, 0.0, 0.0]])).round(4).tolist()    # 4.1 / (1 + 1) - 0.5, and 4.1 + 0.5
    [[1.55, -0.0022, 4.6, -0.0012]]
    """
    records = [element_of(e) for e in elements]
    if len(records) < 2:
        raise InputError("elements", [r.name for r in records], "a chain has two units or more")
    for record in records:
        if not record.inputs:
            raise InputError("elements", record.name, "has no input for the coupling to arrive in")
    given = list(parameters) or [{} for _ in records]
    if len(given) != len(records):
        raise InputError("parameters", len(given), f"needs one mapping for each of {len(records)} units, or none")
    values = [record.with_parameters(dict(own)) for record, own in zip(records, given, strict=True)]
    ends = np.cumsum([0, *(len(record.states) for record in records)])
    strengths = np.atleast_1d(np.asarray(strength, float))

    def advance(points: np.ndarray) -> np.ndarray:
        if len(points) % len(strengths):
            raise InputError("points", len(points), f"must be {len(strengths)} equal blocks, one for each strength")
        held = np.repeat(strengths, len(points) // len(strengths))
        fast = points[:, ends[:-1]]
        # Each difference is felt at both of its ends, with opposite signs.
        steps = np.diff(fast, axis=1)
        pull = np.zeros_like(fast)
        pull[:, :-1] += steps
        pull[:, 1:] -= steps
        pull *= held[:, None]
        found = np.empty_like(points)
        for i, (record, own) in enumerate(zip(records, values, strict=True)):
            states = [points[:, k] for k in range(ends[i], ends[i + 1])]
            inputs = [pull[:, i], *([np.zeros(len(points))] * (len(record.inputs) - 1))]
            after, _ = record.advance(states, inputs, parameters=own, dt=record.dt)
            for k, value in enumerate(after):
                found[:, ends[i] + k] = value
        return found

    return advance
