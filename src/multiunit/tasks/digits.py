"""Handwritten digits, 8 x 8: the image data set that needs no download."""

from __future__ import annotations

import numpy as np
import pandas as pd

from multiunit.core.errors import InputError


def digits(*, test_fraction: float = 0.25, random_state: int | np.random.Generator = 0) -> pd.DataFrame:
    """Give scikit-learn's 1,797 handwritten digits as stimuli with a train/test split balanced over digits.

    Args:
        test_fraction: share of each digit's images held out, strictly between 0 and 1.
        random_state: draws the split.

    Returns:
        One row an image: `stimulus` float32 `(1, 8, 8)` in [0, 1], `stimulus_id`, `digit` ("0" to "9"), `label`
        (0 to 9), `split` ("train" or "test").

    Raises:
        InputError: for a fraction outside (0, 1).

    Source: Alpaydin & Kaynak 1998, UCI "Optical recognition of handwritten digits", as shipped by scikit-learn.

    >>> frame = digits()
    >>> len(frame), frame["stimulus"][0].shape, sorted(frame["split"].unique())
    (1797, (1, 8, 8), ['test', 'train'])
    """
    from sklearn.datasets import load_digits

    if not 0 < test_fraction < 1:
        raise InputError("test_fraction", test_fraction, "must lie strictly between 0 and 1")
    rng = np.random.default_rng(random_state)
    bunch = load_digits()
    images = (bunch.images / 16.0).astype(np.float32)
    split = np.full(len(images), "train", dtype=object)
    for label in range(10):
        members = rng.permutation(np.flatnonzero(bunch.target == label))
        split[members[: round(test_fraction * len(members))]] = "test"
    return pd.DataFrame(
        {
            "stimulus": list(images[:, None]),
            "stimulus_id": np.arange(len(images)),
            "digit": bunch.target.astype(str).astype(object),
            "label": bunch.target.astype(np.int64),
            "split": split,
        }
    )
