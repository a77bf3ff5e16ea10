import numpy as np
import pytest

from multiunit.core import InputError
from multiunit.tasks.frequency_filters import high_pass, low_pass


@pytest.mark.parametrize("sigma", [0.7, 1.5, 3.0])
@pytest.mark.parametrize("cycles", [2, 6, 16])
def test_a_grating_passes_as_the_equation_says(sigma, cycles):
    # A cosine that is even about the border goes on as its own mirror image.
    frequency = cycles / 128
    grating = np.cos(2 * np.pi * frequency * (np.arange(64) + 0.5))
    image = np.tile(grating, (64, 1))
    gain = np.exp(-2 * (np.pi * sigma * frequency) ** 2)
    np.testing.assert_allclose(low_pass(image, sigma=sigma), gain * image, atol=2e-3)
    np.testing.assert_allclose(high_pass(image, sigma=sigma, mean=0.3), 0.3 + (1 - gain) * image, atol=2e-3)


def test_low_and_high_are_the_image_but_for_the_mean():
    image = np.random.default_rng(0).random((2, 3, 20, 24))
    mean = np.array([0.1, 0.2, 0.3])[:, None, None]
    high = high_pass(image, sigma=2.0, mean=mean)
    difference = image - (low_pass(image, sigma=2.0) + high)
    np.testing.assert_allclose(difference, np.broadcast_to(difference[..., :1, :1], image.shape), atol=1e-12)
    np.testing.assert_allclose(high.mean(axis=(-2, -1)), np.tile(mean[:, 0, 0], (2, 1)), atol=1e-12)


def test_no_blur_leaves_the_image_and_float32_stays():
    image = np.random.default_rng(0).random((8, 8)).astype(np.float32)
    np.testing.assert_array_equal(low_pass(image, sigma=0), image)
    assert low_pass(image, sigma=1.0).dtype == high_pass(image, sigma=1.0).dtype == np.float32


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: low_pass(np.ones(4), sigma=1.0), "height, width"),
        (lambda: low_pass(np.full((4, 4), np.nan), sigma=1.0), "finite"),
        (lambda: low_pass(np.ones((4, 4)), sigma=-1.0), "0 pixels or more"),
        (lambda: high_pass(np.ones((4, 4)), sigma=0.0), "above 0"),
    ],
)
def test_errors_name_the_argument(call, named):
    with pytest.raises(InputError, match=named):
        call()
