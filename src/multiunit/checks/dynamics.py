"""What a dynamical element promises: one function, three ways to run it, and the error that its integrator has."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from multiunit.checks.answers import difference
from multiunit.checks.case import Case
from multiunit.checks.contract import promise
from multiunit.core.method import Method
from multiunit.dynamics.element import Element, element_of
from multiunit.dynamics.trajectory import Trajectory, trajectory

N_STEPS, N_UNITS = 1000, 5
TOLERANCE = 1e-9


@dataclass(frozen=True)
class ElementCase(Case):
    """An element, with inputs, parameters and initial states that differ between units."""

    element: Element = field(kw_only=True)
    inputs: Mapping[str, np.ndarray] = field(kw_only=True)
    parameters: Mapping[str, np.ndarray] = field(kw_only=True)

    over_units: ClassVar[bool] = False

    def call(self, *args: Any, **kwargs: Any) -> dict[str, np.ndarray]:
        return dict(self.run(n_steps=50).states)

    def run(
        self, *, n_steps: int = N_STEPS, inputs: Mapping[str, np.ndarray] | None = None, **options: Any
    ) -> Trajectory:
        """The element run on the inputs' first steps."""
        drive = {name: value[:n_steps] for name, value in (self.inputs if inputs is None else inputs).items()}
        given: dict[str, Any] = {"n_units": N_UNITS, "parameters": self.parameters} | options
        return trajectory(self.element, n_steps=n_steps, inputs=drive, **given)


def case(method: Method, rng: np.random.Generator) -> ElementCase:
    """The element driven as in its example, from unit to unit a little more, and by impulses now and then."""
    element = element_of(method.function)
    inputs: dict[str, np.ndarray] = {}
    for name in element.inputs:
        if name in element.noise:
            continue
        drive = element.example.get(name, 0.0)
        steady = drive * np.linspace(0.0, 1.0, N_UNITS) if name in element.example else np.zeros(N_UNITS)
        inputs[name] = np.tile(steady, (N_STEPS, 1))
        if name in element.impulses:
            size = 0.1 * max((abs(v) for v in element.states.values()), default=0.0) or 0.1
            inputs[name] = size * (rng.random((N_STEPS, N_UNITS)) < 0.02)
    parameters = {n: v * np.linspace(1.0, 1.01, N_UNITS) for n, v in list(element.parameters.items())[:1]}
    return ElementCase(method, element=element, inputs=inputs, parameters=parameters)


@promise()
def backends_agree(case: ElementCase) -> str | None:
    """NumPy, the compiled kernel and torch give the same states to 1e-9 over 1,000 steps, and the same spikes."""
    expected = case.run(backend="numpy")
    for backend in ("numba", "torch"):
        found = case.run(backend=backend)
        finding = difference(
            dict(found.states), dict(expected.states), tolerance=TOLERANCE, name=f"{backend} against numpy"
        ) or difference(found.spike_count, expected.spike_count, name=f"spikes of {backend} against numpy")
        if finding:
            return finding
    return None


@promise(applies=lambda case: case.element.spikes)
def example_makes_it_spike(case: ElementCase) -> str | None:
    """Driven as in its example, an element that can spike does so within 1,000 steps; else no check sees a spike."""
    return None if case.run().spike_count.sum() else "nobody spikes within 1,000 steps; give a stronger example"


@promise(applies=lambda case: case.element.order is not None)
def error_falls_with_the_step(case: ElementCase) -> str | None:
    """Halving `dt` divides the error by two to the power of the declared order, while nobody spikes; noise is zero."""
    element = case.element
    quiet = {name: np.zeros((1, N_UNITS)) for name in element.inputs}
    quiet |= {name: 0.2 * case.inputs[name][:1] for name in element.example}
    initial: dict[str, Any] = {
        n: v + 0.02 * (abs(v) or 1.0) * np.linspace(0.5, 1.0, N_UNITS) for n, v in element.states.items()
    }
    initial |= {name: 0.0 for name in initial if name == "refractory"}
    dt, n_steps = element.dt, 64

    def ends(scale: int) -> tuple[np.ndarray, int]:
        run = case.run(n_steps=n_steps * scale, dt=dt / scale, inputs=quiet, initial=initial, backend="numpy")
        return np.stack(list(run.final.values())), int(run.spike_count.sum())

    # A spike's time is rounded to a step, so a stretch with spikes says nothing about the integrator.
    while ends(8)[1] or ends(1)[1]:
        n_steps //= 2
        if n_steps < 2:
            return "spikes at once from near its initial states, so no error can be read; start it from rest"
    found = [ends(scale)[0] for scale in (1, 2, 4)]
    size = np.abs(found[0]).max(axis=1) + 1e-30
    errors = [float((np.abs(b - a).max(axis=1) / size).max()) for a, b in pairwise(found)]
    exact = max(errors) < 1e-12
    if exact or element.order == math.inf:
        if exact == (element.order == math.inf):
            return None
        if exact:
            return f"declares order {element.order:g}, but is exact for all that can be seen; declare order=inf"
        return f"is declared exact, but halving dt changes the states by up to {max(errors):.3g} of their size"
    order = math.log2(errors[0] / max(errors[1], 1e-300))
    # Better than declared is a false declaration as well; near rounding the slope cannot be read.
    if abs(order - (element.order or 0)) > 0.35 and errors[1] > 1e-13:
        return f"declares order {element.order:g}, but the error falls with order {order:.2f}, to {errors[1]:.3g}"
    return None


@promise()
def nothing_acts_before_its_time(case: ElementCase) -> str | None:
    """Another input from some step on leaves all states before it as they were."""
    changed = {name: value.copy() for name, value in case.inputs.items()}
    for value in changed.values():
        value[N_STEPS // 2 :] *= 0.5
    before, after = (dict(case.run(inputs=inputs).states) for inputs in (case.inputs, changed))
    return difference(
        {name: value[: N_STEPS // 2] for name, value in after.items()},
        {name: value[: N_STEPS // 2] for name, value in before.items()},
        name="before the input changed",
    )


@promise(applies=lambda case: not case.element.noise)
def units_are_alone(case: ElementCase) -> str | None:
    """Without coupling a unit does the same whoever is beside it."""
    chosen = np.random.default_rng(1).permutation(N_UNITS)[:3]
    inputs = {name: value[:, chosen] for name, value in case.inputs.items()}
    parameters = {name: value[chosen] for name, value in case.parameters.items()}
    for backend in ("numba", "numpy"):
        whole = case.run(n_steps=200, backend=backend).states
        part = case.run(n_steps=200, n_units=3, inputs=inputs, parameters=parameters, backend=backend).states
        expected = {name: value[:, chosen] for name, value in whole.items()}
        finding = difference(dict(part), expected, tolerance=1e-12, name=f"three units alone ({backend})")
        if finding:
            return finding
    return None


@promise(applies=lambda case: bool(case.element.impulses))
def impulses_only_add(case: ElementCase) -> str | None:
    """What an impulse does is to be added to its state: a circuit may add it there itself."""
    element = case.element
    states = {name: np.full(N_UNITS, value) for name, value in element.states.items()}
    for name, state in element.impulses.items():
        sizes = np.linspace(0.0, 0.3, N_UNITS)
        zero = [np.zeros(N_UNITS)] * len(element.inputs)
        given = [sizes if n == name else np.zeros(N_UNITS) for n in element.inputs]
        step: dict[str, Any] = {"parameters": element.parameters, "dt": element.dt}
        by_input, _ = element.advance(list(states.values()), given, **step)
        added = states | {state: states[state] + sizes}
        by_state, _ = element.advance(list(added.values()), zero, **step)
        finding = difference(list(by_input), list(by_state), tolerance=1e-12, name=f"{name} added to {state}")
        if finding:
            return finding
    return None


@promise()
def single_precision_is_close(case: ElementCase) -> str | None:
    """The kernel in single precision does nearly the same, for as long as errors cannot have grown."""
    double, single = (case.run(n_steps=5, precision=precision).states for precision in ("float64", "float32"))
    wrong = [name for name, value in single.items() if value.dtype != np.float32]
    if wrong:
        return f"{wrong[0]} comes out as {single[wrong[0]].dtype}"
    close = {name: value.astype(float) for name, value in single.items()}
    return difference(close, dict(double), tolerance=1e-3, name="float32")
