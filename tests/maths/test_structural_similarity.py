import numpy as np
import pytest

from multiunit.core import InputError
from multiunit.maths.structural_similarity import structural_similarity


@pytest.fixture
def pair():
    rng = np.random.default_rng(0)
    x = rng.random((2, 14, 17))
    return x, np.clip(x + 0.2 * rng.normal(size=x.shape), 0, 1)


def by_pixel(x, y, data_range):
    """Wang et al.'s equation, window by window."""
    place = np.arange(-5, 6)
    window = np.exp(-(place[:, None] ** 2 + place**2) / (2 * 1.5**2))
    window /= window.sum()
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    found = []
    for a, b in zip(x, y, strict=True):
        for i in range(5, a.shape[0] - 5):
            for j in range(5, a.shape[1] - 5):
                p, q = (z[i - 5 : i + 6, j - 5 : j + 6] for z in (a, b))
                m, n = (window * p).sum(), (window * q).sum()
                s, t = (window * (p - m) ** 2).sum(), (window * (q - n) ** 2).sum()
                both = (window * (p - m) * (q - n)).sum()
                found.append((2 * m * n + c1) * (2 * both + c2) / ((m * m + n * n + c1) * (s + t + c2)))
    return np.mean(found)


@pytest.mark.parametrize("data_range", [1.0, 255.0])
def test_it_is_the_equation_window_by_window(pair, data_range):
    x, y = (data_range * image for image in pair)
    found = structural_similarity(x, y, data_range=data_range)
    np.testing.assert_allclose(found, by_pixel(x, y, data_range), rtol=1e-10)
    np.testing.assert_allclose(found, structural_similarity(y, x, data_range=data_range), rtol=1e-12)


def test_each_image_has_its_own_and_noise_lowers_it(pair):
    x, y = pair
    found = structural_similarity(np.stack([x, x, x]), np.stack([x, y, np.zeros_like(x)]))
    assert found.shape == (3,)
    assert abs(found[0] - 1) < 1e-12
    assert 1 > found[1] > found[2]
    np.testing.assert_allclose(found[1], structural_similarity(x, y))


def test_plain_images_differ_by_luminance_alone():
    a, b = np.full((1, 12, 12), 0.2), np.full((1, 12, 12), 0.8)
    np.testing.assert_allclose(structural_similarity(a, b), (0.32 + 1e-4) / (0.68 + 1e-4))


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: structural_similarity(np.ones((1, 10, 12)), np.ones((1, 10, 12))), "11 pixels"),
        (lambda: structural_similarity(np.ones((1, 12, 12)), np.ones((3, 12, 12))), "as x"),
        (lambda: structural_similarity(np.full((1, 12, 12), np.nan), np.ones((1, 12, 12))), "NaN"),
        (lambda: structural_similarity(np.ones((1, 12, 12)), np.ones((1, 12, 12)), data_range=0), "above 0"),
    ],
)
def test_errors_name_the_argument(call, named):
    with pytest.raises(InputError, match=named):
        call()
