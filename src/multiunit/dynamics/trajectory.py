"""`trajectory`: step units of one element through time, without coupling; arrays in, arrays out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from multiunit.core.errors import InputError
from multiunit.dynamics.element import Element, element_of
from multiunit.dynamics.kernel import PRECISIONS, compile_element

NOISE_BYTES = 8 * 2**20


@dataclass(frozen=True)
class Trajectory:
    """What units did.

    Args:
        states: samples of each recorded state, (sample, unit); sample k is taken after step `(k + 1) * every`.
        final: every state after the last step, (unit,).
        spike_step: the step (from 0) of each spike, in order of steps and then of units.
        spike_unit: the unit of each spike.
        every: steps from sample to sample.
        dt: the step; a spike in step t happens at time `(t + 1) * dt`.
    """

    states: Mapping[str, np.ndarray]
    final: Mapping[str, np.ndarray]
    spike_step: np.ndarray
    spike_unit: np.ndarray
    every: int
    dt: float

    @property
    def spike_count(self) -> np.ndarray:
        """Spikes of each unit."""
        return np.bincount(self.spike_unit, minlength=len(next(iter(self.final.values()))))


def trajectory(
    element: Any,
    *,
    n_steps: int,
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
) -> Trajectory:
    """Step units of one element `n_steps` times.

    Args:
        element: an element's function or record.
        n_steps: number of steps.
        n_units: number of units; by default as many as the arrays given have, else 1.
        inputs: input -> number, (unit,), or (step, unit) or (step, 1) for one that changes; those left out are 0, and
            noise is drawn.
        parameters: parameter -> number or (unit,), in the place of the defaults.
        initial: state -> number or (unit,), in the place of the record's initial states.
        dt: the step; the element's default if None.
        backend: `numba` (compiled), `numpy`, or `torch` (without gradients).
        precision: `float64` or `float32`.
        record: the states to keep; all if None.
        every: keep a sample every so many steps.
        random_state: seed of the noise inputs; it is the same noise for all backends.

    Returns:
        The trajectory, in the given precision.

    Raises:
        InputError: for unknown names, shapes that do not fit, or a state that is not finite at the end.

    >>> from multiunit.dynamics.izhikevich import izhikevich
    >>> found = trajectory(izhikevich, n_steps=1000, inputs={"current": [0.0, 10.0]}, dt=1e-3)
    >>> found.spike_count.tolist(), found.states["v"].shape
    ([0, 22], (1000, 2))
    """
    record_of = element_of(element)
    if precision not in PRECISIONS:
        raise InputError("precision", precision, f"is one of {', '.join(PRECISIONS)}")
    for argument, count in {"n_steps": n_steps, "every": every}.items():
        if not isinstance(count, int | np.integer) or count < (argument == "every"):
            raise InputError(argument, count, "needs a whole number of steps")
    dt = record_of.dt if dt is None else float(dt)
    if not 0 < dt < np.inf:
        raise InputError("dt", dt, f"needs a positive step, in {record_of.time_unit}")
    kept = tuple(record_of.states) if record is None else tuple(record)
    _known("record", kept, record_of.states)
    given = {name: np.asarray(v, dtype=precision) for name, v in (inputs or {}).items()}
    _known("inputs", given, record_of.inputs)
    _known("initial", initial or (), record_of.states)
    values = {n: np.asarray(v, dtype=precision) for n, v in record_of.with_parameters(parameters or {}).items()}
    start = {n: np.asarray(v, dtype=precision) for n, v in {**record_of.states, **(initial or {})}.items()}
    n_units = _n_units(n_units, given, {**values, **start})
    rows = {name: _rows(name, given.get(name, np.zeros((), precision)), n_steps, n_units) for name in record_of.inputs}
    for name, value in {**values, **start}.items():
        if value.shape not in ((), (1,), (n_units,)):
            raise InputError(name, value.shape, f"needs a number or shape (unit,) = ({n_units},)")
    states = [np.array(np.broadcast_to(value, n_units)) for value in start.values()]
    samples = {n: np.empty((n_steps // every, n_units), precision) for n in kept}
    run = {"numba": _numba, "numpy": _numpy, "torch": _torch}.get(backend)
    if run is None:
        raise InputError("backend", backend, "is one of numba, numpy, torch")
    noise = _noise(record_of, given, n_steps=n_steps, n_units=n_units, precision=precision, random_state=random_state)
    plan = _Plan(record_of, precision, values, rows, noise, n_steps, every, dt)
    spike_step, spike_unit = run(plan, states, samples)
    _finite(record_of, states, dt)
    final = dict(zip(record_of.states, states, strict=True))
    return Trajectory(samples, final, spike_step, spike_unit, every, dt)


@dataclass(frozen=True)
class _Plan:
    element: Element
    precision: str
    values: Mapping[str, np.ndarray]
    rows: Mapping[str, np.ndarray]
    noise: Callable[[], Iterator[tuple[int, int, Mapping[str, np.ndarray]]]]
    n_steps: int
    every: int
    dt: float


def _numba(plan: _Plan, states: list[np.ndarray], samples: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    n_units = len(states[0])
    varying = [name for name, value in plan.values.items() if value.size > 1]
    kernel = compile_element(plan.element, precision=plan.precision, varying=varying)
    real = np.dtype(plan.precision).type
    numbers = [value if name in varying else real(value.ravel()[0]) for name, value in plan.values.items()]
    nothing = np.empty((0, n_units), plan.precision)
    kept = [samples.get(name, nothing) for name in plan.element.states]
    scratch = [np.empty(n_units, plan.precision) for _ in plan.rows]
    words = np.zeros(-(-n_units // 8), np.uint64)
    spiked = words.view(np.uint8)[:n_units]
    step, unit = np.empty(2 * n_units + 1024, np.int64), np.empty(2 * n_units + 1024, np.int32)
    n_spikes = 0
    for first, last, drawn in plan.noise():
        rows = [np.ascontiguousarray(drawn.get(name, row)) for name, row in plan.rows.items()]
        now = first
        while now < last:
            now, n_spikes = kernel.module.run(
                *states, *kept, *rows, *scratch, spiked, words, step, unit, n_spikes, now, last, plan.every,
                *numbers, real(plan.dt),
            )  # fmt: skip
            if now < last:
                step, unit = (np.concatenate([a, np.empty_like(a)]) for a in (step, unit))
    return step[:n_spikes].copy(), unit[:n_spikes].copy()


def _numpy(plan: _Plan, states: list[np.ndarray], samples: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    numbers = {name: value if value.size > 1 else value.ravel()[0] for name, value in plan.values.items()}
    dt = np.dtype(plan.precision).type(plan.dt)
    events: list[tuple[int, np.ndarray]] = []
    for first, last, drawn in plan.noise():
        for t in range(first, last):
            inputs = [_at(drawn.get(name, row), t) for name, row in plan.rows.items()]
            found, spiked = plan.element.advance(states, inputs, parameters=numbers, dt=dt)
            states[:] = [np.broadcast_to(value, states[0].shape) for value in found]
            _keep(plan, t, states, samples, events, spiked)
    return _events(events)


def _torch(plan: _Plan, states: list[np.ndarray], samples: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    import torch

    numbers = {n: torch.from_numpy(v) if v.size > 1 else float(v.ravel()[0]) for n, v in plan.values.items()}
    events: list[tuple[int, np.ndarray]] = []
    now = [torch.from_numpy(value) for value in states]
    with torch.no_grad():
        for first, last, drawn in plan.noise():
            for t in range(first, last):
                inputs = [
                    torch.from_numpy(np.broadcast_to(_at(drawn.get(name, row), t), states[0].shape).copy())
                    for name, row in plan.rows.items()
                ]
                found, spiked = plan.element.advance(now, inputs, parameters=numbers, dt=plan.dt)
                now = [value.expand(states[0].shape) for value in found]
                arrays = [value.numpy() for value in now]
                _keep(plan, t, arrays, samples, events, None if spiked is None else spiked.numpy())
    states[:] = [value.numpy().copy() for value in now]
    return _events(events)


def _at(rows: np.ndarray, t: int) -> np.ndarray:
    return rows[t % len(rows)]


def _keep(
    plan: _Plan, t: int, states: Sequence[np.ndarray], samples: Mapping[str, np.ndarray], events: list, spiked: Any
) -> None:
    if spiked is not None and np.any(spiked):
        events.append((t, np.flatnonzero(np.broadcast_to(spiked, states[0].shape))))
    if (t + 1) % plan.every == 0:
        for name, value in zip(plan.element.states, states, strict=True):
            if name in samples:
                samples[name][(t + 1) // plan.every - 1] = value


def _events(events: Sequence[tuple[int, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    steps = [np.full(len(units), t, np.int64) for t, units in events]
    units = [units.astype(np.int32) for _, units in events]
    return np.concatenate([np.empty(0, np.int64), *steps]), np.concatenate([np.empty(0, np.int32), *units])


def _noise(
    element: Element, given: Mapping[str, np.ndarray], *, n_steps: int, n_units: int, precision: str, random_state: int
) -> Callable[[], Iterator[tuple[int, int, Mapping[str, np.ndarray]]]]:
    """Pieces of time (first, last, noise); each noise has a generator of its own, so pieces do not change the draw."""
    drawn = [name for name in element.noise if name not in given]
    piece = max(1, NOISE_BYTES // (8 * n_units)) if drawn else max(1, n_steps)

    def pieces() -> Iterator[tuple[int, int, Mapping[str, np.ndarray]]]:
        seeds = np.random.SeedSequence(random_state).spawn(len(element.noise))
        generators = {n: np.random.default_rng(s) for n, s in zip(element.noise, seeds, strict=True)}
        buffers = {name: np.empty((piece, n_units), precision) for name in drawn}
        for first in range(0, n_steps, piece):
            last = min(first + piece, n_steps)
            for name, buffer in buffers.items():
                # Drawn in double precision, so that both precisions see the same noise.
                buffer[: last - first] = generators[name].standard_normal((last - first, n_units))
            yield first, last, buffers

    return pieces


def _known(argument: str, names: Any, known: Any) -> None:
    for name in names:
        if name not in known:
            raise InputError(argument, name, f"there are: {', '.join(known) or 'none'}")


def _n_units(n_units: int | None, inputs: Mapping[str, np.ndarray], vectors: Mapping[str, np.ndarray]) -> int:
    found = {v.shape[-1] for v in inputs.values() if v.ndim} | {v.shape[0] for v in vectors.values() if v.ndim == 1}
    sizes = sorted(found - {1})
    if n_units is None and len(sizes) > 1:
        raise InputError("n_units", sizes, "the arrays given are of different numbers of units")
    n_units = (sizes[0] if sizes else 1) if n_units is None else n_units
    if n_units < 1:
        raise InputError("n_units", n_units, "needs one unit at least")
    return int(n_units)


def _rows(name: str, value: np.ndarray, n_steps: int, n_units: int) -> np.ndarray:
    """An input as (1 or step, 1 or unit)."""
    rows = np.atleast_2d(value)
    if value.ndim > 2 or rows.shape[0] not in (1, n_steps) or rows.shape[1] not in (1, n_units):
        raise InputError(
            f"inputs[{name!r}]", value.shape, f"needs a number, (unit,) = ({n_units},) or (step, unit or 1)"
        )
    if not np.isfinite(rows).all():
        raise InputError(f"inputs[{name!r}]", value, "holds numbers that are not finite")
    return rows


def _finite(element: Element, states: Sequence[np.ndarray], dt: float) -> None:
    for name, value in zip(element.states, states, strict=True):
        bad = np.flatnonzero(~np.isfinite(value))
        if len(bad):
            raise InputError(
                "dt", dt, f"{name} of unit {bad[0]} is {value[bad[0]]} at the end; take a smaller step or weaker input"
            )
