"""What an event camera sees of a still picture under a moving gaze: when and where the light rose or fell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from multiunit.core.errors import InputError


class EventMovies(NamedTuple):
    """`events` bool `(movie, time, polarity, y, x)`, polarity 0 off and 1 on; `motion` `(movie, time)`, class numbers.

    `np.argwhere(events[i])` lists one movie's events as (time, polarity, y, x).
    """

    events: np.ndarray
    motion: np.ndarray


def whitened(image: np.ndarray, *, cutoff: float = 0.4) -> np.ndarray:
    """The picture with equal energy at all spatial frequencies f below a cutoff: filtered by f exp(-(f / cutoff)^4).

    Args:
        image: `(y, x)`.
        cutoff: cycles a pixel.

    Returns:
        `(y, x)`, mean 0 and standard deviation 1.

    Raises:
        InputError: for another shape, values that are not finite, or a picture without contrast.

    Source: Olshausen & Field, Vision Research 37 (1997). The filter of Grimaldi & Perrinet 2023 is not given there.

    >>> x = 2 * np.pi * np.arange(64) / 16
    >>> gratings = np.cos(x) + 0.5 * np.cos(2 * x) + np.zeros((64, 1))    # amplitude falls as 1 / f
    >>> np.abs(np.fft.rfft(whitened(gratings)[0])).round(0)[[4, 8]].tolist()
    [32.0, 32.0]
    """
    image = np.asarray(image, dtype=np.float64)
    if image.ndim != 2 or not np.isfinite(image).all() or not image.std() > 0:
        raise InputError("image", image.shape, "needs (y, x), finite and not all the same")
    f = np.hypot(np.fft.fftfreq(image.shape[0])[:, None], np.fft.rfftfreq(image.shape[1]))
    white = np.fft.irfft2(np.fft.rfft2(image) * f * np.exp(-((f / cutoff) ** 4)), s=image.shape)
    return (white - white.mean()) / white.std()


def camera_events(movie: np.ndarray, *, threshold: float = 1.0) -> np.ndarray:
    """Events wherever light has changed by a threshold since the last event there.

    r_t = r_{t-1} + I_t - I_{t-1} - theta (on_{t-1} - off_{t-1}); on_t = r_t > theta, off_t = r_t < -theta; theta is
    `threshold` standard deviations of I_t - I_{t-1} over the movie. At most one event a pixel and step; what is left
    of a change waits.

    Args:
        movie: `(time, y, x)`, light.
        threshold: standard deviations.

    Returns:
        bool `(time, polarity, y, x)`, polarity 0 off and 1 on; nothing at the first step.

    Raises:
        InputError: for another shape, or a threshold that is not positive.

    Source: Grimaldi & Perrinet, Biological Cybernetics (2023), doi:10.1007/s00422-023-00975-8; their published code
    forgets r but for the last step's event.

    >>> movie = np.zeros((4, 1, 1))
    >>> movie[2:] = 1.0    # the deviation of 0, 1, 0 is 0.47
    >>> np.argwhere(camera_events(movie)).tolist()    # the second event is what the first left over
    [[2, 1, 0, 0], [3, 1, 0, 0]]
    """
    movie = np.asarray(movie, dtype=np.float64)
    if movie.ndim != 3 or len(movie) < 2 or not np.isfinite(movie).all():
        raise InputError("movie", movie.shape, "needs (time, y, x), two steps or more, finite")
    if not threshold > 0:
        raise InputError("threshold", threshold, "must be positive")
    change = np.diff(movie, axis=0)
    theta = threshold * change.std()
    events = np.zeros((len(movie), 2, *movie.shape[1:]), dtype=bool)
    left = np.zeros(movie.shape[1:])
    for t, step in enumerate(change, start=1):
        left += step
        events[t] = left < -theta, left > theta
        left -= theta * (events[t, 1].astype(float) - events[t, 0])
    return events


def directions(n: int, *, speed: float) -> np.ndarray:
    """Velocities of one speed in n evenly spaced directions, `(motion, 2)` as (y, x), pixels a step.

    >>> directions(4, speed=0.5).round(3).tolist()
    [[0.0, 0.5], [0.5, 0.0], [0.0, -0.5], [-0.5, -0.0]]
    """
    angle = 2 * np.pi * np.arange(n) / n
    return speed * np.stack([np.sin(angle), np.cos(angle)], axis=1)


def moving_crops(image: np.ndarray, corners: np.ndarray, *, size: int) -> np.ndarray:
    """What a square window sees at each of its places, between pixels by cubic splines.

    Args:
        image: `(y, x)`.
        corners: `(time, 2)`, the window's first row and column, need not be whole.
        size: pixels of its side.

    Returns:
        `(time, y, x)`.

    Raises:
        InputError: for a window that leaves the picture.

    >>> ramp = np.arange(20.0) * np.ones((20, 1))
    >>> moving_crops(ramp, np.array([[5.0, 5.0], [5.0, 5.5]]), size=2)[:, 0].round(2).tolist()
    [[5.0, 6.0], [5.5, 6.5]]
    """
    from scipy.ndimage import map_coordinates

    image, corners = np.asarray(image, dtype=np.float64), np.asarray(corners, dtype=np.float64)
    if (corners < 0).any() or (corners + size - 1 > np.array(image.shape) - 1).any():
        raise InputError("corners", corners.tolist(), f"a window of {size} pixels leaves a picture of {image.shape}")
    y = corners[:, 0, None, None] + np.arange(size)[:, None]
    x = corners[:, 1, None, None] + np.arange(size)
    return map_coordinates(image, np.broadcast_arrays(y, x), order=3)


def saccade_movies(
    images: Sequence[np.ndarray],
    *,
    n_movies: int,
    velocities: np.ndarray,
    n_steps: int = 40,
    size: int = 24,
    mean_length: float = 24.0,
    threshold: float = 1.0,
    random_state: int | np.random.Generator = 0,
) -> EventMovies:
    """Events of pictures that drift, each stretch of time in another direction, and the drift at every step.

    At each step a new motion is drawn with probability 1 / mean_length, so stretches last `mean_length` on average;
    pictures, motions and starts are drawn evenly. The picture moves by velocities[motion_t] from t - 1 to t.

    Args:
        images: pictures `(y, x)`, as they are; see `whitened`.
        velocities: `(motion, 2)`, pixels a step; see `directions`.
        n_steps: steps of a movie.
        size: pixels of its side.
        mean_length: steps.
        threshold: see `camera_events`.

    Raises:
        InputError: for a picture that a movie does not fit in, or a mean length below 1.

    Source: Grimaldi & Perrinet 2023, who translate in Fourier space.

    >>> picture = whitened(np.random.default_rng(0).normal(size=(64, 64)))
    >>> movies = saccade_movies([picture], n_movies=3, velocities=directions(4, speed=0.5), n_steps=10, size=8)
    >>> movies.events.shape, movies.motion.shape
    ((3, 10, 2, 8, 8), (3, 10))
    """
    if not mean_length >= 1:
        raise InputError("mean_length", mean_length, "must be at least 1 step")
    rng = np.random.default_rng(random_state)
    velocities = np.asarray(velocities, dtype=np.float64)
    events = np.empty((n_movies, n_steps, 2, size, size), dtype=bool)
    motion = np.empty((n_movies, n_steps), dtype=np.int64)
    for i in range(n_movies):
        image = np.asarray(images[int(rng.integers(len(images)))])
        switches = np.cumsum(rng.random(n_steps) < 1 / mean_length)
        motion[i] = rng.integers(len(velocities), size=n_steps + 1)[switches]
        # The gaze goes the opposite way of the picture.
        path = -np.cumsum(velocities[motion[i]], axis=0)
        room = np.array(image.shape) - size - np.ptp(path, axis=0)
        if (room < 0).any():
            raise InputError("images", image.shape, f"a movie of {size} pixels and {n_steps} steps needs more room")
        corners = path - path.min(axis=0) + rng.random(2) * room
        events[i] = camera_events(moving_crops(image, corners, size=size), threshold=threshold)
    return EventMovies(events, motion)
