"""The adaptive exponential integrate-and-fire neuron (AdEx)."""

from __future__ import annotations

from typing import Any

from multiunit.dynamics.element import element
from multiunit.dynamics.elementary import exp, minimum, where


@element(
    kind="neuron",
    states={"v": -0.0706, "w": 0.0},
    spikes=True,
    source="brette2005",
    example={"current": 2.5e-9},
)
def adaptive_exponential(
    v: Any,
    w: Any,
    current: Any,
    *,
    capacitance: Any = 281e-12,
    g_leak: Any = 30e-9,
    v_rest: Any = -0.0706,
    v_threshold: Any = -0.0504,
    slope: Any = 0.002,
    v_spike: Any = 0.02,
    v_reset: Any = -0.0706,
    a: Any = 4e-9,
    b: Any = 80.5e-12,
    tau_w: Any = 0.144,
    dt: Any = 1e-5,
) -> tuple[Any, Any, Any]:
    """A neuron whose spikes grow from an exponential, with an adaptation current; two equations fit cortical cells.

    capacitance v' = -g_leak (v - v_rest) + g_leak slope exp((v - v_threshold) / slope) - w + current; tau_w w' =
    a (v - v_rest) - w. At v > v_spike: v <- v_reset, w <- w + b. Euler.

    Args:
        v: membrane potential, V. w: adaptation current, A.
        current: A.
        capacitance: F. g_leak, a: S. v_*, slope: V. b: A. tau_w: s.
        dt: step, s; the upstroke is stiff, and steps above 1e-4 make spikes late by up to a step.

    Returns:
        v, w and who spikes.

    Source: Brette & Gerstner, J. Neurophysiology 94 (2005).
    Reconstructed: equations and values were not read again there.

    >>> found = adaptive_exponential(0.03, 0.0, 0.0)
    >>> found[0], bool(found[2])
    (-0.0706, True)
    """
    # Beyond v_spike there is a reset: the exponential need not be followed to where numbers end.
    upstroke = g_leak * slope * exp((minimum(v, v_spike) - v_threshold) * (1.0 / slope))
    # Quotients of parameters are the same for all units: the kernel divides once, not once a unit.
    moved = v + (dt / capacitance) * (-g_leak * (v - v_rest) + upstroke - w + current)
    w = w + (dt / tau_w) * (a * (v - v_rest) - w)
    spike = moved > v_spike
    return where(spike, v_reset, moved), where(spike, w + b, w), spike
