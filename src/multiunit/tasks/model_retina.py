"""A model retina: linear-nonlinear Poisson cells that look at a movie with the spectrum of natural scenes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from multiunit.core.errors import InputError


class ModelRetina(NamedTuple):
    """`rate` `(time, unit)` in Hz, `place` `(unit, 2)` in pixels, and `sign` `(unit,)`: 1 on-cells, -1 off-cells."""

    rate: np.ndarray
    place: np.ndarray
    sign: np.ndarray


def natural_movie(n_frames: int, *, side: int = 16, random_state: int | np.random.Generator = 0) -> np.ndarray:
    """Gaussian noise whose amplitude falls as 1 / f in both dimensions of space and in time, as in natural scenes.

    The amplitude of the plane wave (fx, fy, ft), cycles per pixel and per frame, is
    1 / max(sqrt(fx^2 + fy^2), 1 / side) / max(ft, 1 / 64): flat below a cycle in the width and in 64 frames.

    Args:
        n_frames: 2 or more.
        side: pixels of the square's side, 2 or more.
        random_state: draws the phases and amplitudes.

    Returns:
        `(frame, y, x)`, mean 0 and variance 1 over everything.

    Raises:
        InputError: for fewer frames or pixels.

    Source: 1 / f amplitudes: Field 1987, doi:10.1364/JOSAA.4.002379; Dong & Atick 1995 for time, simplified to a
    product.

    >>> movie = natural_movie(200)
    >>> movie.shape, round(float(movie.std()), 6), bool(np.corrcoef(movie[:-1].ravel(), movie[1:].ravel())[0, 1] > 0.9)
    ((200, 16, 16), 1.0, True)
    """
    if n_frames < 2 or side < 2:
        raise InputError("n_frames", (n_frames, side), "needs two frames and two pixels a side, or more")
    white = np.random.default_rng(random_state).normal(size=(n_frames, side, side))
    space = np.abs(np.fft.fftfreq(side))
    still = np.maximum(np.hypot(space[:, None], space), 1 / side)
    moving = np.maximum(np.abs(np.fft.fftfreq(n_frames)), 1 / 64)
    waves = np.fft.fftn(white) / (moving[:, None, None] * still)
    waves[0, 0, 0] = 0.0
    movie = np.fft.ifftn(waves).real
    return movie / movie.std()


def model_retina(
    movie: Any,
    *,
    n_units: int,
    dt: float,
    mean_rate: float = 20.0,
    gain: float = 1.0,
    random_state: int | np.random.Generator = 0,
) -> ModelRetina:
    """Rates of cells with a centre, a surround and a biphasic response in time; draw spikes as Poisson counts of them.

    drive = sum over places and lags of movie * D(place) * K(lag), scaled to variance 1; rate = mean_rate
    exp(gain drive - gain^2 / 2). D is a Gaussian of 1 pixel less one of 3 pixels of equal weight, wrapped at the
    borders, D < 0 within for off-cells; K(lag) = a(lag; tau) - a(lag; 1.5 tau), a(lag; tau) = lag^3 exp(-lag / tau)
    scaled to sum 1, tau = 0.01 s, up to 0.3 s.

    Args:
        movie: `(frame, y, x)`.
        n_units: cells, at random places, half of them (by chance) on-cells.
        dt: seconds a frame.
        mean_rate: Hz, for a Gaussian drive.
        gain: how far the drive, in standard deviations, moves the logarithm of the rate.
        random_state: draws places and signs.

    Returns:
        `rate`, `place` and `sign`; what is before the movie counts as grey.

    Raises:
        InputError: for a movie of another shape, not finite or still, or numbers that are not positive.

    Source: reconstructed from the common linear-nonlinear model of retinal ganglion cells, Chichilnisky 2001; constants
    are of the usual order, not fitted to a cell.

    >>> retina = model_retina(natural_movie(2000), n_units=5, dt=0.005)
    >>> retina.rate.shape, bool(abs(retina.rate.mean() - 20) < 5)
    ((2000, 5), True)
    """
    frames = np.asarray(movie, dtype=np.float64)
    if frames.ndim != 3 or len(frames) < 2 or not np.isfinite(frames).all():
        raise InputError("movie", frames.shape, "needs finite (frame, y, x), two frames or more")
    for name, value in (("n_units", n_units), ("dt", dt), ("mean_rate", mean_rate), ("gain", gain)):
        if not value > 0:
            raise InputError(name, value, "must be above 0")
    rng = np.random.default_rng(random_state)
    height, width = frames.shape[1:]
    place = rng.uniform(0, (height, width), size=(n_units, 2))
    sign = np.where(rng.random(n_units) < 0.5, 1, -1)
    away = [_wrapped(np.arange(size) - place[:, [axis]], size) for axis, size in enumerate((height, width))]
    distance = away[0][:, :, None] ** 2 + away[1][:, None, :] ** 2
    fields = [np.exp(-distance / (2 * sd**2)) for sd in (1.0, 3.0)]
    centre, surround = (field / field.sum(axis=(1, 2), keepdims=True) for field in fields)
    seen = np.einsum("tyx,uyx->tu", frames, sign[:, None, None] * (centre - surround), optimize=True)
    lag = np.arange(0, max(0.3, 2 * dt), dt)
    fast, slow = (lag**3 * np.exp(-lag / tau) for tau in (0.01, 0.015))
    kernel = fast / fast.sum() - slow / slow.sum()
    size = len(seen) + len(lag) - 1
    drive = np.fft.irfft(np.fft.rfft(seen, size, axis=0) * np.fft.rfft(kernel, size)[:, None], size, axis=0)[
        : len(seen)
    ]
    spread = drive.std(axis=0)
    if not (spread > 0).all():
        raise InputError("movie", "still", "nothing changes where some cell looks")
    drive = (drive - drive.mean(axis=0)) / spread
    return ModelRetina(mean_rate * np.exp(gain * drive - gain**2 / 2), place, sign)


def _wrapped(distance: np.ndarray, size: int) -> np.ndarray:
    return (distance + size / 2) % size - size / 2
