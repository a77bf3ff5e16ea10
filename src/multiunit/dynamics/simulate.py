"""`simulate`: run units of one element, and get a recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from multiunit.core.errors import InputError
from multiunit.core.recording import Recording
from multiunit.dynamics.element import element_of
from multiunit.dynamics.trajectory import trajectory


def simulate(
    element: Any,
    *,
    duration: float,
    n_units: int | None = None,
    inputs: Mapping[str, Any] | None = None,
    parameters: Mapping[str, Any] | None = None,
    initial: Mapping[str, Any] | None = None,
    dt: float | None = None,
    backend: str = "numba",
    precision: str = "float64",
    record: Sequence[str] | None = None,
    every: int = 1,
    random_state: int = 0,
) -> Recording:
    """Run units of one element without coupling, and record their states and spikes.

    Args:
        element: an element's function or record.
        duration: how long, in the element's unit of time (s, or steps of a map).
        n_units, inputs, parameters, initial, dt, backend, precision, record, every, random_state: see `trajectory`.

    Returns:
        A recording of one presentation a sample, with its `onset`: the first recorded state as activity, each recorded
        state also as a variable of its name; spikes as events. `attrs` hold dt, the element and its unit of time.

    Raises:
        InputError: for a duration that is no positive number, or what `trajectory` refuses.

    >>> from multiunit.dynamics.leaky_integrate_and_fire import leaky_integrate_and_fire
    >>> found = simulate(leaky_integrate_and_fire, duration=0.1, inputs={"current": [0.005, 0.02]}, every=100)
    >>> found
    Recording(10 presentations x 2 units; 5 spikes; membrane)
    >>> found.presentations["onset"].round(6).tolist()[:2]
    [0.01, 0.02]
    """
    record_of = element_of(element)
    step = record_of.dt if dt is None else dt
    if not 0 < duration < np.inf:
        raise InputError("duration", duration, f"needs a positive number, in {record_of.time_unit}")
    found = trajectory(
        record_of,
        n_steps=max(1, round(duration / step)),
        n_units=n_units,
        inputs=inputs,
        parameters=parameters,
        initial=initial,
        dt=dt,
        backend=backend,
        precision=precision,
        record=record,
        every=every,
        random_state=random_state,
    )
    by_unit = np.lexsort((found.spike_step, found.spike_unit))
    times = (found.spike_step[by_unit] + 1) * found.dt
    spikes = Recording.from_spikes(np.split(times, np.cumsum(found.spike_count)[:-1]), site=record_of.name)
    n_samples = len(next(iter(found.states.values()), np.empty(0)))
    dataset = spikes.dataset.assign(
        {name: (("presentation", "unit"), value) for name, value in found.states.items()}
    ).assign_coords(
        presentation_id=("presentation", np.arange(n_samples)),
        onset=("presentation", (np.arange(n_samples) + 1) * found.every * found.dt),
    )
    if found.states:
        dataset = dataset.assign(activity=(("presentation", "unit"), next(iter(found.states.values()))))
    attrs = {"kind": "membrane", "element": record_of.name, "dt": found.dt, "time_unit": record_of.time_unit}
    return Recording(dataset.assign_attrs(attrs | {"source": record_of.source}))
