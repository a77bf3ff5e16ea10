"""Leaky integrate-and-fire neurons: with current-based or conductance-based, exponential or alpha synapses.

All step the membrane exactly, for inputs held over the step (current-based), or as exactly as held conductances allow.
Potentials are in volts, times in seconds; synaptic currents are given as what they do to the potential at rest (current
times resistance, in volts), conductances in units of the leak.

For a refractory period after a spike v stays at v_reset. Source: Rotter & Diesmann, Exact digital simulation of
time-invariant linear systems, Biological Cybernetics 81 (1999), for the exact step; Vogels & Abbott, J. Neurosci. 25
(2005), for the synapses and the default values.
"""

from __future__ import annotations

from typing import Any

from multiunit.dynamics.element import element
from multiunit.dynamics.elementary import absolute, exp, exprel, maximum, where
from multiunit.dynamics.integrate import relaxed


@element(
    kind="neuron",
    states={"v": -0.06, "refractory": 0.0},
    spikes=True,
    source="rotter1999",
    order=float("inf"),
    example={"current": 0.02},
)
def leaky_integrate_and_fire(
    v: Any,
    refractory: Any,
    current: Any,
    *,
    v_rest: Any = -0.06,
    v_threshold: Any = -0.05,
    v_reset: Any = -0.06,
    tau_membrane: Any = 0.02,
    refractory_period: Any = 0.005,
    dt: Any = 1e-4,
) -> tuple[Any, Any, Any]:
    """The leaky integrator that spikes and is reset when it passes a threshold; exact for a current held over the step.

    tau_membrane v' = v_rest - v + current.

    Args:
        v: membrane potential, V. refractory: what is left of the refractory period, s.
        current: input current times membrane resistance, V.
        v_rest, v_threshold, v_reset: V. tau_membrane, refractory_period: s.
        dt: step, s.

    Returns:
        v, refractory and who spikes.

    Source: Rotter & Diesmann 1999.
    Reconstructed: equations and values were not read again there.

    >>> round(float(leaky_integrate_and_fire(-0.06, 0.0, 0.005, dt=1.0)[0]), 6)
    -0.055
    """
    v = where(refractory < 0.5 * dt, relaxed(v, v_rest + current, dt / tau_membrane), v)
    spike = v > v_threshold
    waits = where(spike, refractory_period, maximum(refractory - dt, 0.0))
    return where(spike, v_reset, v), waits, spike


@element(
    kind="neuron",
    states={"v": -0.06, "excitatory": 0.0, "inhibitory": 0.0, "refractory": 0.0},
    impulses={"excitatory_spikes": "excitatory", "inhibitory_spikes": "inhibitory"},
    spikes=True,
    source="rotter1999",
    order=float("inf"),
    example={"current": 0.02},
)
def exponential_current_neuron(
    v: Any,
    excitatory: Any,
    inhibitory: Any,
    refractory: Any,
    current: Any,
    excitatory_spikes: Any,
    inhibitory_spikes: Any,
    *,
    v_rest: Any = -0.06,
    v_threshold: Any = -0.05,
    v_reset: Any = -0.06,
    tau_membrane: Any = 0.02,
    tau_excitatory: Any = 0.005,
    tau_inhibitory: Any = 0.01,
    refractory_period: Any = 0.005,
    dt: Any = 1e-4,
) -> tuple[Any, Any, Any, Any, Any]:
    """A leaky integrate-and-fire neuron with two exponentially decaying synaptic currents; exact.

    tau_membrane v' = v_rest - v + excitatory + inhibitory + current; tau_excitatory excitatory' = -excitatory, and so
    for inhibitory, whose weights are negative.

    Args:
        v: V. excitatory, inhibitory: synaptic currents times resistance, V. refractory: s.
        current: V. excitatory_spikes, inhibitory_spikes: sum of the weights that arrive, V.
        v_rest, v_threshold, v_reset: V. tau_*, refractory_period: s.
        dt: step, s.

    Returns:
        v, excitatory, inhibitory, refractory and who spikes.

    Source: Rotter & Diesmann 1999; default values of Vogels & Abbott 2005.
    Reconstructed: equations and values were not read again there.

    >>> v, e, *_ = exponential_current_neuron(-0.06, 0.0, 0.0, 0.0, 0.0, 0.001, 0.0, dt=0.005)
    >>> round(float(e), 6)  # 1 mV / e
    0.000368
    """
    e, i = excitatory + excitatory_spikes, inhibitory + inhibitory_spikes
    leak, e_decay, i_decay = dt / tau_membrane, dt / tau_excitatory, dt / tau_inhibitory
    # tau_s / (tau_s - tau_m) (e^(-dt / tau_s) - e^(-dt / tau_m)), written so that equal time constants are no trouble.
    e_effect = leak * exp(-leak) * exprel(leak - e_decay)
    i_effect = leak * exp(-leak) * exprel(leak - i_decay)
    moved = relaxed(v, v_rest + current, leak) + e * e_effect + i * i_effect
    v = where(refractory < 0.5 * dt, moved, v)
    spike = v > v_threshold
    waits = where(spike, refractory_period, maximum(refractory - dt, 0.0))
    return where(spike, v_reset, v), e * exp(-e_decay), i * exp(-i_decay), waits, spike


@element(
    kind="neuron",
    states={"v": -0.06, "synaptic": 0.0, "rise": 0.0, "refractory": 0.0},
    impulses={"spikes": "rise"},
    spikes=True,
    source="rotter1999",
    order=float("inf"),
    example={"current": 0.02},
)
def alpha_current_neuron(
    v: Any,
    synaptic: Any,
    rise: Any,
    refractory: Any,
    current: Any,
    spikes: Any,
    *,
    v_rest: Any = -0.06,
    v_threshold: Any = -0.05,
    v_reset: Any = -0.06,
    tau_membrane: Any = 0.02,
    tau_synaptic: Any = 0.005,
    refractory_period: Any = 0.005,
    dt: Any = 1e-4,
) -> tuple[Any, Any, Any, Any, Any]:
    """A leaky integrate-and-fire neuron whose synaptic current rises and falls as t e^(-t / tau); exact.

    tau_membrane v' = v_rest - v + synaptic + current; tau_synaptic synaptic' = e rise - synaptic; tau_synaptic rise' =
    -rise. A weight is the peak of its current, which is reached after tau_synaptic.

    Args:
        v: V. synaptic: synaptic current times resistance, V. rise: what is on its way to it, V. refractory: s.
        current: V. spikes: sum of the weights that arrive, V.
        v_rest, v_threshold, v_reset: V. tau_*, refractory_period: s.
        dt: step, s.

    Returns:
        v, synaptic, rise, refractory and who spikes.

    Source: Rotter & Diesmann 1999.
    Reconstructed: equations and values were not read again there.

    >>> _, peak, *_ = alpha_current_neuron(-0.06, 0.0, 0.0, 0.0, 0.0, 0.001, dt=0.005)
    >>> round(float(peak), 6)
    0.001
    """
    rise = rise + spikes
    leak, decay = dt / tau_membrane, dt / tau_synaptic
    # The integrals of e^(x s) and of s e^(x s) over the step, times what decays meanwhile.
    level = leak * exp(-leak) * exprel(leak - decay)
    slope = leak * exp(-leak) * _ramp_integral(leak - decay) * decay
    moved = relaxed(v, v_rest + current, leak) + synaptic * level + _E * rise * slope
    v = where(refractory < 0.5 * dt, moved, v)
    spike = v > v_threshold
    waits = where(spike, refractory_period, maximum(refractory - dt, 0.0))
    return where(spike, v_reset, v), (synaptic + _E * rise * decay) * exp(-decay), rise * exp(-decay), waits, spike


@element(
    kind="neuron",
    states={"v": -0.06, "excitatory": 0.0, "inhibitory": 0.0, "refractory": 0.0},
    impulses={"excitatory_spikes": "excitatory", "inhibitory_spikes": "inhibitory"},
    spikes=True,
    source="vogels2005",
    example={"current": 0.02},
)
def exponential_conductance_neuron(
    v: Any,
    excitatory: Any,
    inhibitory: Any,
    refractory: Any,
    current: Any,
    excitatory_spikes: Any,
    inhibitory_spikes: Any,
    *,
    v_rest: Any = -0.06,
    v_threshold: Any = -0.05,
    v_reset: Any = -0.06,
    v_excitatory: Any = 0.0,
    v_inhibitory: Any = -0.08,
    tau_membrane: Any = 0.02,
    tau_excitatory: Any = 0.005,
    tau_inhibitory: Any = 0.01,
    refractory_period: Any = 0.005,
    dt: Any = 1e-4,
) -> tuple[Any, Any, Any, Any, Any]:
    """A leaky integrate-and-fire neuron with two exponentially decaying synaptic conductances; exponential Euler.

    tau_membrane v' = v_rest - v + excitatory (v_excitatory - v) + inhibitory (v_inhibitory - v) + current.

    Args:
        v: V. excitatory, inhibitory: conductances in units of the leak. refractory: s.
        current: V. excitatory_spikes, inhibitory_spikes: sum of the weights that arrive, units of the leak.
        v_*: V. tau_*, refractory_period: s.
        dt: step, s; conductances are held for it.

    Returns:
        v, excitatory, inhibitory, refractory and who spikes.

    Source: Vogels & Abbott 2005.
    Reconstructed: equations and values were not read again there.

    >>> v, *_ = exponential_conductance_neuron(-0.06, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, v_threshold=1.0, dt=10.0)
    >>> round(float(v), 6)  # half way between rest and v_excitatory
    -0.03
    """
    e, i = excitatory + excitatory_spikes, inhibitory + inhibitory_spikes
    total = 1.0 + e + i
    target = (v_rest + e * v_excitatory + i * v_inhibitory + current) / total
    v = where(refractory < 0.5 * dt, relaxed(v, target, total * (dt / tau_membrane)), v)
    spike = v > v_threshold
    waits = where(spike, refractory_period, maximum(refractory - dt, 0.0))
    return where(spike, v_reset, v), e * exp(-dt / tau_excitatory), i * exp(-dt / tau_inhibitory), waits, spike


@element(
    kind="neuron",
    states={
        "v": -0.06,
        "excitatory": 0.0,
        "excitatory_rise": 0.0,
        "inhibitory": 0.0,
        "inhibitory_rise": 0.0,
        "refractory": 0.0,
    },
    impulses={"excitatory_spikes": "excitatory_rise", "inhibitory_spikes": "inhibitory_rise"},
    spikes=True,
    source="vogels2005",
    example={"current": 0.02},
)
def alpha_conductance_neuron(
    v: Any,
    excitatory: Any,
    excitatory_rise: Any,
    inhibitory: Any,
    inhibitory_rise: Any,
    refractory: Any,
    current: Any,
    excitatory_spikes: Any,
    inhibitory_spikes: Any,
    *,
    v_rest: Any = -0.06,
    v_threshold: Any = -0.05,
    v_reset: Any = -0.06,
    v_excitatory: Any = 0.0,
    v_inhibitory: Any = -0.08,
    tau_membrane: Any = 0.02,
    tau_excitatory: Any = 0.002,
    tau_inhibitory: Any = 0.005,
    refractory_period: Any = 0.005,
    dt: Any = 1e-4,
) -> tuple[Any, Any, Any, Any, Any, Any, Any]:
    """A leaky integrate-and-fire neuron whose synaptic conductances rise and fall as t e^(-t / tau).

    The membrane of `exponential_conductance_neuron` with the synapses of `alpha_current_neuron`: a weight is the peak
    of its conductance, in units of the leak.

    Args:
        v: V. excitatory, inhibitory, *_rise: conductances and what is on its way to them, units of the leak.
        refractory: s. current: V. *_spikes: sum of the weights that arrive, units of the leak.
        v_*: V. tau_*, refractory_period: s.
        dt: step, s; conductances are held for it.

    Returns:
        v, excitatory, excitatory_rise, inhibitory, inhibitory_rise, refractory and who spikes.

    Source: the membrane of Vogels & Abbott 2005, the synapses of Rotter & Diesmann 1999.
    Reconstructed: equations and values were not read again there.

    >>> found = alpha_conductance_neuron(-0.06, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.5, 0.0, dt=0.002)
    >>> round(float(found[1]), 6)
    0.5
    """
    e_rise, i_rise = excitatory_rise + excitatory_spikes, inhibitory_rise + inhibitory_spikes
    total = 1.0 + excitatory + inhibitory
    target = (v_rest + excitatory * v_excitatory + inhibitory * v_inhibitory + current) / total
    v = where(refractory < 0.5 * dt, relaxed(v, target, total * (dt / tau_membrane)), v)
    spike = v > v_threshold
    waits = where(spike, refractory_period, maximum(refractory - dt, 0.0))
    e_decay, i_decay = dt / tau_excitatory, dt / tau_inhibitory
    excitatory = (excitatory + _E * e_rise * e_decay) * exp(-e_decay)
    inhibitory = (inhibitory + _E * i_rise * i_decay) * exp(-i_decay)
    v = where(spike, v_reset, v)
    return v, excitatory, e_rise * exp(-e_decay), inhibitory, i_rise * exp(-i_decay), waits, spike


_E = 2.718281828459045


def _ramp_integral(x: Any) -> Any:
    """The integral of s e^(x s) for s from 0 to 1: (e^x - exprel(x)) / x, by its series where that would cancel."""
    near = absolute(x) < 0.1
    safe = where(near, 1.0, x)
    series = 1.0 / 40320.0 / 10.0
    series = series * x + 1.0 / 5040.0 / 9.0
    series = series * x + 1.0 / 720.0 / 8.0
    series = series * x + 1.0 / 120.0 / 7.0
    series = series * x + 1.0 / 24.0 / 6.0
    series = series * x + 1.0 / 6.0 / 5.0
    series = series * x + 1.0 / 2.0 / 4.0
    series = series * x + 1.0 / 3.0
    series = series * x + 1.0 / 2.0
    return where(near, series, (exp(safe) - exprel(safe)) / safe)
