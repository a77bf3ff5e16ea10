"""Leaky integrate-and-fire neurons that tire: by a current, by their threshold, or by both."""

from __future__ import annotations

from typing import Any

from multiunit.dynamics.element import element
from multiunit.dynamics.elementary import exp, maximum, where
from multiunit.dynamics.integrate import relaxed


@element(
    kind="neuron",
    states={"v": -0.06, "w": 0.0, "threshold_shift": 0.0, "refractory": 0.0},
    spikes=True,
    source="treves1993; bellec2018",
    example={"current": 0.02},
)
def adaptive_leaky_integrate_and_fire(
    v: Any,
    w: Any,
    threshold_shift: Any,
    refractory: Any,
    current: Any,
    *,
    v_rest: Any = -0.06,
    v_threshold: Any = -0.05,
    v_reset: Any = -0.06,
    tau_membrane: Any = 0.02,
    subthreshold: Any = 0.0,
    jump: Any = 0.001,
    tau_w: Any = 0.1,
    threshold_jump: Any = 0.0,
    tau_threshold: Any = 0.2,
    refractory_period: Any = 0.002,
    dt: Any = 1e-4,
) -> tuple[Any, Any, Any, Any, Any]:
    """A leaky integrate-and-fire neuron with an adaptation current and an adaptive threshold.

    tau_membrane v' = v_rest - v - w + current; tau_w w' = subthreshold (v - v_rest) - w; tau_threshold
    threshold_shift' = -threshold_shift. At v > v_threshold + threshold_shift: v <- v_reset, w <- w + jump,
    threshold_shift <- threshold_shift + threshold_jump. Exponential Euler.

    Args:
        v: V. w: adaptation current times resistance, V. threshold_shift: V. refractory: s.
        current: V.
        v_rest, v_threshold, v_reset, jump, threshold_jump: V. tau_*, refractory_period: s.
        subthreshold: coupling of w to the potential, without unit; positive values make the neuron resonate.
        dt: step, s.

    Returns:
        v, w, threshold_shift, refractory and who spikes.

    Source: Treves, Network 4 (1993), for the current; Bellec et al., arXiv:1803.09574, for the threshold.
    Reconstructed: equations and values were not read again there.

    >>> found = adaptive_leaky_integrate_and_fire(-0.04, 0.0, 0.0, 0.0, 0.0)
    >>> round(float(found[1]), 6), bool(found[-1])
    (0.001, True)
    """
    moved = relaxed(v, v_rest - w + current, dt / tau_membrane)
    w = relaxed(w, subthreshold * (v - v_rest), dt / tau_w)
    v = where(refractory < 0.5 * dt, moved, v)
    threshold_shift = threshold_shift * exp(-dt / tau_threshold)
    spike = v > v_threshold + threshold_shift
    waits = where(spike, refractory_period, maximum(refractory - dt, 0.0))
    v, w = where(spike, v_reset, v), where(spike, w + jump, w)
    return v, w, where(spike, threshold_shift + threshold_jump, threshold_shift), waits, spike


@element(
    kind="neuron",
    states={"v": -0.065, "excitatory": 0.0, "inhibitory": 0.0, "threshold_shift": 0.02, "refractory": 0.0},
    impulses={"excitatory_spikes": "excitatory", "inhibitory_spikes": "inhibitory"},
    spikes=True,
    source="diehl2015",
    example={"current": 0.03},
)
def homeostatic_conductance_neuron(
    v: Any,
    excitatory: Any,
    inhibitory: Any,
    threshold_shift: Any,
    refractory: Any,
    current: Any,
    excitatory_spikes: Any,
    inhibitory_spikes: Any,
    *,
    v_rest: Any = -0.065,
    v_threshold: Any = -0.072,
    v_reset: Any = -0.065,
    v_excitatory: Any = 0.0,
    v_inhibitory: Any = -0.1,
    tau_membrane: Any = 0.1,
    tau_excitatory: Any = 0.001,
    tau_inhibitory: Any = 0.002,
    threshold_jump: Any = 0.00005,
    tau_threshold: Any = 10000.0,
    refractory_period: Any = 0.005,
    dt: Any = 5e-4,
) -> tuple[Any, Any, Any, Any, Any, Any]:
    """The excitatory cell of winner-take-all networks: conductances, and a threshold that rises with every spike.

    tau_membrane v' = v_rest - v + excitatory (v_excitatory - v) + inhibitory (v_inhibitory - v) + current;
    tau_threshold threshold_shift' = -threshold_shift. At v > v_threshold + threshold_shift: v <- v_reset,
    threshold_shift += threshold_jump. Exponential Euler.

    Args:
        v: V. excitatory, inhibitory: units of the leak. threshold_shift: V. refractory: s.
        current: V. *_spikes: sum of the weights that arrive, units of the leak.
        v_*, threshold_jump: V; v_threshold is 20 mV below the source's, which starts threshold_shift at 20 mV as here.
        tau_*, refractory_period: s. dt: step, s.

    Returns:
        v, excitatory, inhibitory, threshold_shift, refractory and who spikes.

    Source: Diehl & Cook, Frontiers in Computational Neuroscience 9 (2015) and its published code.
    Reconstructed: equations and values were not read again there.

    >>> found = homeostatic_conductance_neuron(-0.05, 0.0, 0.0, 0.02, 0.0, 0.0, 0.0, 0.0)
    >>> bool(found[-1]), round(float(found[3]), 5)
    (True, 0.02005)
    """
    e, i = excitatory + excitatory_spikes, inhibitory + inhibitory_spikes
    total = 1.0 + e + i
    target = (v_rest + e * v_excitatory + i * v_inhibitory + current) / total
    v = where(refractory < 0.5 * dt, relaxed(v, target, total * (dt / tau_membrane)), v)
    threshold_shift = threshold_shift * exp(-dt / tau_threshold)
    spike = v > v_threshold + threshold_shift
    waits = where(spike, refractory_period, maximum(refractory - dt, 0.0))
    threshold_shift = where(spike, threshold_shift + threshold_jump, threshold_shift)
    v = where(spike, v_reset, v)
    return v, e * exp(-dt / tau_excitatory), i * exp(-dt / tau_inhibitory), threshold_shift, waits, spike
