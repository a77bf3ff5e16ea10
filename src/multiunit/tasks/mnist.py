"""Real handwritten digits, larger than those of scikit-learn."""

from __future__ import annotations

import numpy as np

from multiunit.tasks.data_folder import data_folder


def mnist(*, random_state: int | np.random.Generator = 0) -> tuple[np.ndarray, np.ndarray]:
    """Images of the shared data `mnist` in random order, and what they show.

    Args:
        random_state: seed or generator of the order.

    Returns:
        float32 `(image, 1, 28, 28)` from 0 to 1, and the digits, int64 `(image,)`.

    Raises:
        InputError: where the shared data are missing.

    Source: LeCun, Bottou, Bengio & Haffner, Proceedings of the IEEE 86 (1998).
    """
    with np.load(data_folder("mnist") / "mnist.npz") as file:
        order = np.random.default_rng(random_state).permutation(len(file["labels"]))
        images, labels = file["images"][order], file["labels"][order]
    return images.astype(np.float32)[:, None] / np.float32(255), labels.astype(np.int64)
