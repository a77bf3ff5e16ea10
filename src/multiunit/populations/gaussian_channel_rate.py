"""Information rate of a Gaussian channel, from repeated responses or from how well the stimulus can be decoded."""

from __future__ import annotations

from typing import Any

import numpy as np

from multiunit.core.errors import InputError


def gaussian_channel_rate(responses: Any, *, dt: float, segment: int = 256) -> float:
    """Bits a second that a response carries about its stimulus, if signal and noise are Gaussian.

    R = integral over f from 0 to 1/(2 dt) of log2[1 + S(f) / N(f)] df. N is the spectrum of what differs between
    repeats, times R / (R - 1) since their own mean was taken away; S + N is the spectrum of single responses. At a
    frequency without signal the logarithm is around 0, and below it one half of the time.

    Args:
        responses: `(repeat, time)`, evenly sampled: potentials, rates or spike counts.
        dt: seconds a sample.
        segment: samples of the stretches, non-overlapping and with a Hann window, over which spectra are averaged: the
            longer, the finer in frequency and the noisier. A rest at the end is not used.

    Returns:
        Bits/s; exact for a Gaussian channel and signal as `time` grows, neither bound otherwise.

    Raises:
        InputError: for fewer than two repeats, no whole segment, a segment below 4 samples, values that are not
            finite, or repeats that do not differ at some frequency.

    Source: Shannon 1949, doi:10.1109/JRPROC.1949.232969; signal and noise of repeats: Borst & Theunissen 1999,
    doi:10.1038/14731, reconstructed - the article was not read again.

    >>> rng = np.random.default_rng(0)
    >>> cone = 100 * rng.normal(size=20_000) + rng.normal(size=(8, 20_000))    # 100 mV of signal, 1 mV of noise
    >>> round(gaussian_channel_rate(cone, dt=1 / 40) / 20, 1), round(float(np.log2(1 + 100**2)), 1)    # 20 Hz
    (13.3, 13.3)
    """
    y = np.asarray(responses, dtype=np.float64)
    if y.ndim != 2 or len(y) < 2:
        raise InputError("responses", y.shape, "needs (repeat, time), two repeats or more")
    band = _band(y, name="responses", dt=dt, segment=segment)
    total = _power(y, segment).mean(axis=(0, 1))
    noise = _power(y - y.mean(axis=0), segment).mean(axis=(0, 1)) * len(y) / (len(y) - 1)
    if not (noise > 1e-24 * total).all():  # more than rounding leaves
        raise InputError("responses", "equal repeats", "without noise a Gaussian channel has no bounds")
    return float(band * np.log2(total / noise).mean())


def decoding_rate(stimulus: Any, response: Any, *, dt: float, segment: int = 256) -> float:
    """Bits a second about a stimulus that the best linear decoder finds in a response shown once: a lower bound.

    R = -integral over f from 0 to 1/(2 dt) of log2[1 - C(f)] df, C = |<X* Y>|^2 / (<|X|^2> <|Y|^2>) the coherence,
    means over n segments. Between Gaussian spectra, -ln(1 - C) exceeds its true value by 1 / (n - 1) on average,
    whatever that is (from the mean logarithm of the determinant of a complex Wishart matrix); that is taken away.

    Args:
        stimulus, response: `(time,)`, evenly sampled at the same times; a response may be spike counts.
        dt, segment: see `gaussian_channel_rate`.

    Returns:
        Bits/s; around 0, and below it one half of the time, for what is unrelated.

    Raises:
        InputError: for lengths that differ, fewer than two segments, a segment below 4 samples, values that are not
            finite, or a frequency at which one of both is silent or both are fully coherent.

    Source: Borst & Theunissen 1999, doi:10.1038/14731, as Zheng & Meister 2024, arXiv:2408.10234, appendix C tell it;
    reconstructed, and the correction worked out here.

    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=50_000)
    >>> round(decoding_rate(x, 3 * x + 3 * rng.normal(size=50_000), dt=0.01))    # 50 Hz times log2(1 + 1)
    50
    """
    x, y = np.asarray(stimulus, dtype=np.float64), np.asarray(response, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape:
        raise InputError("response", (x.shape, y.shape), "stimulus and response need (time,), the same times")
    band = _band(x, name="stimulus", dt=dt, segment=segment)
    _band(y, name="response", dt=dt, segment=segment)
    n = len(x) // segment
    if n < 2:
        raise InputError("segment", segment, f"{len(x)} samples make fewer than two segments; shorten it")
    fx, fy = _spectra(x, segment), _spectra(y, segment)
    power = (np.abs(fx) ** 2).mean(axis=0) * (np.abs(fy) ** 2).mean(axis=0)
    left = power - np.abs((fx.conj() * fy).mean(axis=0)) ** 2
    if not (left > 1e-12 * power).all():
        raise InputError("response", "silent or fully coherent", "at some frequency; the decoded rate has no bounds")
    return float(band * (np.log2(power / left).mean() - 1 / ((n - 1) * np.log(2))))


def _band(x: np.ndarray, *, name: str, dt: float, segment: int) -> float:
    if not dt > 0:
        raise InputError("dt", dt, "needs seconds a sample, above 0")
    if not 4 <= segment <= x.shape[-1]:
        raise InputError("segment", segment, f"needs 4 samples or more, and no more than the {x.shape[-1]} there are")
    if not np.isfinite(x).all():
        raise InputError(name, "not finite", "needs finite values")
    return 1 / (2 * dt)


def _spectra(x: np.ndarray, segment: int) -> np.ndarray:
    """`(..., segment, frequency)`, without the two ends, whose values are real and so of other statistics."""
    n = x.shape[-1] // segment
    pieces = x[..., : n * segment].reshape(*x.shape[:-1], n, segment)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(segment) + 0.5) / segment)
    found = np.fft.rfft((pieces - pieces.mean(axis=-1, keepdims=True)) * window, axis=-1)
    return found[..., 1 : (segment + 1) // 2]


def _power(x: np.ndarray, segment: int) -> np.ndarray:
    return np.abs(_spectra(x, segment)) ** 2
