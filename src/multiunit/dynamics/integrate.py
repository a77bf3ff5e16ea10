"""From a slope to a step: `@integrated(RUNGE_KUTTA_4)` turns a function that gives derivatives into a step function.

An integrator is data - a Butcher tableau -, and the step is written out as source, so that NumPy, torch and the kernels
run the same lines. What is linear, or nearly so, is better stepped by `relaxed` (exact, or exponential Euler).
"""

from __future__ import annotations

import ast
import inspect
import linecache
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import WRAPPER_ASSIGNMENTS
from types import MappingProxyType
from typing import Any

from multiunit.core.errors import InputError
from multiunit.dynamics.elementary import exp, sqrt
from multiunit.dynamics.kernel import syntax_tree


@dataclass(frozen=True)
class Tableau:
    """An explicit Runge-Kutta method for equations that do not depend on time.

    Args:
        name: its name.
        order: order of its error in `dt`.
        stages: for each stage, the weights of the slopes before it.
        weights: of the slopes in the step.
    """

    name: str
    order: int
    stages: tuple[tuple[float, ...], ...]
    weights: tuple[float, ...]


EULER = Tableau("Euler", 1, ((),), (1.0,))
HEUN = Tableau("Heun", 2, ((), (1.0,)), (0.5, 0.5))
RUNGE_KUTTA_4 = Tableau("Runge-Kutta", 4, ((), (0.5,), (0.0, 0.5), (0.0, 0.0, 1.0)), (1 / 6, 1 / 3, 1 / 3, 1 / 6))


def relaxed(x: Any, target: Any, duration: Any) -> Any:
    """x after relaxing towards a target for a duration counted in time constants: target + (x - target) e^(-duration).

    This is the exact step of x' = (target - x) / tau with duration dt / tau; with a target or a time constant that is
    only held for the step it is the exponential Euler step.

    >>> round(float(relaxed(1.0, 0.0, 1.0)), 6)
    0.367879
    """
    return target + (x - target) * exp(-duration)


def integrated(
    tableau: Tableau, *, crosses: tuple[str, float] | None = None, diffusion: Mapping[str, str] = MappingProxyType({})
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a step function of a slope `f(state, ..., input, ..., *, parameter, ..., dt)` that returns derivatives.

    The inputs are held for the step. With `diffusion` the step is that of Euler and Maruyama, x <- ... + amplitude
    sqrt(dt) noise, with additive noise of strong order 1 (whatever the tableau makes of the rest).

    Args:
        tableau: the integrator.
        crosses: (state, level): the step also returns who passed this level upwards.
        diffusion: state -> parameter that is its noise amplitude (state units per sqrt(time)). The step has one more
            input for each, `noise_STATE`, standard normal.

    Returns:
        A decorator; the step has the slope's name and docstring, and the slope itself as `.slope`.

    Raises:
        InputError: if the slope does not return one derivative a state, or a state or parameter is unknown.

    >>> @integrated(RUNGE_KUTTA_4)
    ... def decay(x, *, rate=1.0, dt=0.1):
    ...     return -rate * x
    >>> round(decay(1.0), 7)  # e^-0.1 = 0.9048374
    0.9048375
    """

    def attach(slope: Callable[..., Any]) -> Callable[..., Any]:
        arguments = list(inspect.signature(slope).parameters.values())
        positional = [a.name for a in arguments if a.kind is not a.KEYWORD_ONLY]
        keywords = [a.name for a in arguments if a.kind is a.KEYWORD_ONLY]
        states = positional[: _n_slopes(slope)]
        if "dt" not in keywords:
            raise InputError("dt", None, f"{slope.__name__} needs a keyword argument dt with a default")
        for state, amplitude in diffusion.items():
            if state not in states or amplitude not in keywords:
                raise InputError("diffusion", {state: amplitude}, f"{slope.__name__} has no such state or parameter")
        if crosses is not None and crosses[0] not in states:
            raise InputError("crosses", crosses, f"the states are {', '.join(states)}")
        source = _source(slope.__name__, positional, keywords, states, tableau, crosses, diffusion)
        # Where tracebacks and the kernels look for source: a file that exists only here.
        file = f"<{tableau.name} step of {slope.__module__}.{slope.__qualname__}>"
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
        # A scope of its own, in which the slope is a name that no argument can hide.
        scope: dict[str, Any] = {"_slope_of": slope, "_root": sqrt, "__name__": slope.__module__}
        exec(compile(source, file, "exec"), scope)
        step = scope[slope.__name__]
        for name in WRAPPER_ASSIGNMENTS:
            if name != "__annotations__":
                setattr(step, name, getattr(slope, name))
        step.__kwdefaults__ = dict(slope.__kwdefaults__ or {})
        step.slope = slope
        return step

    return attach


def _n_slopes(slope: Callable[..., Any]) -> int:
    returned = [node.value for node in ast.walk(syntax_tree(slope)) if isinstance(node, ast.Return)]
    if len(returned) != 1 or returned[0] is None:
        raise InputError("slope", slope.__name__, "must end in one return of its derivatives")
    return len(returned[0].elts) if isinstance(returned[0], ast.Tuple) else 1


def _source(
    name: str,
    positional: Sequence[str],
    keywords: Sequence[str],
    states: Sequence[str],
    tableau: Tableau,
    crosses: tuple[str, float] | None,
    diffusion: Mapping[str, str],
) -> str:
    noise = [f"noise_{state}" for state in states if state in diffusion]
    inputs = positional[len(states) :]
    lines = [f"def {name}({', '.join([*positional, *noise, '*', *keywords])}):"]

    def moved(state: str, weights: Sequence[float]) -> str:
        terms = [f"{weight!r} * {state}_slope_{i}" for i, weight in enumerate(weights) if weight]
        return f"{state} + dt * ({' + '.join(terms)})" if terms else state

    for i, weights in enumerate(tableau.stages):
        given = [*(moved(state, weights) for state in states), *inputs, *(f"{k}={k}" for k in keywords)]
        slopes = ", ".join(f"{state}_slope_{i}" for state in states)
        lines.append(f"    {slopes} = _slope_of({', '.join(given)})")
    for state in states:
        random = f" + {diffusion[state]} * _root(dt) * noise_{state}" if state in diffusion else ""
        lines.append(f"    {state}_next = {moved(state, tableau.weights)}{random}")
    returned = [f"{state}_next" for state in states]
    if crosses is not None:
        state, level = crosses
        returned.append(f"({state}_next > {float(level)!r}) & ({state} <= {float(level)!r})")
    lines.append(f"    return {', '.join(returned)}")
    return "\n".join(lines) + "\n"
