"""`@element`: make a dynamical element of one pure step function."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeVar

from multiunit.core.errors import InputError
from multiunit.core.method import Method

Step = TypeVar("Step", bound=Callable[..., Any])


@dataclass(frozen=True)
class Element:
    """What an element is: everything that a simulation, a circuit or a trained layer needs to know of its function.

    Args:
        name: the function's name.
        kind: `neuron`, `synapse`, `glia`, `oscillator`, `map`, `device`, `noise` or `unit`.
        source: where the equations come from.
        function: the step function itself.
        states: initial value of each state, in the order of the first arguments.
        inputs: the positional arguments that follow the states.
        impulses: input -> state, for inputs that arrive as sums of spikes: what arrives is added to the state at the
            beginning of the step, and that is all it does. A circuit may add it to the state itself.
        noise: those inputs that are standard normal numbers, drawn anew for each unit and step by whoever simulates.
        parameters: the keyword arguments and their values.
        dt: the default step.
        time_unit: what `dt` and spike times are counted in: `s`, `1` (the equations have no unit) or `step` (a map).
        spikes: whether the last value returned says who spikes.
        order: order of the error in `dt` while nobody spikes: 1 for Euler, `inf` for an exact step, None for a map.
        example: values of the inputs for which something is to be seen; tests and pictures use them.
    """

    name: str
    kind: str
    source: str
    function: Callable[..., Any] = field(repr=False, hash=False)
    states: Mapping[str, float] = field(hash=False)
    inputs: tuple[str, ...]
    impulses: Mapping[str, str] = field(hash=False)
    noise: tuple[str, ...]
    parameters: Mapping[str, float] = field(hash=False)
    dt: float
    time_unit: str
    spikes: bool
    order: float | None
    example: Mapping[str, float] = field(repr=False, hash=False)

    @property
    def arguments(self) -> tuple[str, ...]:
        """All arguments in order: states, inputs, parameters, dt."""
        return (*self.states, *self.inputs, *self.parameters, "dt")

    def advance(
        self, states: Sequence[Any], inputs: Sequence[Any] = (), *, parameters: Mapping[str, Any], dt: float
    ) -> tuple[tuple[Any, ...], Any]:
        """The states after one step, always as a tuple, and who spikes (None if nobody can)."""
        found = self.function(*states, *inputs, **parameters, dt=dt)
        found = found if isinstance(found, tuple) else (found,)
        return (found[:-1], found[-1]) if self.spikes else (found, None)

    def with_parameters(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters, some replaced.

        Raises:
            InputError: for a name that is no parameter.
        """
        for name, value in given.items():
            if name not in self.parameters:
                raise InputError(
                    "parameters", name, f"{self.name} has the parameters {', '.join(self.parameters) or 'none'}"
                )
            if value is None:
                raise InputError(f"parameters[{name!r}]", value, "needs a number or an array (unit,)")
        return {**self.parameters, **given}


def element(
    *,
    kind: str,
    states: Mapping[str, float],
    source: str,
    spikes: bool = False,
    impulses: Mapping[str, str] = MappingProxyType({}),
    noise: Sequence[str] = (),
    time_unit: str = "s",
    order: float | None = 1,
    example: Mapping[str, float] = MappingProxyType({}),
) -> Callable[[Step], Step]:
    """Attach an `Element` record to a step function; the function itself stays as it is.

    The function is `f(state, ..., input, ..., *, parameter=value, ..., dt=value)` and returns the states after `dt`, in
    their order, and at last a bool that says who spikes, if `spikes`. It is written for one unit, in the functions of
    `multiunit.dynamics.elementary`; `where(condition, a, b)` takes the place of `if`. NumPy arrays and torch tensors of
    any shape can then be given instead of numbers, and `multiunit.dynamics.kernel` compiles it for many units.

    Args:
        kind: what it is a model of: `neuron`, `synapse`, `glia`, `oscillator`, `map`, `device`, `noise` or `unit`.
        states: initial value of each state, in order.
        source: where the equations come from.
        spikes, impulses, noise, time_unit, order, example: see `Element`.

    Raises:
        InputError: if the signature does not fit the states, or a parameter has no number as its default.

    >>> from multiunit.dynamics.elementary import where
    >>> @element(kind="neuron", states={"v": 0.0}, spikes=True, source="here", example={"current": 2.0})
    ... def leaky(v, current, *, tau=0.02, threshold=1.0, dt=1e-3):
    ...     '''A leaky integrator that spikes.'''
    ...     v = v + dt * (current - v) / tau
    ...     spike = v > threshold
    ...     return where(spike, 0.0, v), spike
    >>> leaky(0.0, 2.0)
    (0.1, False)
    >>> leaky.element.inputs, dict(leaky.element.parameters), leaky.element.dt
    (('current',), {'tau': 0.02, 'threshold': 1.0}, 0.001)
    """

    def attach(function: Step) -> Step:
        name = function.__name__
        arguments = inspect.signature(function).parameters.values()
        positional = [a.name for a in arguments if a.kind in (a.POSITIONAL_ONLY, a.POSITIONAL_OR_KEYWORD)]
        keywords = {a.name: a.default for a in arguments if a.kind is a.KEYWORD_ONLY}
        if not states or positional[: len(states)] != list(states):
            raise InputError("states", dict(states), f"{name}({', '.join(positional)}, ...) must begin with its states")
        if len(positional) + len(keywords) < len(inspect.signature(function).parameters):
            raise InputError("function", name, "takes *args or **kwargs; name its inputs and parameters")
        inputs = tuple(positional[len(states) :])
        hidden = [n for n in (*positional, *keywords) if n.startswith("_")]
        if hidden:
            raise InputError("function", name, f"names beginning with _ are the kernel's own; rename {hidden[0]}")
        for argument, names in (("impulses", impulses), ("noise", noise), ("example", example)):
            unknown = [n for n in names if n not in inputs]
            if unknown:
                raise InputError(argument, unknown[0], f"is no input of {name}; it has {', '.join(inputs) or 'none'}")
        for state in impulses.values():
            if state not in states:
                raise InputError("impulses", state, f"is no state of {name}; it has {', '.join(states)}")
        for parameter, value in {**keywords, **{f"states[{n!r}]": v for n, v in states.items()}}.items():
            if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
                raise InputError(parameter, value, f"{name} needs a number as its default")
        dt = keywords.pop("dt", None)
        if dt is None or not dt > 0:
            raise InputError("dt", dt, f"{name} needs a keyword argument dt with a positive default")
        record = Element(
            name=name,
            kind=kind,
            source=source,
            function=function,
            states=MappingProxyType({n: float(v) for n, v in states.items()}),
            inputs=inputs,
            impulses=MappingProxyType(dict(impulses)),
            noise=tuple(noise),
            parameters=MappingProxyType({n: float(v) for n, v in keywords.items()}),
            dt=float(dt),
            time_unit=time_unit,
            spikes=spikes,
            order=order,
            example=MappingProxyType({n: float(v) for n, v in example.items()}),
        )
        function.element = record  # type: ignore[attr-defined]
        function.method = Method(name, "dynamics", source, function, MappingProxyType({}))  # type: ignore[attr-defined]
        return function

    return attach


def element_of(thing: Any) -> Element:
    """The record of an element: given itself, or the function that carries it.

    Raises:
        InputError: if it carries none.
    """
    record = thing if isinstance(thing, Element) else getattr(thing, "element", None)
    if not isinstance(record, Element):
        raise InputError("element", thing, "is no element; decorate its step function with @element(...)")
    return record
