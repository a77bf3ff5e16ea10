"""Images whose centre and surround show different things, and which of the two is followed."""

from __future__ import annotations

from typing import Any

import numpy as np

from multiunit.core.errors import InputError


def cue_conflict(centre: Any, surround: Any, *, area: float) -> np.ndarray:
    """Put a disc of one image into the middle of another.

    Args:
        centre, surround: images, `(..., height, width)` each.
        area: share of the pixels that the disc takes, from 0 to 1. They are those nearest to the centre, so that their
            number is exact; a disc that does not fit is cut off by the borders.

    Returns:
        The same shape.

    Raises:
        InputError: for shapes that differ, or an area outside 0 to 1.

    Source: Deza & Konkle, arXiv:2006.07991; there with windows of soft borders.

    >>> cue_conflict(np.ones((4, 4)), np.zeros((4, 4)), area=0.25).astype(int).tolist()
    [[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    """
    inside, outside = np.asarray(centre), np.asarray(surround)
    if inside.ndim < 2 or inside.shape != outside.shape:
        raise InputError("surround", outside.shape, f"needs (..., height, width) as centre, {inside.shape}")
    if not 0 <= area <= 1:
        raise InputError("area", area, "is a share of the image, from 0 to 1")
    height, width = inside.shape[-2:]
    row, column = np.arange(height) - (height - 1) / 2, np.arange(width) - (width - 1) / 2
    nearest = np.argsort(np.add.outer(row**2, column**2).ravel(), kind="stable")
    disc = np.zeros(height * width, dtype=bool)
    disc[nearest[: round(area * height * width)]] = True
    return np.where(disc.reshape(height, width), inside, outside)


def swap_area(areas: Any, centre_share: Any) -> float:
    """The area of the disc at which choices swap from the surround to the centre.

    Args:
        areas: of the disc, increasing, `(area,)`.
        centre_share: choices of the centre's class among choices of either class, `(area,)`.

    Returns:
        Where the share first comes to 1/2, by lines between areas; the first area if it is there already, and 1, the
        whole image, if it never comes. The smaller, the stronger the bias to the centre: without one it is near 1/2.

    Raises:
        InputError: for fewer than two areas, areas out of order, or shares that are not from 0 to 1.

    >>> swap_area([0.0, 0.2, 0.6], [0.0, 0.25, 0.75])
    0.4
    """
    x, share = np.asarray(areas, dtype=np.float64), np.asarray(centre_share, dtype=np.float64)
    if x.ndim != 1 or len(x) < 2 or not (np.diff(x) > 0).all():
        raise InputError("areas", x.tolist(), "needs two or more, increasing")
    if share.shape != x.shape or not ((share >= 0) & (share <= 1)).all():
        raise InputError("centre_share", share.tolist(), f"needs a share from 0 to 1 for each of {len(x)} areas")
    above = np.flatnonzero(share >= 0.5)
    if not len(above):
        return 1.0
    k = int(above[0])
    if k == 0:
        return float(x[0])
    return float(np.interp(0.5, share[k - 1 : k + 1], x[k - 1 : k + 1]))
