"""The map of Chialvo: an excitable neuron in two lines, without time."""

from __future__ import annotations

from typing import Any

from multiunit.dynamics.element import element
from multiunit.dynamics.elementary import exp


@element(
    kind="map",
    states={"x": 0.1, "y": 0.1},
    spikes=True,
    source="chialvo1995",
    time_unit="step",
    order=None,
    example={"coupling": 0.0},
)
def chialvo(
    x: Any,
    y: Any,
    coupling: Any,
    *,
    a: Any = 0.89,
    b: Any = 0.6,
    c: Any = 0.28,
    k: Any = 0.03,
    threshold: Any = 1.0,
    dt: Any = 1.0,
) -> tuple[Any, Any, Any]:
    """A two-dimensional map that is excitable, fires periodically, or is chaotic.

    x <- x^2 exp(y - x) + k + coupling, y <- a y - b x + c.

    Args:
        x: activation, without unit. y: recovery, without unit.
        coupling: what other units add to the activation.
        a: time constant of recovery, below 1. b: dependence of recovery on activation. c: offset of recovery.
        k: additive perturbation; 0 makes a quiescent state at x = 0.
        threshold: x that counts as a spike when it is passed upwards; an observer's convention, no part of the map.
        dt: one step; it changes nothing.

    Returns:
        x, y and who spikes, one step later.

    Source: Chialvo, Generic excitable dynamics on a two-dimensional map, Chaos, Solitons & Fractals 5 (1995).
    Reconstructed: equations and values were not read again there.

    >>> [float(value) for value in chialvo(0.0, 0.0, 0.0)[:2]]
    [0.03, 0.28]
    """
    following = x * x * exp(y - x) + k + coupling
    return following, a * y - b * x + c, (following > threshold) & (x <= threshold)
