"""The neuron of Hodgkin and Huxley: the squid's axon, with sodium, potassium and leak."""

from __future__ import annotations

from typing import Any

from multiunit.dynamics.element import element
from multiunit.dynamics.elementary import exp, inverse_exprel
from multiunit.dynamics.integrate import relaxed


@element(
    kind="neuron",
    states={"v": -65.0, "m": 0.05293, "h": 0.59612, "n": 0.31768},
    spikes=True,
    source="hodgkin1952",
    example={"current": 10.0},
)
def hodgkin_huxley(
    v: Any,
    m: Any,
    h: Any,
    n: Any,
    current: Any,
    *,
    capacitance: Any = 1.0,
    g_sodium: Any = 120.0,
    g_potassium: Any = 36.0,
    g_leak: Any = 0.3,
    v_sodium: Any = 50.0,
    v_potassium: Any = -77.0,
    v_leak: Any = -54.387,
    dt: Any = 1e-5,
) -> tuple[Any, Any, Any, Any, Any]:
    """Four equations that make an action potential out of channels that open and close.

    capacitance v' = g_sodium m^3 h (v_sodium - v) + g_potassium n^4 (v_potassium - v) + g_leak (v_leak - v) + current;
    x' = alpha_x(v) (1 - x) - beta_x(v) x for x = m, h, n; time in ms. Exponential Euler for all four.

    Args:
        v: membrane potential, mV (rest at -65, the source's turned sign and shifted). m, h, n: open gates, 0 to 1.
        current: uA/cm^2.
        capacitance: uF/cm^2. g_*: mS/cm^2. v_*: mV.
        dt: step, s.

    Returns:
        v, m, h, n and who spikes: v passes 0 mV upwards.

    Source: Hodgkin & Huxley, J. Physiology 117 (1952).
    Reconstructed: equations and values were not read again there.

    >>> import numpy as np
    >>> rest = hodgkin_huxley(-65.0, 0.05293, 0.59612, 0.31768, 0.0)
    >>> bool(np.allclose(rest[:4], [-65.0, 0.05293, 0.59612, 0.31768], atol=1e-5))
    True
    """
    time = 1000.0 * dt
    # x / (1 - e^-x) with x = (v + 40) / 10 is -x / (e^-x - 1), and has no singularity at x = 0.
    alpha_m, beta_m = inverse_exprel(-(v + 40.0) * 0.1), 4.0 * exp(-(v + 65.0) * (1.0 / 18.0))
    alpha_h, beta_h = 0.07 * exp(-(v + 65.0) * 0.05), 1.0 / (1.0 + exp(-(v + 35.0) * 0.1))
    alpha_n, beta_n = 0.1 * inverse_exprel(-(v + 55.0) * 0.1), 0.125 * exp(-(v + 65.0) * 0.0125)
    sodium, potassium = g_sodium * m * m * m * h, g_potassium * n * n * n * n
    total = sodium + potassium + g_leak
    target = (sodium * v_sodium + potassium * v_potassium + g_leak * v_leak + current) / total
    moved = relaxed(v, target, (time / capacitance) * total)
    m = relaxed(m, alpha_m / (alpha_m + beta_m), time * (alpha_m + beta_m))
    h = relaxed(h, alpha_h / (alpha_h + beta_h), time * (alpha_h + beta_h))
    n = relaxed(n, alpha_n / (alpha_n + beta_n), time * (alpha_n + beta_n))
    return moved, m, h, n, (moved > 0.0) & (v <= 0.0)
