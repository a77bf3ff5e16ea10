"""Two image transforms that lose the same amount: one is made weaker or stronger until it does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from multiunit.core.errors import InputError
from multiunit.maths.structural_similarity import structural_similarity


class Matched(NamedTuple):
    """The parameter found, and the mean SSIM it leaves."""

    parameter: float
    ssim: float


def match_compression(
    transform: Callable[[float, Any], Any],
    images: Any,
    *,
    target: float,
    high: float,
    tolerance: float = 0.002,
) -> Matched:
    """Find the parameter at which a transform leaves images this alike to what they were, by bisection.

    The mean over images of SSIM(transform(parameter, images), images) must fall as the parameter rises from 0, as it
    does for the width of a blur.

    Args:
        transform: parameter and images -> images.
        images: `(image, channel, height, width)` from 0 to 1, array or tensor.
        target: mean SSIM to reach, such as that of another transform of the same images.
        high: where the search ends.
        tolerance: of the mean SSIM.

    Returns:
        The parameter, from 0 to `high`, and the mean SSIM there.

    Raises:
        InputError: if not even `high` brings SSIM down to the target, if 0 leaves less than that, or if SSIM jumps
            over it.

    Source: after the rate-distortion matching of Deza & Konkle, arXiv:2006.07991.

    >>> import numpy as np
    >>> image = np.random.default_rng(0).random((1, 1, 16, 16))
    >>> fade = lambda share, x: (1 - share) * x + share * x.mean()
    >>> found = match_compression(fade, image, target=0.8, high=1.0)
    >>> abs(found.ssim - 0.8) < 0.002, 0.4 < found.parameter < 0.6
    (True, True)
    """

    def ssim(parameter: float) -> float:
        return float(structural_similarity(transform(parameter, images), images).mean())

    ends = ssim(0.0), ssim(high)
    if not ends[1] - tolerance <= target <= ends[0] + tolerance:
        raise InputError("target", target, f"SSIM goes from {ends[0]:.4g} at 0 to {ends[1]:.4g} at high={high:g}")
    low = 0.0
    for _ in range(40):
        middle = (low + high) / 2
        found = ssim(middle)
        if abs(found - target) <= tolerance:
            return Matched(middle, found)
        low, high = (middle, high) if found > target else (low, middle)
    raise InputError("target", target, f"SSIM jumps over it near {middle:.6g}; no parameter gives it")
