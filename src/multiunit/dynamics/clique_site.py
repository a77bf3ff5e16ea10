"""A site of a network that wanders through cliques: it wins, tires, and loses."""

from __future__ import annotations

from typing import Any

from multiunit.dynamics.element import element
from multiunit.dynamics.elementary import arctan, maximum, minimum, where


@element(
    kind="unit",
    states={"x": 0.1, "reservoir": 1.0},
    source="gros2007",
    time_unit="1",
    example={"excitation": 0.3, "inhibition": -0.1, "sensory": 0.0},
)
def clique_site(
    x: Any,
    reservoir: Any,
    excitation: Any,
    inhibition: Any,
    sensory: Any,
    *,
    critical: Any = 0.85,
    filling: Any = 0.004,
    depletion: Any = 0.009,
    width: Any = 0.05,
    midpoint: Any = 0.7,
    minimal: Any = 0.0,
    dt: Any = 0.1,
) -> tuple[Any, Any]:
    """Activity that grows while its clique has reserves, and a reservoir that it uses up.

    r = f(reservoir) excitation + inhibition + sensory; x' = (1 - x) r if r > 0, else x r; reservoir' = filling (1 -
    reservoir) (1 - x / critical) if x < critical, else -depletion reservoir. f is `reserve`. Euler.

    Args:
        x: activity, 0 to 1. reservoir: 0 to 1.
        excitation: sum_j w_j x_j within cliques. inhibition: sum_j z f_z(reservoir_j) x_j from sites without a link,
            with the `reserve` of the senders (midpoint 0.15). sensory: input.
        critical: activity above which the reservoir is used up. filling, depletion: rates. width, midpoint, minimal: of
            `reserve`.
        dt: step, without unit.

    Returns:
        x, reservoir.

    Source: Gros, New Journal of Physics 9 (2007), reconstructed; the values give dwelling in the prescribed cliques.

    >>> [round(float(v), 4) for v in clique_site(0.5, 0.0, 0.0, -1.0, 0.0)]
    [0.45, 0.0002]
    """
    r = reserve(reservoir, midpoint=midpoint, width=width, minimal=minimal) * excitation + inhibition + sensory
    grows = where(r > 0.0, (1.0 - x) * r, x * r)
    fills = where(x < critical, filling * (1.0 - reservoir) * (1.0 - x / critical), -depletion * reservoir)
    x = minimum(maximum(x + dt * grows, 0.0), 1.0)
    return x, minimum(maximum(reservoir + dt * fills, 0.0), 1.0)


def reserve(reservoir: Any, *, midpoint: Any = 0.15, width: Any = 0.05, minimal: Any = 0.0) -> Any:
    """How much a reservoir lets through: a step of arctan from `minimal` at 0 to 1 at 1.

    >>> [round(float(reserve(value)), 6) for value in (0.0, 1.0)]
    [0.0, 1.0]
    """
    low = arctan(-midpoint / width)
    high = arctan((1.0 - midpoint) / width)
    return minimal + (1.0 - minimal) * (arctan((reservoir - midpoint) / width) - low) / (high - low)
