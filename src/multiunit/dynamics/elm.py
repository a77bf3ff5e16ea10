"""The memory unit of the expressive leaky memory neuron."""

from __future__ import annotations

from typing import Any

from multiunit.dynamics.element import element
from multiunit.dynamics.elementary import exp, tanh


@element(kind="unit", states={"m": 0.0}, source="arXiv:2306.16922", order=float("inf"), example={"proposal": 1.0})
def leaky_memory(m: Any, proposal: Any, *, tau: Any = 0.1, gain: Any = 5.0, dt: Any = 1e-3) -> Any:
    """A leaky memory that is written to by a squashed proposal.

    m <- k m + gain (1 - k) 1.7159 tanh(2/3 proposal), k = e^(-dt / tau). The whole neuron is `exponential_synapse`s
    summed over branches, and a small network from the branches and k m of all memories to the proposals.

    Args:
        m: memory, without unit. proposal: what the network proposes, without unit.
        tau: s. gain: lambda of the source. dt: step, s.

    Returns:
        m.

    Source: Spieler et al., arXiv:2306.16922, version 1.
    Reconstructed: equations and values were not read again there.

    >>> round(float(leaky_memory(0.0, 1.0, gain=1.0, dt=100.0)), 4)  # 1.7159 tanh(2/3)
    1.0
    """
    k = exp(-dt / tau)
    return k * m + gain * (1.0 - k) * 1.7159 * tanh(proposal * (2.0 / 3.0))
