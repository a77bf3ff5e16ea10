"""The maps of Rulkov: spiking and bursting neurons without time."""

from __future__ import annotations

from typing import Any

from multiunit.dynamics.element import element
from multiunit.dynamics.elementary import where


@element(
    kind="map",
    states={"u": -1.0, "v": -3.0},
    spikes=True,
    source="rulkov2001",
    time_unit="step",
    order=None,
    example={"coupling": 0.0},
)
def rulkov(
    u: Any,
    v: Any,
    coupling: Any,
    *,
    alpha: Any = 4.1,
    mu: Any = 0.001,
    sigma: Any = -1.2,
    threshold: Any = 0.0,
    dt: Any = 1.0,
) -> tuple[Any, Any, Any]:
    """A fast chaotic map on a slow variable: chaotic bursts of spikes.

    u <- alpha / (1 + u^2) + v + coupling, v <- v - mu (u - sigma).

    Args:
        u: fast variable. v: slow variable. coupling: what other units add to the fast one.
        alpha: strength of the nonlinearity, bursts above 4. mu: how slow v is. sigma: the mean that v drives u to.
        threshold: u that counts as a spike when passed upwards; an observer's convention.
        dt: one step; it changes nothing.

    Returns:
        u, v and who spikes, one step later.

    Source: Rulkov, Regularization of synchronized chaotic bursts, Physical Review Letters 86 (2001).
    Reconstructed: equations and values were not read again there.

    >>> [float(round(value, 6)) for value in rulkov(1.0, 0.0, 0.0)[:2]]
    [2.05, -0.0022]
    """
    following = alpha / (1.0 + u * u) + v + coupling
    return following, v - mu * (u - sigma), (following > threshold) & (u <= threshold)


@element(
    kind="map",
    states={"u": -1.0, "v": -3.5},
    spikes=True,
    source="rulkov2002",
    time_unit="step",
    order=None,
    example={"coupling": 0.0},
)
def rulkov_regular(
    u: Any, v: Any, coupling: Any, *, alpha: Any = 4.5, mu: Any = 0.001, sigma: Any = 0.14, dt: Any = 1.0
) -> tuple[Any, Any, Any]:
    """The piecewise map whose spikes within a burst are regular: silent, spiking or bursting by alpha and sigma.

    u <- alpha / (1 - u) + v for u <= 0, alpha + v for 0 < u < alpha + v, -1 above; v <- v - mu (u + 1 - sigma); with
    v + coupling for v in the first line.

    Args:
        u: fast variable. v: slow variable. coupling: what other units add to v within the fast map.
        alpha: bursts above 4. mu: how slow v is. sigma: excitation; silent below 2 - sqrt(alpha / (1 - mu)).
        dt: one step; it changes nothing.

    Returns:
        u, v and who spikes (u is reset to -1), one step later.

    Source: Rulkov, Modeling of spiking-bursting neural behavior using two-dimensional map, Physical Review E 65 (2002).
    Reconstructed: equations and values were not read again there.

    >>> [float(rulkov_regular(u, 0.0, 0.0)[0]) for u in (-0.5, 0.5, 9.0)]
    [3.0, 4.5, -1.0]
    """
    total = v + coupling
    low = where(u <= 0.0, u, 0.0)
    spike = (u > 0.0) & (u >= alpha + total)
    following = where(u <= 0.0, alpha / (1.0 - low) + total, where(spike, -1.0, alpha + total))
    return following, v - mu * (u + 1.0 - sigma), spike
