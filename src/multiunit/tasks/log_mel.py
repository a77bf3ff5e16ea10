"""Sound as the ear and most speech models take it: log energy in mel bands, frame by frame."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.signal.windows import hann

from multiunit.core.errors import InputError
from multiunit.tasks.data_folder import data_folder


def log_mel(
    sound: Any, *, rate: float, n_bands: int = 40, window: float = 0.025, hop: float = 0.01, lowest: float = 60.0
) -> np.ndarray:
    """Log energy of a sound in triangular bands equally spaced on the mel scale, mel = 2595 log10(1 + f / 700).

    E_tb = log(sum_f w_b(f) |F_t(f)|^2 + 1e-10), F_t the Fourier transform of a Hann window of the sound; w_b rises from
    the centre of the band below to 1 at its own, and falls to the centre of the band above.

    Args:
        sound: samples, `(sample,)`, between -1 and 1.
        rate: samples a second, Hz.
        n_bands: bands between `lowest` and half the rate.
        window: length of a frame, s.
        hop: from one frame to the next, s.
        lowest: lower edge of the first band, Hz.

    Returns:
        `(frame, band)`, natural logarithm; only whole frames.

    Raises:
        InputError: for a sound that is not finite or shorter than a window, a window or hop of no sample, or bands so
            narrow that one holds no frequency.

    Source: Stevens, Volkmann and Newman 1937; the formula is O'Shaughnessy's 1987.

    >>> tone = np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)
    >>> energy = log_mel(tone, rate=16000)
    >>> energy.shape, sorted(set(energy.argmax(axis=1).tolist()))    # 1,000 Hz = 1,000 mel; band b: 93 + 67 (b + 1)
    ((98, 40), [13])
    """
    sound = np.asarray(sound, dtype=np.float64)
    if sound.ndim != 1 or not np.isfinite(sound).all():
        raise InputError("sound", sound.shape, "needs finite samples in one dimension")
    length, step = round(window * rate), round(hop * rate)
    if length < 2 or step < 1 or len(sound) < length:
        raise InputError("sound", (len(sound), length, step), "shorter than a window, or no sample in window or hop")
    frames = np.lib.stride_tricks.sliding_window_view(sound, length)[::step]
    # A longer transform than the window separates the narrow bands of low frequency.
    n = 2 ** int(np.ceil(np.log2(length)) + 1)
    power = np.abs(np.fft.rfft(frames * hann(length, sym=False), n=n, axis=1)) ** 2
    weights = _triangles(np.fft.rfftfreq(n, 1 / rate), n_bands, lowest, rate / 2)
    if not weights.any(axis=0).all():
        raise InputError("n_bands", n_bands, "some bands hold no frequency; take fewer, or a longer window")
    return np.log(power @ weights + 1e-10)


def recorded_speech() -> tuple[np.ndarray, int]:
    """A minute of recorded speech: samples between -1 and 1, and their rate in Hz.

    Raises:
        InputError: where the shared data `voice_activity_net` are missing.

    Source: test recording of the Silero voice-activity detector, MIT.
    """
    from scipy.io import wavfile

    rate, samples = wavfile.read(data_folder("voice_activity_net") / "test.wav")
    return samples / 2.0**15, int(rate)


def _triangles(frequency: np.ndarray, n_bands: int, lowest: float, highest: float) -> np.ndarray:
    """Weights of the bands, `(frequency, band)`."""
    if n_bands < 1 or not 0 <= lowest < highest:
        raise InputError("n_bands", (n_bands, lowest, highest), "at least one band, between two different frequencies")
    ends = 2595 * np.log10(1 + np.array([lowest, highest]) / 700)
    mel = np.linspace(ends[0], ends[1], n_bands + 2)
    corner = 700 * (10 ** (mel / 2595) - 1)
    low, centre, high = corner[:-2], corner[1:-1], corner[2:]
    f = frequency[:, None]
    return np.clip(np.minimum((f - low) / (centre - low), (high - f) / (high - centre)), 0, None)
