"""Synapses that have dynamics of their own: rise and decay, saturation, short-term plasticity, graded release."""

from __future__ import annotations

from typing import Any

from multiunit.dynamics.element import element
from multiunit.dynamics.elementary import exp, sigmoid
from multiunit.dynamics.integrate import relaxed


@element(kind="synapse", states={"g": 0.0}, impulses={"spikes": "g"}, source="destexhe1994", order=float("inf"))
def exponential_synapse(g: Any, spikes: Any, *, tau: Any = 0.005, dt: Any = 1e-4) -> Any:
    """What jumps with a spike and decays: tau g' = -g; exact. A trace of spikes is the same thing.

    Args:
        g: conductance or trace, in the unit of the weights. spikes: sum of the weights that arrive.
        tau: s. dt: step, s.

    Returns:
        g.

    Source: Destexhe, Mainen & Sejnowski, Neural Computation 6 (1994).
    Reconstructed: equations and values were not read again there.

    >>> round(float(exponential_synapse(0.0, 1.0, tau=1.0, dt=1.0)), 6)
    0.367879
    """
    return (g + spikes) * exp(-dt / tau)


@element(
    kind="synapse", states={"g": 0.0, "rise": 0.0}, impulses={"spikes": "rise"}, source="rotter1999", order=float("inf")
)
def alpha_synapse(g: Any, rise: Any, spikes: Any, *, tau: Any = 0.005, dt: Any = 1e-4) -> tuple[Any, Any]:
    """What rises and falls as t e^(-t / tau): tau g' = e rise - g, tau rise' = -rise; exact. A weight is the peak.

    Args:
        g: conductance, in the unit of the weights. rise: what is on its way to it. spikes: sum of arriving weights.
        tau: s, also the time of the peak. dt: step, s.

    Returns:
        g, rise.

    Source: Rotter & Diesmann 1999.
    Reconstructed: equations and values were not read again there.

    >>> round(float(alpha_synapse(0.0, 0.0, 1.0, tau=0.005, dt=0.005)[0]), 6)
    1.0
    """
    rise = rise + spikes
    decay = dt / tau
    return (g + _E * rise * decay) * exp(-decay), rise * exp(-decay)


@element(kind="synapse", states={"s": 0.0, "rise": 0.0}, impulses={"spikes": "rise"}, source="wang2002")
def nmda_synapse(
    s: Any,
    rise: Any,
    spikes: Any,
    *,
    tau_decay: Any = 0.1,
    tau_rise: Any = 0.002,
    opening: Any = 500.0,
    dt: Any = 1e-4,
) -> tuple[Any, Any]:
    """A slow synapse that saturates: s' = -s / tau_decay + opening rise (1 - s), tau_rise rise' = -rise.

    Exponential Euler. Its current is g s (v_reversal - v) `magnesium_block(v)`.

    Args:
        s: open fraction, 0 to 1. rise: transmitter, 1 a spike. spikes: how many spikes arrive.
        tau_*: s. opening: 1/s. dt: step, s.

    Returns:
        s, rise.

    Source: Wang, Neuron 36 (2002).
    Reconstructed: equations and values were not read again there.

    >>> round(float(nmda_synapse(1.0, 0.0, 0.0, tau_decay=0.1, dt=0.1)[0]), 6)
    0.367879
    """
    rise = rise + spikes
    opens = opening * rise
    total = 1.0 / tau_decay + opens
    return relaxed(s, opens / total, dt * total), rise * exp(-dt / tau_rise)


def magnesium_block(v: Any, *, magnesium: Any = 1.0) -> Any:
    """Fraction of NMDA channels that magnesium leaves open: 1 / (1 + magnesium / 3.57 e^(-0.062 v)), v in mV, mM.

    Source: Jahr & Stevens, J. Neuroscience 10 (1990).
    Reconstructed: equations and values were not read again there.

    >>> round(float(magnesium_block(0.0)), 4)
    0.7812
    """
    return 1.0 / (1.0 + magnesium / 3.57 * exp(-0.062 * v))


@element(
    kind="synapse",
    states={"resources": 1.0, "use": 0.2, "released": 0.0},
    source="tsodyks1998",
    order=float("inf"),
)
def short_term_plasticity(
    resources: Any,
    use: Any,
    released: Any,
    spike: Any,
    *,
    base_use: Any = 0.2,
    tau_recovery: Any = 0.5,
    tau_facilitation: Any = 0.05,
    dt: Any = 1e-3,
) -> tuple[Any, Any, Any]:
    """Depression and facilitation of a synapse by its own use; exact between spikes.

    tau_recovery resources' = 1 - resources, tau_facilitation use' = base_use - use. At a spike: released = use
    resources, resources -= released, then use += base_use (1 - use).

    Args:
        resources: what can be released, 0 to 1. use: the fraction that is. released: what this step's spike gave; it
            takes the place of the synapse's weight, times it.
        spike: 1 if the presynaptic cell spikes in this step, else 0.
        base_use: use at rest; tau_recovery, tau_facilitation: s. dt: step, s.

    Returns:
        resources, use, released.

    Source: Tsodyks, Pawelzik & Markram, Neural Computation 10 (1998); use rises after the release, so that the first
    spike of a rested synapse releases base_use (in the source it rises before).
    Reconstructed: equations and values were not read again there.

    >>> [round(float(x), 3) for x in short_term_plasticity(1.0, 0.2, 0.0, 1.0, dt=1e-9)]
    [0.8, 0.36, 0.2]
    """
    resources = relaxed(resources, 1.0, dt / tau_recovery)
    use = relaxed(use, base_use, dt / tau_facilitation)
    released = use * resources * spike
    return resources - released, use + base_use * (1.0 - use) * spike, released


@element(kind="synapse", states={"s": 0.0}, source="wicks1996", order=float("inf"), example={"v": -20.0})
def graded_synapse(s: Any, v: Any, *, v_half: Any = -30.0, slope: Any = 5.0, tau: Any = 0.01, dt: Any = 1e-3) -> Any:
    """A synapse of a cell without spikes: tau s' = sigmoid((v - v_half) / slope) - s; exact for a held potential.

    Args:
        s: open fraction, 0 to 1. v: presynaptic potential, mV.
        v_half, slope: mV. tau: s. dt: step, s.

    Returns:
        s.

    Source: Wicks, Roehrig & Rankin, J. Neuroscience 16 (1996), with first-order kinetics; values reconstructed.

    >>> round(float(graded_synapse(0.0, -30.0, dt=10.0)), 6)
    0.5
    """
    return relaxed(s, sigmoid((v - v_half) / slope), dt / tau)


@element(
    kind="synapse",
    states={"g": 0.0, "plateau": 0.0},
    impulses={"spikes": "g"},
    source="here",
    example={},
)
def plateau_branch(
    g: Any,
    plateau: Any,
    spikes: Any,
    *,
    tau: Any = 0.005,
    tau_plateau: Any = 0.08,
    threshold: Any = 1.0,
    slope: Any = 0.2,
    dt: Any = 1e-3,
) -> tuple[Any, Any]:
    """A dendritic branch whose summed input starts a plateau: tau g' = -g, tau_plateau plateau' = f(g) - plateau.

    f(g) = sigmoid((g - threshold) / slope), as of NMDA receptors. Exponential Euler.

    Args:
        g: summed synaptic input. plateau: 0 to 1. spikes: sum of the weights that arrive.
        tau, tau_plateau: s. threshold, slope: in the unit of g. dt: step, s.

    Returns:
        g, plateau.

    Source: a generic form after Major, Larkum & Schiller, Annual Review of Neuroscience 36 (2013); not fitted to data.
    Reconstructed: equations and values were not read again there.

    >>> round(float(plateau_branch(1.0, 0.0, 0.0, dt=0.08)[1]), 4)  # half of 1 - 1/e
    0.3161
    """
    g = g + spikes
    return g * exp(-dt / tau), relaxed(plateau, sigmoid((g - threshold) / slope), dt / tau_plateau)


_E = 2.718281828459045
