import numpy as np
import pytest

from multiunit.core import InputError
from multiunit.tasks.permuted_digits import permuted_digits


def test_tasks_show_the_same_images_in_orders_of_their_own():
    images = np.arange(10 * 6, dtype=float).reshape(10, 1, 2, 3)
    labels = np.arange(10) % 3
    tasks = permuted_digits(images, labels, n_tasks=3, n_train=6, n_test=4, random_state=1)
    seen = []
    for task in tasks:
        assert task.train.shape == (6, 6)
        assert task.train.dtype == np.float32
        back = np.empty((10, 6))
        back[:, task.order] = np.concatenate([task.train, task.test])
        seen.append(back)
        number = (back[:, 0] / 6).astype(int)
        assert sorted(number) == list(range(10))
        np.testing.assert_array_equal(labels[number], np.concatenate([task.train_labels, task.test_labels]))
    np.testing.assert_array_equal(seen[0], seen[1])
    assert len({tuple(task.order) for task in tasks}) == 3


def test_the_seed_decides():
    def orders(seed):
        tasks = permuted_digits(np.ones((4, 50)), np.zeros(4, int), n_tasks=2, n_train=2, n_test=1, random_state=seed)
        return np.stack([task.order for task in tasks])

    np.testing.assert_array_equal(orders(0), orders(0))
    assert (orders(0) != orders(1)).any()


def test_refuses_what_does_not_fit():
    images = np.ones((5, 4))
    with pytest.raises(InputError, match="labels"):
        permuted_digits(images, np.zeros(4, int), n_tasks=1, n_train=2, n_test=1)
    with pytest.raises(InputError, match="labels"):
        permuted_digits(images, np.zeros(5), n_tasks=1, n_train=2, n_test=1)
    with pytest.raises(InputError, match="n_tasks"):
        permuted_digits(images, np.zeros(5, int), n_tasks=1, n_train=4, n_test=2)
