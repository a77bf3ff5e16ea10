"""Memristors: a drifting boundary, conductance written by pulses, and a device that forgets."""

from __future__ import annotations

from typing import Any

from multiunit.dynamics.element import element
from multiunit.dynamics.elementary import exp, maximum, minimum, power, where


@element(kind="device", states={"x": 0.1}, source="joglekar2009", example={"voltage": 1.0})
def drift_memristor(
    x: Any,
    voltage: Any,
    *,
    r_on: Any = 100.0,
    r_off: Any = 16000.0,
    mobility: Any = 1e-14,
    thickness: Any = 1e-8,
    window: Any = 1.0,
    dt: Any = 1e-4,
) -> Any:
    """A film whose doped part grows with the charge that passes, and more slowly at its ends.

    x' = mobility r_on / thickness^2 current (1 - (2 x - 1)^(2 window)), current = voltage / (r_on x + r_off (1 - x)).
    Euler; x stays within 0 and 1.

    Args:
        x: doped fraction, 0 to 1; the resistance is r_on x + r_off (1 - x). voltage: V.
        r_on, r_off: ohm. mobility: m^2/(V s). thickness: m. window: exponent p; large values make a hard boundary.
        dt: step, s.

    Returns:
        x.

    Source: Joglekar & Wolf, European Journal of Physics 30 (2009); typical values.
    Reconstructed: equations and values were not read again there.

    >>> 0.1 < float(drift_memristor(0.1, 1.0)) < 0.11
    True
    """
    current = voltage / (r_on * x + r_off * (1.0 - x))
    slowed = 1.0 - power((2.0 * x - 1.0) * (2.0 * x - 1.0), window)
    moved = x + dt * mobility * r_on / (thickness * thickness) * current * slowed
    return minimum(maximum(moved, 0.0), 1.0)


@element(
    kind="device",
    states={"g": 1e-6},
    source="chen2018",
    time_unit="step",
    order=None,
    example={"pulses": 1.0},
)
def pulse_memristor(
    g: Any,
    pulses: Any,
    *,
    g_min: Any = 1e-6,
    g_max: Any = 1e-4,
    nonlinearity: Any = 20.0,
    n_levels: Any = 64.0,
    dt: Any = 1.0,
) -> Any:
    """A conductance that is written up and down by pulses, each less than the one before.

    After n pulses from g_min: g = g_min + (g_max - g_min) (1 - e^(-n / nonlinearity)) / (1 - e^(-n_levels /
    nonlinearity)); pulses downwards are its mirror image. As a step: g relaxes towards a limit by `pulses` pulses.

    Args:
        g: conductance, S. pulses: how many, negative downwards.
        g_min, g_max: S. nonlinearity: A of the source, in pulses; large is linear. n_levels: pulses from end to end.
        dt: one step; it changes nothing.

    Returns:
        g.

    Source: Chen, Peng & Yu, NeuroSim, IEEE Trans. CAD 37 (2018); typical values.
    Reconstructed: equations and values were not read again there.

    >>> round(float(pulse_memristor(1e-6, 64.0)), 9)
    0.0001
    """
    span = (g_max - g_min) / (1.0 - exp(-n_levels / nonlinearity))
    limit = where(pulses > 0.0, g_min + span, g_max - span)
    count = where(pulses > 0.0, pulses, -pulses)
    return minimum(maximum(limit + (g - limit) * exp(-count / nonlinearity), g_min), g_max)


@element(kind="device", states={"x": 0.0}, source="du2017", order=float("inf"), example={"voltage": 1.0})
def volatile_memristor(x: Any, voltage: Any, *, tau: Any = 0.05, growth: Any = 40.0, dt: Any = 1e-3) -> Any:
    """A device that remembers for a while: x' = growth max(voltage, 0) (1 - x) - x / tau. Exact for
    a held voltage.

    Args:
        x: state, 0 to 1; the conductance follows it. voltage: V.
        tau: s. growth: 1/(V s). dt: step, s.

    Returns:
        x.

    Source: a generic form after Du et al., Nature Communications 8 (2017); typical values, not fitted.
    Reconstructed: equations and values were not read again there.

    >>> round(float(volatile_memristor(1.0, 0.0, tau=0.05, dt=0.05)), 6)
    0.367879
    """
    grows = growth * maximum(voltage, 0.0)
    total = grows + 1.0 / tau
    return grows / total + (x - grows / total) * exp(-dt * total)
