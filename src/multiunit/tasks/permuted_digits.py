"""Tasks one after another that differ only in the order of an image's pixels: as hard as each other, and unalike."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from multiunit.core.errors import InputError


class ImageTask(NamedTuple):
    """Args:
    train, test: float32 images `(image, pixel)`.
    train_labels, test_labels: int64 class numbers `(image,)`.
    order: which pixel of the given image stands where, `(pixel,)`.
    """

    train: np.ndarray
    train_labels: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray
    order: np.ndarray


def permuted_digits(
    images: ArrayLike,
    labels: ArrayLike,
    *,
    n_tasks: int,
    n_train: int,
    n_test: int,
    random_state: int | np.random.Generator = 0,
) -> list[ImageTask]:
    """Give the same images as several tasks, in each with all pixels in a random order of its own.

    Args:
        images: `(image, ...)`, such as those of `mnist` or `digits`; flattened.
        labels: class numbers `(image,)`.
        n_tasks: orders to draw; no task has the order of the given images.
        n_train, n_test: images of each task, drawn without overlap, the same in all tasks.
        random_state: seed or generator of the choice of images and of the orders.

    Returns:
        One `ImageTask` for each order.

    Raises:
        InputError: for lengths that differ, no task, or fewer images than asked for.

    Source: Goodfellow, Mirza, Xiao, Courville & Bengio, arXiv:1312.6211.

    >>> tasks = permuted_digits(np.eye(4), [0, 1, 2, 3], n_tasks=2, n_train=3, n_test=1)
    >>> [sorted(task.order.tolist()) for task in tasks], tasks[0].order.tolist() == tasks[1].order.tolist()
    ([[0, 1, 2, 3], [0, 1, 2, 3]], False)
    """
    x, y = np.asarray(images, dtype=np.float32), np.asarray(labels)
    if x.ndim < 2 or y.shape != (len(x),) or y.dtype.kind not in "iu":
        raise InputError("labels", y.shape, f"needs one class number for each of {len(x)} images")
    if n_tasks < 1 or n_train < 1 or n_test < 0 or n_train + n_test > len(x):
        raise InputError("n_tasks", (n_tasks, n_train, n_test), f"needs a task, and 1 to {len(x)} images in all")
    rng = np.random.default_rng(random_state)
    chosen = rng.permutation(len(x))[: n_train + n_test]
    x, y = x[chosen].reshape(len(chosen), -1), y[chosen].astype(np.int64)
    tasks = []
    for _ in range(n_tasks):
        order = rng.permutation(x.shape[1])
        tasks.append(ImageTask(x[:n_train, order], y[:n_train], x[n_train:, order], y[n_train:], order))
    return tasks
