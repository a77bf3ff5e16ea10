import numpy as np
import pytest

from multiunit.core import InputError
from multiunit.tasks.log_mel import log_mel, recorded_speech

RATE = 8000
NOISE = np.random.default_rng(0).normal(size=2000)


def test_bands_are_the_sums_of_a_slow_transform():
    found = log_mel(NOISE, rate=RATE, n_bands=12, window=0.02, hop=0.005, lowest=100)
    length, n = 160, 512
    window = np.sin(np.pi * np.arange(length) / length) ** 2
    mel = 2595 * np.log10(1 + np.array([100, 4000]) / 700)
    corner = 700 * (10 ** (np.linspace(*mel, 14) / 2595) - 1)
    frequency = np.arange(n // 2 + 1) * RATE / n
    turn = np.exp(-2j * np.pi * frequency[:, None] * np.arange(length) / RATE)
    for frame in (0, 7, len(found) - 1):
        power = np.abs(turn @ (window * NOISE[40 * frame : 40 * frame + length])) ** 2
        for band in (0, 5, 11):
            weight = np.interp(frequency, corner[band : band + 3], [0, 1, 0])
            assert abs(found[frame, band] - np.log(weight @ power + 1e-10)) < 1e-8
    assert len(found) == (2000 - length) // 40 + 1


def test_a_louder_sound_adds_a_constant_and_silence_has_a_floor():
    louder = log_mel(10 * NOISE, rate=RATE, n_bands=12) - log_mel(NOISE, rate=RATE, n_bands=12)
    np.testing.assert_allclose(louder, np.log(100), atol=1e-8)
    np.testing.assert_allclose(log_mel(np.zeros(500), rate=RATE, n_bands=12), np.log(1e-10))


def test_a_rising_tone_climbs_the_bands():
    time = np.arange(RATE) / RATE
    best = log_mel(np.sin(2 * np.pi * (200 * time + 1500 * time**2)), rate=RATE, n_bands=20).argmax(axis=1)
    assert (np.diff(best) >= 0).all()
    assert best[-1] - best[0] > 10


@pytest.mark.parametrize(
    ("sound", "options", "named"),
    [
        (NOISE[:100], {}, "shorter"),
        (np.where(np.arange(2000) == 3, np.nan, NOISE), {}, "finite"),
        (NOISE, {"hop": 0.0}, "no sample"),
        (NOISE, {"n_bands": 400}, "n_bands"),
        (NOISE, {"lowest": 5000.0}, "different frequencies"),
    ],
)
def test_what_cannot_be_heard_is_named(sound, options, named):
    with pytest.raises(InputError, match=named):
        log_mel(sound, rate=RATE, **{"n_bands": 12} | options)


def test_the_recorded_speech_is_a_minute_with_pauses(shared_data, monkeypatch):
    monkeypatch.setenv("MULTIUNIT_DATA", str(shared_data("voice_activity_net").parent))
    sound, rate = recorded_speech()
    assert (rate, len(sound)) == (16000, 960000)
    assert 0.1 < np.abs(sound).max() <= 1
    loudness = sound.reshape(60, -1).std(axis=1)
    assert loudness.min() < 0.05 * np.median(loudness)
