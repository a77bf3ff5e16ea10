"""Bars: images in which rows and columns light up independently, so that their components are known."""

from __future__ import annotations

import numpy as np
import pandas as pd

from multiunit.core.errors import InputError


def bars(
    n_images: int = 1000, *, side: int = 4, probability: float = 0.2, random_state: int | np.random.Generator = 0
) -> pd.DataFrame:
    """Draw images of bars: a pixel is lit if its row, its column or both are present, and no brighter for both.

    Args:
        n_images: how many.
        side: pixels of a side, from 2; there are twice as many bars, rows first.
        probability: of each bar, independently, in (0, 1).

    Returns:
        One row an image: `stimulus` float32 `(1, side, side)` of 0 and 1, `stimulus_id`, `present` bool `(2 side,)`.

    Raises:
        InputError: for numbers out of range.

    Source: Földiák 1990, doi:10.1007/BF02331346.

    >>> frame = bars(2000)
    >>> rows, pixels = np.stack(frame["present"]), np.stack(frame["stimulus"])[:, 0]
    >>> bool((pixels[:, 1, 2] == (rows[:, 1] | rows[:, 4 + 2])).all()), round(float(rows.mean()), 1)
    (True, 0.2)
    """
    if n_images < 1 or side < 2 or not 0 < probability < 1:
        raise InputError("n_images", (n_images, side, probability), "an image, a side of 2, a probability in (0, 1)")
    rng = np.random.default_rng(random_state)
    present = rng.random((n_images, 2 * side)) < probability
    images = (present[:, :side, None] | present[:, None, side:]).astype(np.float32)
    return pd.DataFrame(
        {"stimulus": list(images[:, None]), "stimulus_id": np.arange(n_images), "present": list(present)}
    )


def single_bars(side: int = 4) -> np.ndarray:
    """The bars one by one, float32 `(2 side, side, side)`, rows first.

    >>> single_bars(2)[2].tolist()
    [[1.0, 0.0], [1.0, 0.0]]
    """
    if side < 2:
        raise InputError("side", side, "must be at least 2")
    patterns = np.zeros((2 * side, side, side), dtype=np.float32)
    at = np.arange(side)
    patterns[at, at, :] = 1.0
    patterns[side + at, :, at] = 1.0
    return patterns
