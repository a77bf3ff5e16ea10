"""Synchrony of phases: how much units turn together, and whether one is locked to another."""

from __future__ import annotations

from typing import Any

import numpy as np

from multiunit.core.errors import InputError
from multiunit.core.method import method
from multiunit.core.recording import Recording


def hilbert_phase(activity: np.ndarray) -> np.ndarray:
    """The phase of each series about its mean: the angle of its analytic signal.

    Args:
        activity: `(sample, ...)`, evenly sampled; what it oscillates about is taken off.

    Returns:
        Radians in (-pi, pi], the shape of `activity`; NaN for a constant series, which has none.

    Raises:
        InputError: for fewer than two samples, or values that are not finite.

    >>> angle = hilbert_phase(np.cos(2 * np.pi * np.arange(8) / 8))
    >>> ((angle / np.pi).round(6)[:4] + 0.0).tolist()
    [0.0, 0.25, 0.5, 0.75]
    """
    x = np.asarray(activity, dtype=np.float64)
    n = len(x) if x.ndim else 0
    if n < 2 or not np.isfinite(x).all():
        raise InputError("activity", x.shape, "needs two samples or more along the first axis, and finite numbers")
    centred = x - x.mean(axis=0)
    spectrum = np.fft.fft(centred, axis=0)
    # Negative frequencies are left out, positive ones doubled; 0 and the highest stand alone.
    weight = np.zeros(n)
    weight[0] = 1.0
    weight[1 : (n + 1) // 2] = 2.0
    if n % 2 == 0:
        weight[n // 2] = 1.0
    signal = np.fft.ifft(spectrum * weight.reshape(-1, *[1] * (x.ndim - 1)), axis=0)
    return np.where(np.ptp(x, axis=0) > 0, np.angle(signal), np.nan)


def phase_locking(x: np.ndarray, y: np.ndarray) -> float:
    """How constant the difference of two phases is: |mean over samples of exp(i (phi_x - phi_y))|.

    Args:
        x, y: `(sample,)` each, evenly sampled; phases are Hilbert's.

    Returns:
        1 where one follows the other at a fixed distance, near 0 where they drift through all differences.

    Raises:
        InputError: for series of different lengths, or one that is constant.

    Source: Lachaux et al. 1999, doi:10.1002/(SICI)1097-0193(1999)8:4<194::AID-HBM4>3.0.CO;2-C; Mormann et al. 2000.

    >>> t = np.arange(1000) / 100
    >>> round(phase_locking(np.sin(2 * np.pi * t), np.sin(2 * np.pi * t + 1.0)), 6)
    1.0
    """
    first, second = np.asarray(x), np.asarray(y)
    if first.ndim != 1 or first.shape != second.shape:
        raise InputError("y", second.shape, f"needs (sample,) as long as x, {first.shape}")
    difference = hilbert_phase(first) - hilbert_phase(second)
    if np.isnan(difference).any():
        raise InputError("x", "constant", "a series that does not change has no phase")
    return float(np.abs(np.exp(1j * difference).mean()))


def example(rng: np.random.Generator) -> tuple[tuple[np.ndarray], dict[str, float]]:
    """Four units about one rhythm, for the contract checks."""
    x = np.sin(np.arange(60)[:, None] / 3.0 + rng.uniform(0, 1, 4)) + 0.3 * rng.normal(size=(60, 4))
    return (x,), {}


@method(kind="population", source="kuramoto1975", example=example)
def order_parameter(activity: Any) -> float:
    """How much units are in one phase, averaged over time: R = mean over samples of |mean over units of exp(i phi)|.

    Args:
        activity: a recording or array `(sample, unit)`, evenly sampled; phases are Hilbert's.

    Returns:
        1 for units in phase, about sqrt(pi / 4 n) for n units without any relation, 0 for units spread evenly.

    Raises:
        InputError: for no units, fewer than two samples, NaN, or a unit that is constant.

    Source: Kuramoto, International Symposium on Mathematical Problems in Theoretical Physics (1975).

    >>> t = np.arange(400) / 100
    >>> thirds = [np.sin(2 * np.pi * (t + shift / 3)) for shift in range(3)]
    >>> round(order_parameter(np.stack(thirds, axis=1)), 6), order_parameter(np.stack(thirds[:1] * 2, axis=1))
    (0.0, 1.0)
    """
    x = activity.activity if isinstance(activity, Recording) else np.asarray(activity, dtype=np.float64)
    if x.ndim != 2 or not x.shape[1]:
        raise InputError("activity", x.shape, "needs (sample, unit) with one unit or more")
    phase = hilbert_phase(x)
    if np.isnan(phase).any():
        unit = int(np.flatnonzero(np.isnan(phase).any(axis=0))[0])
        raise InputError("activity", f"unit {unit} constant", "leave out units that do not change: they have no phase")
    return float(np.abs(np.exp(1j * phase).mean(axis=1)).mean())
