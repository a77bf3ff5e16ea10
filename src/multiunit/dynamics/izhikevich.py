"""The neuron of Izhikevich: two equations and a reset, twenty kinds of firing."""

from __future__ import annotations

from typing import Any

from multiunit.dynamics.element import element
from multiunit.dynamics.elementary import where


@element(
    kind="neuron",
    states={"v": -65.0, "u": -13.0},
    spikes=True,
    source="izhikevich2003",
    example={"current": 10.0},
)
def izhikevich(
    v: Any, u: Any, current: Any, *, a: Any = 0.02, b: Any = 0.2, c: Any = -65.0, d: Any = 8.0, dt: Any = 1e-4
) -> tuple[Any, Any, Any]:
    """A neuron that fires regularly, in bursts, fast or once, as four numbers say.

    v' = 0.04 v^2 + 5 v + 140 - u + current, u' = a (b v - u), time in ms; at v >= 30: v <- c, u <- u + d. Euler.

    Args:
        v: membrane potential, mV.
        u: recovery, mV/ms.
        current: input, mV/ms.
        a: rate of recovery, 1/ms. b: its sensitivity to v, 1/ms.
        c: potential after a spike, mV. d: jump of recovery at a spike, mV/ms.
            (a, b, c, d) is (0.02, 0.2, -65, 8) for regular spiking, (0.02, 0.2, -55, 4) for intrinsic bursting, (0.02,
            0.2, -50, 2) for chattering, (0.1, 0.2, -65, 2) for fast spiking, (0.02, 0.25, -65, 2) for low threshold.
        dt: step, s. The source steps v twice by 0.5 ms in each millisecond; here it is a step like any other.

    Returns:
        v, u and who spikes, after `dt`.

    Source: Izhikevich, Simple model of spiking neurons, IEEE Trans. Neural Networks 14 (2003).
    Reconstructed: equations and values were not read again there.

    >>> izhikevich(31.0, 0.0, 0.0)[0], bool(izhikevich(31.0, 0.0, 0.0)[2])
    (-65.0, True)
    """
    h = 1000.0 * dt
    v, u = v + h * (0.04 * v * v + 5.0 * v + 140.0 - u + current), u + h * a * (b * v - u)
    spike = v >= 30.0
    return where(spike, c, v), where(spike, u + d, u), spike
