"""The oscillator of Kuramoto: nothing but a phase."""

from __future__ import annotations

import math
from typing import Any

from multiunit.dynamics.element import element
from multiunit.dynamics.elementary import cos, sin, sqrt, where

_TURN = 2.0 * math.pi


@element(
    kind="oscillator",
    states={"phase": 0.0},
    noise=("noise",),
    spikes=True,
    source="kuramoto1975",
    example={"sine": 0.5, "cosine": 1.0},
)
def kuramoto(
    phase: Any,
    sine: Any,
    cosine: Any,
    noise: Any,
    *,
    frequency: Any = 1.0,
    diffusion: Any = 0.0,
    dt: Any = 1e-3,
) -> tuple[Any, Any]:
    """A phase that turns with its own frequency and is pulled by the phases of others.

    phase' = 2 pi frequency + sum_j K_j sin(phase_j - phase) + sqrt(2 diffusion) noise. The sum is sine cos(phase) -
    cosine sin(phase), with sine = sum_j K_j sin(phase_j) and cosine = sum_j K_j cos(phase_j): what others send is
    linear in the sines and cosines of their phases, and each is computed once. Euler and Maruyama.

    Args:
        phase: rad, within [0, 2 pi).
        sine, cosine: sums over the others, 1/s. noise: standard normal.
        frequency: Hz. diffusion: rad^2/s.
        dt: step, s.

    Returns:
        phase, and who passed 2 pi.

    Source: Kuramoto, International Symposium on Mathematical Problems in Theoretical Physics (1975).
    Reconstructed: equations and values were not read again there.

    >>> round(float(kuramoto(0.0, 0.0, 0.0, 0.0, frequency=0.25, dt=1.0)[0]), 6)  # a quarter of a turn
    1.570796
    """
    pull = sine * cos(phase) - cosine * sin(phase)
    phase = phase + dt * (_TURN * frequency + pull) + sqrt(2.0 * diffusion * dt) * noise
    turned = phase >= _TURN
    return where(turned, phase - _TURN, where(phase < 0.0, phase + _TURN, phase)), turned
