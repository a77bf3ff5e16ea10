"""How alike two images look: luminance, contrast and structure of small patches."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter1d

from multiunit.core.errors import InputError

# Wang et al.: a Gaussian window of 11 x 11 pixels and standard deviation 1.5; K1 = 0.01, K2 = 0.03.
_SIGMA, _REACH = 1.5, 5
_K1, _K2 = 0.01, 0.03


def structural_similarity(x: Any, y: Any, *, data_range: float = 1.0) -> np.ndarray:
    """The mean structural similarity (SSIM) of pairs of images.

    Of the means, variances and covariance under a Gaussian window w around each pixel,
    SSIM = (2 m_x m_y + C1) (2 s_xy + C2) / ((m_x^2 + m_y^2 + C1) (s_x^2 + s_y^2 + C2)), C1 = (0.01 L)^2 and
    C2 = (0.03 L)^2 for numbers that span L; the mean is over the pixels whose window lies within the image, and over
    channels.

    Args:
        x, y: `(..., channel, height, width)`, sides of 11 pixels or more.
        data_range: L.

    Returns:
        float64 `(...)`: 1 for images that are alike, around 0 for unrelated ones.

    Raises:
        InputError: for shapes that differ or are too small, pixels that are not finite, or a range not above 0.

    Source: Wang, Bovik, Sheikh & Simoncelli, IEEE Transactions on Image Processing 13:600 (2004).

    >>> image = np.random.default_rng(0).random((1, 16, 16))
    >>> structural_similarity(image, image).round(6).item(), bool(structural_similarity(image, 1 - image) < 0)
    (1.0, True)
    """
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if a.ndim < 3 or a.shape != b.shape or not a.size or min(a.shape[-2:]) <= 2 * _REACH:
        raise InputError("y", b.shape, f"needs (..., channel, height, width) as x, {a.shape}, 11 pixels a side or more")
    if not np.isfinite(a).all() or not np.isfinite(b).all():
        raise InputError("x", "NaN or infinity", "x and y need finite pixels")
    if not data_range > 0:
        raise InputError("data_range", data_range, "must be above 0")
    mean_a, mean_b = _local(a), _local(b)
    var_a, var_b = _local(a * a) - mean_a**2, _local(b * b) - mean_b**2
    covariance = _local(a * b) - mean_a * mean_b
    c1, c2 = (_K1 * data_range) ** 2, (_K2 * data_range) ** 2
    found = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    found /= (mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)
    return found.mean(axis=(-3, -2, -1))


def _local(image: np.ndarray) -> np.ndarray:
    """Means under the window, where it fits."""
    for axis in (-2, -1):
        image = gaussian_filter1d(image, _SIGMA, axis=axis, radius=_REACH)
    return image[..., _REACH:-_REACH, _REACH:-_REACH]
