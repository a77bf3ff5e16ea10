"""How fast a pattern travels along a line of units, and how much of their activity it explains."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from multiunit.core.errors import InputError
from multiunit.core.method import method


class WaveSpeed(NamedTuple):
    """Speed of the best travelling pattern.

    Args:
        speed: places a step, positive to higher places; 0 for a pattern that stands.
        share: of the power over space that this pattern explains, 0 to 1.
        opposite_share: the same for a pattern of the opposite speed: large where two waves make a standing one.
    """

    speed: float
    share: float
    opposite_share: float


def travelling_share(activity: np.ndarray, speeds: np.ndarray) -> np.ndarray:
    """Share of the power over space that a pattern moving rigidly at each speed explains.

    share(v) = sum_k |sum_t H_k(t) e^{i k v t}|^2 / (T sum_k sum_t |H_k(t)|^2), over wave numbers k = 2 pi m / n other
    than 0 of the ring, H_k(t) = sum_x h(t, x) e^{-i k x}: the power of the two-dimensional Fourier transform on the
    ridge of frequency -k v. It is the explained share of the least-squares fit of h(t, x) = g(x - v t) + a(t), each
    leading axis having its own g.

    Args:
        activity: `(..., time, place)`, places on a ring.
        speeds: `(speed,)`, places a step.

    Returns:
        `(speed,)`.
    """
    n_steps, n_places = activity.shape[-2:]
    waves = np.fft.rfft(activity, axis=-1)[..., 1:].reshape(-1, n_steps, n_places // 2)
    # Each wave number but the last of an even ring stands for two.
    counted = np.full(n_places // 2, 2.0)
    counted[n_places // 2 - 1] -= n_places % 2 == 0
    power = float((np.square(np.abs(waves)).sum((0, 1)) * counted).sum())
    if not power > 0:
        raise InputError("activity", "the same at all places", "there is no pattern that could travel")
    k = 2 * np.pi * np.arange(1, n_places // 2 + 1) / n_places
    against = np.exp(1j * np.arange(n_steps)[:, None, None] * speeds[:, None] * k)
    ridge = np.square(np.abs(np.einsum("stk,tvk->svk", waves, against, optimize=True))).sum(0)
    return (ridge * counted).sum(1) / (n_steps * power)


@method(
    kind="population",
    source="arXiv:2309.08045",
    example=lambda rng: ((np.sin(np.arange(12)[:, None] - np.arange(8)) + 0.1 * rng.normal(size=(12, 8)),), {}),
    exceptions={"permuting_units_permutes": "the order of the units is the space in which a wave travels"},
)
def wave_speed(activity: Any, *, fastest: float = 3.0, resolution: float = 0.02) -> WaveSpeed:
    """Find the speed at which a rigidly moving pattern explains most of the activity.

    v = argmax of `travelling_share`, from -fastest to fastest. Subtract the mean over trials first to ask about what
    differs from trial to trial.

    Args:
        activity: an array or tensor `(..., time, place)`, at least two steps and three places; units stand in their
            order on a ring. On a line that is no ring, the ends are taken for neighbours.
        fastest: largest speed tried, places a step.
        resolution: between the speeds tried.

    Raises:
        InputError: for another shape, values that are not finite, no pattern over places, or no speeds to try.

    Source: after Keller et al., arXiv:2309.08045, who look at the slope of the ridge of the two-dimensional Fourier
    transform; the fit by least squares is ours.

    >>> place, step = np.arange(32), np.arange(40)[:, None]
    >>> found = wave_speed(np.exp(np.cos(2 * np.pi * (place - 1.5 * step) / 32)))
    >>> round(found.speed, 6), round(found.share, 6)
    (1.5, 1.0)
    """
    x = np.asarray(activity.detach().cpu() if hasattr(activity, "detach") else activity, dtype=np.float64)
    if x.ndim < 2 or x.shape[-2] < 2 or x.shape[-1] < 3 or not x.size:
        raise InputError("activity", x.shape, "needs (..., time, place), at least two steps and three places")
    if not np.isfinite(x).all():
        raise InputError("activity", "NaN or infinity", "must be finite")
    if not fastest > 0 or not resolution > 0:
        name, value = ("fastest", fastest) if not fastest > 0 else ("resolution", resolution)
        raise InputError(name, value, "must be above 0")
    half = int(np.floor(fastest / resolution + 1e-9))
    speeds = resolution * np.arange(-half, half + 1)
    share = travelling_share(x, speeds)
    best = int(share.argmax())
    return WaveSpeed(float(speeds[best]), float(share[best]), float(share[::-1][best]))
