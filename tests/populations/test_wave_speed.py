import numpy as np
import pytest
import torch

from multiunit.core import InputError
from multiunit.populations.wave_speed import travelling_share, wave_speed


@pytest.mark.parametrize("n", [11, 12])
def test_the_share_is_that_of_the_best_rigid_pattern(n):
    """For whole speeds the least-squares pattern is the mean of the activity, each step rolled back."""
    x = np.random.default_rng(0).normal(size=(3, 7, n))
    own = x - x.mean(-1, keepdims=True)
    for speed in (-2, 0, 1, 5):
        back = np.stack([np.roll(own[:, t], -speed * t, axis=-1) for t in range(7)], axis=1)
        explained = 1 - np.square(back - back.mean(1, keepdims=True)).sum() / np.square(own).sum()
        assert travelling_share(x, np.array([float(speed)]))[0] == pytest.approx(explained)


@pytest.mark.parametrize("speed", [-1.3, 0.0, 0.48, 2.0])
def test_a_planted_speed_is_found_under_noise(speed):
    rng = np.random.default_rng(1)
    place, step = np.arange(40), np.arange(60)[:, None]
    pattern = np.exp(4 * np.cos(2 * np.pi * (place - speed * step) / 40)) / 50
    found = wave_speed(pattern + 0.1 * rng.normal(size=(60, 40)), resolution=0.01)
    assert found.speed == pytest.approx(speed, abs=0.011)
    assert found.share > 0.8
    mirrored = wave_speed(pattern[:, ::-1], resolution=0.01)
    assert mirrored.speed == pytest.approx(-speed, abs=0.011)
    assert wave_speed(rng.permutation(pattern.ravel()).reshape(60, 40)).share < 0.15


def test_two_opposite_waves_share_the_power():
    place, step = np.arange(30), np.arange(60)[:, None]
    standing = np.cos(2 * np.pi * place / 30) * np.cos(2 * np.pi * step / 30)
    found = wave_speed(standing)
    # Two periods of time are few: each wave leaks a little into the ridge of the other.
    assert abs(found.speed) == pytest.approx(1.0, abs=0.05)
    assert found.share == pytest.approx(0.5, abs=0.02)
    assert found.opposite_share == pytest.approx(0.5, abs=0.02)


def test_leading_axes_have_patterns_of_their_own_and_a_common_rise_counts_for_nothing():
    rng = np.random.default_rng(2)
    own = rng.normal(size=(4, 2, 25))
    waves = np.stack([np.roll(own, t, axis=-1) for t in range(10)], axis=2)
    found = wave_speed(torch.as_tensor(waves + 3.0 * np.arange(10)[:, None]))
    assert (found.speed, round(found.share, 9)) == (1.0, 1.0)


@pytest.mark.parametrize(
    "wrong",
    [np.zeros(5), np.zeros((1, 5)), np.zeros((5, 2)), np.full((4, 4), np.nan), np.ones((4, 4)), np.zeros((0, 4, 4))],
)
def test_activity_without_a_pattern_is_refused(wrong):
    with pytest.raises(InputError, match="activity"):
        wave_speed(wrong)


def test_speeds_are_checked():
    for name in ("fastest", "resolution"):
        with pytest.raises(InputError, match=name):
            wave_speed(np.eye(4), **{name: 0.0})
