import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.tasks.event_camera import camera_events, directions, moving_crops, saccade_movies, whitened

PICTURE = whitened(np.random.default_rng(0).normal(size=(80, 80)))


def test_whitening_makes_the_energy_flat():
    rng = np.random.default_rng(1)
    f = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.rfftfreq(256))
    natural = np.fft.irfft2(np.fft.rfft2(rng.normal(size=(256, 256))) / np.maximum(f, 1 / 256))
    white = whitened(natural)
    energy = np.abs(np.fft.rfft2(white)) ** 2
    low, middle = (energy[(f > a) & (f < b)].mean() for a, b in ((0.02, 0.08), (0.1, 0.2)))
    assert low / middle == pytest.approx(1, abs=0.15)
    assert energy[f > 0.6].mean() < 0.01 * middle
    assert abs(white.mean()) < 1e-12
    assert white.std() == pytest.approx(1)


def test_events_are_those_of_a_loop_over_pixels():
    movie = np.random.default_rng(0).normal(size=(30, 4, 5)).cumsum(0)
    events = camera_events(movie, threshold=0.8)
    theta = 0.8 * np.diff(movie, axis=0).std()
    for y in range(4):
        for x in range(5):
            last = movie[0, y, x]  # the light at which the pixel would be at rest
            for t in range(1, 30):
                sign = int(movie[t, y, x] - last > theta) - int(movie[t, y, x] - last < -theta)
                last += theta * sign
                assert events[t, 1, y, x] == (sign == 1)
                assert events[t, 0, y, x] == (sign == -1)
    assert not events[0].any()


def test_the_events_tell_the_light_up_to_the_threshold():
    movie = 0.3 * np.random.default_rng(0).normal(size=(200, 3, 3)).cumsum(0)
    events = camera_events(movie, threshold=3.0)
    theta = 3.0 * np.diff(movie, axis=0).std()
    told = theta * (events[:, 1].astype(float) - events[:, 0]).cumsum(0)
    assert np.abs(movie - movie[0] - told).max() < 2 * theta


def test_whole_steps_of_a_window_are_slices():
    crops = moving_crops(PICTURE, np.array([[3.0, 7.0], [4.0, 6.0]]), size=9)
    np.testing.assert_allclose(crops[0], PICTURE[3:12, 7:16], atol=1e-12)
    np.testing.assert_allclose(crops[1], PICTURE[4:13, 6:15], atol=1e-12)


def test_events_move_the_way_the_label_says():
    velocities = directions(4, speed=1.0)
    movies = saccade_movies(
        [PICTURE], n_movies=12, velocities=velocities, n_steps=20, size=16, mean_length=1e9, random_state=1
    )
    signed = movies.events[:, :, 1].astype(float) - movies.events[:, :, 0]
    for movie, motion in zip(signed, movies.motion, strict=True):
        assert len(set(motion)) == 1
        overlap = []
        for v in velocities.astype(int):
            moved = np.roll(movie[2:-1], tuple(v), axis=(1, 2))
            overlap.append((moved * movie[3:])[:, 1:-1, 1:-1].sum())
        assert np.argmax(overlap) == motion[0]


def test_stretches_have_the_mean_length_and_motions_are_even():
    movies = saccade_movies(
        [PICTURE], n_movies=150, velocities=directions(8, speed=0.1), n_steps=60, size=3, mean_length=6
    )
    switched = (np.diff(movies.motion, axis=1) != 0).mean()
    assert switched == pytest.approx(7 / 8 / 6, abs=0.02)  # one draw in eight is the same motion again
    assert np.bincount(movies.motion.ravel(), minlength=8).min() > 0.7 * movies.motion.size / 8


def test_the_seed_is_all():
    one, two, three = (
        saccade_movies([PICTURE], n_movies=2, velocities=directions(8, speed=0.5), n_steps=9, size=6, random_state=s)
        for s in (0, 0, 1)
    )
    assert (one.events == two.events).all()
    assert (one.events != three.events).any()


def test_what_is_refused():
    with pytest.raises(InputError, match="image"):
        whitened(np.ones((4, 4)))
    with pytest.raises(InputError, match="movie"):
        camera_events(np.ones((1, 4, 4)))
    with pytest.raises(InputError, match="threshold=0"):
        camera_events(np.ones((3, 4, 4)), threshold=0)
    with pytest.raises(InputError, match="leaves a picture"):
        moving_crops(PICTURE, np.array([[75.0, 0.0]]), size=9)
    with pytest.raises(InputError, match="more room"):
        saccade_movies([PICTURE], n_movies=1, velocities=np.array([[0.0, 9.0]]))
    with pytest.raises(InputError, match="mean_length"):
        saccade_movies([PICTURE], n_movies=1, velocities=np.zeros((1, 2)), mean_length=0.5)
