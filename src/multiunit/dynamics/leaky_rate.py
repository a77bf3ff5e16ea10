"""Rate units: a leaky state that a drive pulls, and noise that is pulled back."""

from __future__ import annotations

from typing import Any

from multiunit.dynamics.element import element
from multiunit.dynamics.elementary import exp, sqrt
from multiunit.dynamics.integrate import relaxed


@element(kind="unit", states={"x": 0.0}, source="wilson1972", order=float("inf"), example={"drive": 1.0})
def leaky_rate(x: Any, drive: Any, *, tau: Any = 0.02, dt: Any = 1e-3) -> Any:
    """tau x' = drive - x, exact for a held drive. What others see of x is any function of it (tanh, softplus, ...).

    Args:
        x: state, without unit. drive: weighted sum of what others show, without unit.
        tau: s. dt: step, s.

    Returns:
        x.

    Source: Wilson & Cowan, Biophysical Journal 12 (1972), in its linear part.
    Reconstructed: equations and values were not read again there.

    >>> round(float(leaky_rate(0.0, 1.0, tau=1.0, dt=1.0)), 6)
    0.632121
    """
    return relaxed(x, drive, dt / tau)


@element(
    kind="noise",
    states={"x": 0.0},
    noise=("noise",),
    source="uhlenbeck1930",
    order=float("inf"),
    example={},
)
def ornstein_uhlenbeck(
    x: Any, noise: Any, *, mean: Any = 0.0, deviation: Any = 1.0, tau: Any = 0.02, dt: Any = 1e-3
) -> Any:
    """Noise that forgets with a time constant; exact for any step.

    x <- mean + (x - mean) k + deviation sqrt(1 - k^2) noise, k = e^(-dt / tau).

    Args:
        x: state, in the unit of `deviation`. noise: standard normal.
        mean, deviation: of the stationary distribution. tau: time constant of its autocorrelation, s. dt: step, s.

    Returns:
        x.

    Source: Uhlenbeck & Ornstein, Physical Review 36 (1930); Gillespie, Physical Review E 54 (1996), for the exact step.
    Reconstructed: equations and values were not read again there.

    >>> round(float(ornstein_uhlenbeck(1.0, 0.0, tau=1.0, dt=1.0)), 6)
    0.367879
    """
    k = exp(-dt / tau)
    return mean + (x - mean) * k + deviation * sqrt(1.0 - k * k) * noise
