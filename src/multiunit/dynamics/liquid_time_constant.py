"""Units whose time constant depends on their input: liquid time constants, and synapses as conductances."""

from __future__ import annotations

from typing import Any

from multiunit.dynamics.element import element
from multiunit.dynamics.elementary import sigmoid


@element(
    kind="unit",
    states={"x": 0.0},
    source="hasani2021",
    example={"drive": 1.0},
)
def liquid_time_constant(
    x: Any, drive: Any, *, tau: Any = 1.0, target: Any = 1.0, rate: Any = 1.0, dt: Any = 0.05
) -> Any:
    """A leaky unit that its input pulls to a target, and makes faster.

    x' = -(1 / tau + f) x + f target, f = rate sigmoid(drive). Semi-implicit ("fused") Euler, stable for any step.

    Args:
        x: activity, without unit. drive: weighted sum of inputs and activities, without unit.
        tau: time constant without input, s. target: where the input pulls. rate: the most that f can be,
            1/s (1 in the source).
        dt: step, s.

    Returns:
        x.

    Source: Hasani, Lechner, Amini, Rus & Grosu, Liquid time-constant networks, AAAI (2021).
    Reconstructed: equations and values were not read again there.

    >>> round(float(liquid_time_constant(0.0, 1000.0, dt=1e9)), 6)  # half way: leak and input pull alike
    0.5
    """
    f = rate * sigmoid(drive)
    return (x + dt * f * target) / (1.0 + dt * (1.0 / tau + f))


@element(
    kind="unit",
    states={"x": 0.0},
    source="lechner2019",
    example={"conductance": 2.0, "current": 1.0},
)
def conductance_unit(
    x: Any, conductance: Any, current: Any, *, g_leak: Any = 1.0, e_leak: Any = 0.0, dt: Any = 0.05
) -> Any:
    """A unit whose synapses are conductances: linear in its activity, with a rate and a target that its inputs set.

    x' = g_leak (e_leak - x) + current - conductance x, with sums over synapses conductance = sum_j g_j f_j and current
    = sum_j g_j f_j e_j, f_j = sigmoid(a_j x_j + b_j) (`open_fraction`). Semi-implicit Euler.

    Args:
        x: activity, without unit. conductance: 1/s. current: 1/s.
        g_leak: 1/s. e_leak: where it rests.
        dt: step, s. x settles at (g_leak e_leak + current) / (g_leak + conductance), as fast as the denominator says.

    Returns:
        x.

    Source: the equations of biophysical synapses in the form of liquid time-constant networks; reconstructed.

    >>> round(float(conductance_unit(0.0, 1.0, 1.0, dt=1e9)), 6)
    0.5
    """
    return (x + dt * (g_leak * e_leak + current)) / (1.0 + dt * (g_leak + conductance))


def open_fraction(x: Any, *, a: Any = 1.0, b: Any = 0.0) -> Any:
    """Fraction of a synapse's channels that are open: sigmoid(a x + b) of the presynaptic activity.

    >>> float(open_fraction(0.0))
    0.5
    """
    return sigmoid(a * x + b)
