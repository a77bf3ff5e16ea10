"""FitzHugh-Nagumo units: excitability and relaxation oscillation in two equations."""

from __future__ import annotations

from typing import Any

from multiunit.dynamics.element import element
from multiunit.dynamics.integrate import RUNGE_KUTTA_4, integrated


@element(
    kind="oscillator",
    states={"v": -1.2, "w": -0.62},
    spikes=True,
    source="fitzhugh1961",
    time_unit="1",
    order=4,
    example={"current": 0.5},
)
@integrated(RUNGE_KUTTA_4, crosses=("v", 1.0))
def fitzhugh_nagumo(
    v: Any, w: Any, current: Any, *, a: Any = 0.7, b: Any = 0.8, epsilon: Any = 0.08, dt: Any = 0.05
) -> tuple[Any, Any]:
    """A fast variable with a cubic and a slow one that follows it.

    v' = v - v^3 / 3 - w + current, w' = epsilon (v + a - b w). Runge-Kutta of order 4.

    Args:
        v: potential, w: recovery, current: input; none has a unit.
        a, b: place of the slow line. epsilon: how much slower w is. The rest is stable outside v^2 < 1 - epsilon b.
        dt: step, without unit.

    Returns:
        v, w and who spikes: v passes 1 upwards.

    Source: FitzHugh, Biophysical Journal 1 (1961); Nagumo, Arimoto & Yoshizawa, Proc. IRE 50 (1962).
    Reconstructed: equations and values were not read again there.

    >>> [round(value, 3) for value in fitzhugh_nagumo.slope(1.0, 0.0, 0.0)]
    [0.667, 0.136]
    """
    return v - v * v * v / 3.0 - w + current, epsilon * (v + a - b * w)


@element(
    kind="oscillator",
    states={"x": 0.01, "y": 0.01},
    spikes=True,
    source="ansmann2013",
    time_unit="1",
    order=4,
    example={"coupling": 0.1},
)
@integrated(RUNGE_KUTTA_4, crosses=("x", 0.6))
def excitable_fitzhugh_nagumo(
    x: Any, y: Any, coupling: Any, *, a: Any = -0.025794, b: Any = 0.0135, c: Any = 0.02, dt: Any = 0.05
) -> tuple[Any, Any]:
    """The form in which a few coupled units show extreme events by themselves.

    x' = x (a - x) (x - 1) - y + coupling, y' = b x - c y. Runge-Kutta of order 4.

    Args:
        x, y: fast and slow variable; coupling: what others and drives add to x'. None has a unit.
        a: threshold; below 0 the rest is unstable. b: slope and c: decay of the slow variable.
        dt: step, without unit.

    Returns:
        x, y and who spikes: x passes 0.6 upwards.

    Source: Ansmann, Karnatak, Lehnertz & Feudel, Physical Review E 88 (2013), reconstructed; the default values come
    from a search for extreme events in a pair.

    >>> [round(value, 4) for value in excitable_fitzhugh_nagumo.slope(0.5, 0.0, 0.0, a=0.1)]
    [0.1, 0.0067]
    """
    return x * (a - x) * (x - 1.0) - y + coupling, b * x - c * y
