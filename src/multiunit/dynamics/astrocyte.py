"""Astrocytes: calcium in two equations, and a slow state that gates a neuron."""

from __future__ import annotations

from typing import Any

from multiunit.dynamics.element import element
from multiunit.dynamics.elementary import sigmoid, where
from multiunit.dynamics.integrate import RUNGE_KUTTA_4, integrated


@element(
    kind="glia",
    states={"calcium": 0.1, "h": 0.8},
    spikes=True,
    source="li1994",
    order=4,
    example={"ip3": 0.5},
)
@integrated(RUNGE_KUTTA_4, crosses=("calcium", 0.3))
def astrocyte(
    calcium: Any,
    h: Any,
    ip3: Any,
    *,
    release: Any = 6.0,
    leak: Any = 0.11,
    pump: Any = 0.9,
    k_pump: Any = 0.1,
    total: Any = 2.0,
    ratio: Any = 0.185,
    d1: Any = 0.13,
    d2: Any = 1.049,
    d3: Any = 0.9434,
    d5: Any = 0.08234,
    a2: Any = 0.2,
    dt: Any = 0.01,
) -> tuple[Any, Any]:
    """Calcium that leaves the store through channels which it opens, and slowly closes: oscillations over seconds.

    calcium' = (release m^3 h^3 + leak) (total - (1 + ratio) calcium) - pump calcium^2 / (calcium^2 + k_pump^2), with
    m = ip3 / (ip3 + d1) * calcium / (calcium + d5); h' = a2 (q - (q + calcium) h), q = d2 (ip3 + d1) / (ip3 + d3).

    Args:
        calcium: in the cell, uM. h: channels that are not closed, 0 to 1. ip3: uM.
        release, leak: 1/s. pump: uM/s. k_pump, total, d1, d2, d3, d5: uM. ratio: volume of the store over that of the
            cell. a2: 1/(uM s).
        dt: step, s.

    Returns:
        calcium, h, and whose calcium passes 0.3 uM upwards.

    Source: Li & Rinzel, J. Theoretical Biology 166 (1994), with the values of De Pitta et al., J. Biological Physics 35
    (2009).
    Reconstructed: equations and values were not read again there.

    >>> [round(value, 4) for value in astrocyte.slope(0.1, 0.0, 0.5)]
    [-0.243, 0.0916]
    """
    m = ip3 / (ip3 + d1) * calcium / (calcium + d5)
    q = d2 * (ip3 + d1) / (ip3 + d3)
    store = total - (1.0 + ratio) * calcium
    pumped = pump * calcium * calcium / (calcium * calcium + k_pump * k_pump)
    return (release * m * m * m * h * h * h + leak) * store - pumped, a2 * (q - (q + calcium) * h)


@element(
    kind="neuron",
    states={"v": 0.0, "astrocyte": 0.0, "fired": 0.0},
    spikes=True,
    source="arXiv:2312.07625",
    time_unit="step",
    order=None,
    example={"current": 0.4, "drive": 0.5},
)
def astrocyte_gated_neuron(
    v: Any,
    astrocyte: Any,
    fired: Any,
    current: Any,
    drive: Any,
    *,
    keep: Any = 0.5,
    astrocyte_keep: Any = 0.99,
    gain: Any = 1.0,
    threshold: Any = 1.0,
    relief: Any = 0.0,
    dt: Any = 1.0,
) -> tuple[Any, Any, Any, Any]:
    """A spiking unit with a slow astrocyte that scales its input and lowers its threshold.

    astrocyte <- astrocyte_keep astrocyte + (1 - astrocyte_keep) sigmoid(drive); v <- keep (1 - fired) v + (1 + gain
    astrocyte) current; it fires above threshold - relief astrocyte.

    Args:
        v: potential. astrocyte: 0 to 1. fired: 1 if it fired in the step before. None has a unit.
        current: weighted input. drive: what the astrocyte sees of the neurons.
        keep, astrocyte_keep: what is kept from step to step. gain: effect on the input. threshold, relief: see above.
        dt: one step; it changes nothing.

    Returns:
        v, astrocyte, fired and who spikes.

    Source: the astrocyte-modulated spiking unit of arXiv:2312.07625, reconstructed from its abstract; the equations are
    a general form.

    >>> [float(x) for x in astrocyte_gated_neuron(0.0, 0.0, 0.0, 2.0, 0.0, astrocyte_keep=0.0)[:3]]
    [3.0, 0.5, 1.0]
    """
    astrocyte = astrocyte_keep * astrocyte + (1.0 - astrocyte_keep) * sigmoid(drive)
    v = keep * (1.0 - fired) * v + (1.0 + gain * astrocyte) * current
    spike = v > threshold - relief * astrocyte
    return v, astrocyte, where(spike, 1.0, 0.0 * v), spike
