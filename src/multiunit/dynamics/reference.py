"""A reference solution of an element's slope: scipy's adaptive integrator at tight tolerance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from multiunit.core.errors import InputError
from multiunit.dynamics.element import element_of


def reference_solution(
    element: Any,
    *,
    times: Any,
    inputs: Mapping[str, float] | None = None,
    parameters: Mapping[str, float] | None = None,
    initial: Mapping[str, float] | None = None,
    tolerance: float = 1e-10,
) -> dict[str, np.ndarray]:
    """Solve the slope behind an `@integrated` element under constant inputs, for one unit, to a tolerance.

    Args:
        element: an element made by `@integrated(...)`.
        times: (time,), rising, in the element's unit of time; the initial state is at 0.
        inputs, parameters, initial: numbers in the place of 0 and of the defaults.
        tolerance: relative; absolute as well.

    Returns:
        state -> (time,).

    Raises:
        InputError: for an element without a slope, or if the integration fails.

    >>> from multiunit.dynamics.fitzhugh_nagumo import fitzhugh_nagumo
    >>> found = reference_solution(fitzhugh_nagumo, times=[0.0, 1.0], inputs={"current": 0.5})
    >>> found["v"].round(4).tolist()
    [-1.2, -0.7346]
    """
    from scipy.integrate import solve_ivp

    record = element_of(element)
    slope = getattr(record.function, "slope", None)
    if slope is None:
        raise InputError("element", record.name, "has no slope; it is stepped by equations of its own")
    values = record.with_parameters(dict(parameters or {}))
    drive = [float((inputs or {}).get(name, 0.0)) for name in record.inputs if name not in record.noise]
    start = [float({**record.states, **(initial or {})}[name]) for name in record.states]
    times = np.asarray(times, float)

    def derivatives(_: float, state: np.ndarray) -> list[float]:
        found = slope(*state, *drive, **values)
        return list(found) if isinstance(found, tuple) else [found]

    solved = solve_ivp(
        derivatives, (0.0, float(times[-1])), start, t_eval=times, method="DOP853", rtol=tolerance, atol=tolerance
    )
    if not solved.success:
        raise InputError("times", times[-1], solved.message)
    return dict(zip(record.states, solved.y, strict=True))
