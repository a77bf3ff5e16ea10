"""The leaky integrators of spiking-network training: one line of memory, a threshold, and three ways to reset.

Each carries what is left of its potential into the next step, v = carried + current, spikes at v > threshold, and leaks
by decay = exp(-dt / tau_membrane). Potentials and currents have no unit. Started from 0, carried is all the state.
"""

from __future__ import annotations

from typing import Any

from multiunit.dynamics.element import element
from multiunit.dynamics.elementary import exp, where


@element(
    kind="neuron",
    states={"carried": 0.0},
    spikes=True,
    source="eshraghian2023",
    order=None,
    example={"current": 0.3},
)
def leaky_subtract(
    carried: Any, current: Any, *, tau_membrane: Any = 0.01, threshold: Any = 1.0, dt: Any = 1e-3
) -> tuple[Any, Any]:
    """A leaky integrator that loses its threshold at the step after a spike.

    v_t = decay v_{t-1} + current_t - threshold s_{t-1}, s_t = v_t > threshold, decay = exp(-dt / tau_membrane).

    Args:
        carried: decay v - threshold s of the step before.
        current: what is added in this step.
        tau_membrane: s. threshold: of v, and what a spike takes.
        dt: step, s.

    Returns:
        carried and who spikes.

    Source: Eshraghian et al., Training spiking neural networks using lessons from deep learning, arXiv:2109.12894.

    >>> found = leaky_subtract(0.0, 1.5, tau_membrane=1e9)
    >>> round(float(found[0]), 6), bool(found[1])
    (0.5, True)
    """
    v = carried + current
    spike = v > threshold
    kept = exp(-dt / tau_membrane) * v
    return where(spike, kept - threshold, kept), spike


@element(
    kind="neuron",
    states={"carried": 0.0},
    spikes=True,
    source="arXiv:2307.04356",
    order=None,
    example={"current": 0.3},
)
def leaky_soft(
    carried: Any,
    current: Any,
    *,
    tau_membrane: Any = 0.01,
    threshold: Any = 1.0,
    spike_size: Any = 1.0,
    dt: Any = 1e-3,
) -> tuple[Any, Any]:
    """A leaky integrator that loses the size of a spike at once, and keeps what was above it.

    v_t = decay (v_{t-1} - spike_size s_{t-1}) + current_t, s_t = v_t > threshold, decay = exp(-dt / tau_membrane).

    Args:
        carried: decay (v - spike_size s) of the step before.
        current: what is added in this step.
        tau_membrane: s. threshold: of v. spike_size: what a spike takes.
        dt: step, s.

    Returns:
        carried and who spikes.

    Source: Guo et al., arXiv:2307.04356.

    >>> found = leaky_soft(0.0, 1.5, tau_membrane=1e9)
    >>> round(float(found[0]), 6), bool(found[1])
    (0.5, True)
    """
    v = carried + current
    spike = v > threshold
    decay = exp(-dt / tau_membrane)
    return where(spike, decay * v - decay * spike_size, decay * v), spike


@element(
    kind="neuron",
    states={"carried": 0.0},
    spikes=True,
    source="wu2018",
    order=None,
    example={"current": 0.3},
)
def leaky_zero(
    carried: Any, current: Any, *, tau_membrane: Any = 0.01, threshold: Any = 1.0, dt: Any = 1e-3
) -> tuple[Any, Any]:
    """A leaky integrator that forgets everything at a spike: the hard reset.

    v_t = decay v_{t-1} (1 - s_{t-1}) + current_t, s_t = v_t > threshold, decay = exp(-dt / tau_membrane).

    Args:
        carried: decay v of the step before, 0 after a spike.
        current: what is added in this step.
        tau_membrane: s. threshold: of v.
        dt: step, s.

    Returns:
        carried and who spikes.

    Source: Wu et al., Spatio-temporal backpropagation, Frontiers in Neuroscience 12 (2018).

    >>> found = leaky_zero(0.0, 1.5, tau_membrane=1e9)
    >>> float(found[0]), bool(found[1])
    (0.0, True)
    """
    v = carried + current
    spike = v > threshold
    return where(spike, 0.0, exp(-dt / tau_membrane) * v), spike
