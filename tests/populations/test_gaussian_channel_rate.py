import numpy as np
import pytest
from scipy.signal import lfilter

from multiunit.core.errors import InputError
from multiunit.populations.gaussian_channel_rate import decoding_rate, gaussian_channel_rate


def filtered(rng, *, n, pole):
    """A first-order autoregressive signal, and its spectrum where white noise of variance 1 has spectrum 1."""
    x = lfilter([1.0], [1.0, -pole], rng.normal(size=n))
    return x, lambda w: 1 / np.abs(1 - pole * np.exp(-1j * w)) ** 2


@pytest.mark.parametrize("snr", [0.2, 1.0, 30.0])
@pytest.mark.parametrize("segment", [64, 255])
def test_white_channel(snr, segment):
    rng = np.random.default_rng(0)
    signal = np.sqrt(snr) * rng.normal(size=60_000)
    truth = np.log2(1 + snr) / (2 * 0.002)
    found = gaussian_channel_rate(5 + signal + rng.normal(size=(10, 60_000)), dt=0.002, segment=segment)
    assert found == pytest.approx(truth, rel=0.05)
    decoded = decoding_rate(signal, 7 * (signal + rng.normal(size=60_000)), dt=0.002, segment=segment)
    assert decoded == pytest.approx(truth, rel=0.05)


def test_coloured_channel_is_the_integral():
    rng = np.random.default_rng(1)
    n = 200_000
    signal, spectrum = filtered(rng, n=n, pole=0.9)
    noise = np.stack([filtered(rng, n=n, pole=-0.5)[0] for _ in range(4)])
    w = np.linspace(0, np.pi, 20_001)
    noise_spectrum = filtered(rng, n=10, pole=-0.5)[1]
    truth = 50 * np.log2(1 + spectrum(w) / noise_spectrum(w)).mean()
    assert gaussian_channel_rate(signal + noise, dt=0.01) == pytest.approx(truth, rel=0.03)
    assert decoding_rate(signal, signal + noise[0], dt=0.01) == pytest.approx(truth, rel=0.03)
    # White noise of the same variances would carry another rate.
    assert abs(50 * np.log2(1 + signal.var() / noise.var()) - truth) > 0.1 * truth


def test_repeats_without_signal_and_unrelated_stimuli_carry_nothing():
    rng = np.random.default_rng(2)
    none = [gaussian_channel_rate(rng.normal(size=(3, 2000)), dt=0.01, segment=100) for _ in range(200)]
    assert abs(np.mean(none)) < 4 * np.std(none) / np.sqrt(200)
    assert min(none) < 0
    unrelated = [decoding_rate(*rng.normal(size=(2, 1000)), dt=0.01, segment=100) for _ in range(300)]
    assert abs(np.mean(unrelated)) < 4 * np.std(unrelated) / np.sqrt(300) < 0.5
    # Without the correction it would be 50 Hz / 9 / ln 2 = 8 bits/s.
    assert 50 / 9 / np.log(2) > 10 * abs(np.mean(unrelated))


def test_few_segments_do_not_bias_what_is_related():
    rng = np.random.default_rng(3)
    found = []
    for _ in range(300):
        x = rng.normal(size=1000)
        found.append(decoding_rate(x, x + rng.normal(size=1000), dt=0.01, segment=100))
    assert np.mean(found) == pytest.approx(50, abs=4 * np.std(found) / np.sqrt(300))


def test_a_fixed_filter_and_delay_lose_little():
    rng = np.random.default_rng(4)
    x = rng.normal(size=100_000)
    late = np.roll(lfilter([1.0, 0.5], [1.0], x + rng.normal(size=len(x))), 3)
    assert decoding_rate(x, late, dt=0.01) == pytest.approx(50, rel=0.06)


def test_what_is_refused():
    rng = np.random.default_rng(5)
    y = rng.normal(size=(3, 400))
    for wrong in (y[:1], y[0], np.where(y > 0, np.nan, y), np.tile(y[:1], (3, 1))):
        with pytest.raises(InputError, match="responses="):
            gaussian_channel_rate(wrong, dt=0.01, segment=50)
    for call in (lambda **k: gaussian_channel_rate(y, **k), lambda **k: decoding_rate(y[0], y[1], **k)):
        with pytest.raises(InputError, match="dt="):
            call(dt=0.0, segment=50)
        for segment in (3, 401):
            with pytest.raises(InputError, match="segment="):
                call(dt=0.01, segment=segment)
    with pytest.raises(InputError, match="segment="):
        decoding_rate(y[0], y[1], dt=0.01, segment=300)
    for wrong in (y[1, :300], y[0], np.zeros(400), np.full(400, np.inf)):
        with pytest.raises(InputError, match="response="):
            decoding_rate(y[0], wrong, dt=0.01, segment=50)
