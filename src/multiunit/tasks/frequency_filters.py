"""Images without their fine detail, and images with nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter1d

from multiunit.core.errors import InputError


def low_pass(images: Any, *, sigma: float) -> np.ndarray:
    """Blur images by a Gaussian, which passes the frequency f (cycles a pixel) by exp(-2 (pi sigma f)^2).

    Args:
        images: `(..., height, width)`; mirrored at the borders.
        sigma: standard deviation, pixels; 0 leaves the images as they are.

    Returns:
        The same shape; float64, or float32 for float32.

    Raises:
        InputError: for images without two dimensions, pixels that are not finite, or a sigma below 0.

    >>> low_pass(np.eye(8), sigma=50.0).round(3).max()    # no more than the mean is left
    np.float64(0.125)
    """
    pixels = np.asarray(images)
    if pixels.ndim < 2 or not np.isfinite(pixels).all():
        raise InputError("images", pixels.shape, "needs (..., height, width), finite")
    if not 0 <= sigma < np.inf:
        raise InputError("sigma", sigma, "must be 0 pixels or more")
    pixels = pixels.astype(np.float32 if pixels.dtype == np.float32 else np.float64)
    if sigma:
        for axis in (-2, -1):
            pixels = gaussian_filter1d(pixels, sigma, axis=axis)
    return pixels


def high_pass(images: Any, *, sigma: float, mean: Any = 0.5) -> np.ndarray:
    """Take the blurred image away and put a constant in its place: x - low_pass(x), less its mean, plus `mean`.

    Args:
        images: `(..., height, width)`.
        sigma: of the blur, pixels, above 0; the smaller, the finer what is left.
        mean: a number, or one a channel as `(channel, 1, 1)`; the mean colour of the data as a rule.

    Returns:
        The same shape, not clipped; every plane has this mean.

    Raises:
        InputError: as `low_pass`, and for a sigma of 0.

    Source: Deza & Konkle, arXiv:2006.07991; as in the authors' code, but for its rounding to bytes.

    >>> stripes = np.tile([0.0, 1.0], (8, 4))
    >>> high_pass(0.2 * stripes + np.linspace(0, 3, 8)[:, None], sigma=1.0)[3:5, 2:6].round(1).tolist()
    [[0.4, 0.6, 0.4, 0.6], [0.4, 0.6, 0.4, 0.6]]
    """
    if not sigma > 0:
        raise InputError("sigma", sigma, "must be above 0 pixels: nothing is higher than all frequencies")
    low = low_pass(images, sigma=sigma)
    fine = np.asarray(images, dtype=low.dtype) - low
    return fine - fine.mean(axis=(-2, -1), keepdims=True) + np.asarray(mean, dtype=low.dtype)
