"""Images of which a part is hidden: the centre, the surround, or one side."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from multiunit.core.errors import InputError

Occlusion = Literal["scotoma", "glaucoma", "left", "top"]


def occlude(images: Any, *, kind: Occlusion, area: float, fill: float = 0.5) -> np.ndarray:
    """Paint a share of each image in one grey.

    `scotoma` hides a square about the centre, `glaucoma` all but such a square, `left` and `top` a strip from that
    side. All hide the same share of the pixels, up to the rounding of sides; a scotoma of `area` and a glaucoma of
    1 - `area` are each other's complement.

    Args:
        images: `(..., height, width)`; if they are not square, neither is the patch.
        kind: which part.
        area: hidden share, from 0 to 1.
        fill: the grey.

    Returns:
        A copy, of the same shape and dtype.

    Raises:
        InputError: for images without two dimensions, an unknown kind, or an area outside 0 to 1.

    Source: Deza & Konkle, arXiv:2006.07991; squares, strips and the grey as in the authors' code.

    >>> occlude(np.ones((4, 4)), kind="scotoma", area=0.25, fill=0.0).astype(int).tolist()
    [[1, 1, 1, 1], [1, 0, 0, 1], [1, 0, 0, 1], [1, 1, 1, 1]]
    >>> occlude(np.ones((2, 4)), kind="left", area=0.75, fill=0.0).astype(int).tolist()
    [[0, 0, 0, 1], [0, 0, 0, 1]]
    """
    seen = np.array(images)  # a copy: it is painted below
    if seen.ndim < 2:
        raise InputError("images", seen.shape, "needs (..., height, width)")
    if not 0 <= area <= 1:
        raise InputError("area", area, "is a share of the image, from 0 to 1")
    height, width = seen.shape[-2:]
    match kind:
        case "scotoma":
            hidden = central(height, width, area=area)
        case "glaucoma":
            hidden = ~central(height, width, area=1 - area)
        case "left":
            hidden = np.broadcast_to(np.arange(width) < round(area * width), (height, width))
        case "top":
            hidden = np.broadcast_to((np.arange(height) < round(area * height))[:, None], (height, width))
        case _:
            raise InputError("kind", kind, "is none of scotoma, glaucoma, left, top")
    seen[..., hidden] = fill
    return seen


def central(height: int, width: int, *, area: float) -> np.ndarray:
    """The patch about the centre, of the image's proportions, that takes this share of it: bool `(height, width)`.

    >>> int(central(8, 8, area=0.25).sum())
    16
    """
    rows, columns = (_middle(side, np.sqrt(area)) for side in (height, width))
    return np.outer(rows, columns)


def _middle(side: int, share: float) -> np.ndarray:
    length = round(side * share)
    first = (side - length) // 2
    place = np.arange(side)
    return (place >= first) & (place < first + length)
