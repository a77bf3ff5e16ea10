import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.tasks.model_retina import model_retina, natural_movie


def slope(f, power):
    return np.polyfit(np.log(f), np.log(power), 1)[0]


def test_amplitudes_fall_as_one_over_f():
    movie = natural_movie(512, side=32, random_state=1)
    assert movie.mean() == pytest.approx(0, abs=1e-12)
    power = np.abs(np.fft.fftn(movie)) ** 2
    over_time = power.sum(axis=(1, 2))
    assert slope(np.arange(10, 200), over_time[10:200]) == pytest.approx(-2, abs=0.15)
    assert abs(slope(np.arange(1, 8), over_time[1:8])) < 0.6
    # Along one axis of space the other frequency is 0.
    across = power[:, 0].sum(axis=0)
    assert slope(np.arange(1, 12), across[1:12]) == pytest.approx(-2, abs=0.25)
    assert (natural_movie(10, random_state=3) == natural_movie(10, random_state=3)).all()


def test_a_spot_drives_the_cells_under_it_by_their_sign():
    movie = np.zeros((200, 16, 16))
    movie[50, 4, 11] = 1.0
    retina = model_retina(movie, n_units=300, dt=0.005, random_state=2)
    away = np.abs(retina.place - (4, 11))
    near = np.hypot(*np.minimum(away, 16 - away).T)
    assert set(retina.sign) == {-1, 1}
    first = retina.rate[50:57]
    for sign in (1, -1):
        centre = (near < 1) & (retina.sign == sign)
        surround = (near > 3) & (near < 5) & (retina.sign == sign)
        # Fast first: an on-cell's centre raises its rate, then lowers it.
        response = np.log(retina.rate[:, centre]) - np.log(retina.rate[0, centre])
        assert ((response[50:57].sum(axis=0) * sign) > 0).all()
        assert ((response[62:80].sum(axis=0) * sign) < 0).all()
        opposite = np.log(first[:, surround]) - np.log(retina.rate[0, surround])
        assert ((opposite.sum(axis=0) * sign) < 0).all()
    # Nothing is answered before it is shown.
    np.testing.assert_allclose(retina.rate[:50], np.broadcast_to(retina.rate[0], (50, 300)), rtol=1e-9)


def test_drive_is_the_filtered_movie():
    movie = natural_movie(120, side=8, random_state=4)
    retina = model_retina(movie, n_units=3, dt=0.01, mean_rate=5.0, gain=0.5, random_state=5)
    y, x = np.mgrid[:8, :8]
    lag = np.arange(30) * 0.01
    fast, slow = lag**3 * np.exp(-lag / 0.01), lag**3 * np.exp(-lag / 0.015)
    kernel = fast / fast.sum() - slow / slow.sum()
    for unit in range(3):
        dy = np.abs(y - retina.place[unit, 0])
        dx = np.abs(x - retina.place[unit, 1])
        d = np.minimum(dy, 8 - dy) ** 2 + np.minimum(dx, 8 - dx) ** 2
        centre, surround = np.exp(-d / 2), np.exp(-d / 18)
        field = centre / centre.sum() - surround / surround.sum()
        drive = np.convolve((movie * field).sum(axis=(1, 2)) * retina.sign[unit], kernel)[:120]
        drive = (drive - drive.mean()) / drive.std()
        np.testing.assert_allclose(retina.rate[:, unit], 5 * np.exp(0.5 * drive - 0.125), rtol=1e-8)


def test_what_is_refused():
    movie = natural_movie(20, side=4)
    with pytest.raises(InputError, match="n_frames="):
        natural_movie(1)
    with pytest.raises(InputError, match="n_frames="):
        natural_movie(10, side=1)
    for wrong in (movie[0], movie[:1], np.where(movie > 0, np.nan, movie), np.zeros_like(movie)):
        with pytest.raises(InputError, match="movie="):
            model_retina(wrong, n_units=2, dt=0.01)
    for name in ("n_units", "dt", "mean_rate", "gain"):
        with pytest.raises(InputError, match=f"{name}="):
            model_retina(movie, **{**dict(n_units=2, dt=0.01), name: 0})
