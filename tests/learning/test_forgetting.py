import numpy as np
import pytest
import torch
from torch import nn

from multiunit.core import InputError
from multiunit.learning.forgetting import accuracy_by_task, accuracy_on, forgetting
from multiunit.tasks.permuted_digits import ImageTask


def blobs(shift, rng, n=120):
    """Two classes, apart along one axis of their own; `shift` says which, and which class is where."""
    axis, sign = shift
    labels = rng.integers(2, size=n)
    x = rng.normal(0, 0.1, size=(n, 2)).astype(np.float32)
    x[:, axis] += sign * (2 * labels - 1)
    return ImageTask(x[:80], labels[:80], x[80:], labels[80:], np.arange(2))


def sgd(model):
    return [torch.optim.SGD(model.parameters(), lr=0.5)]


def test_summary_by_hand():
    table = [[0.9, np.nan, np.nan], [0.95, 0.8, np.nan], [0.6, 0.7, 1.0]]
    found = forgetting(table)
    assert found.final == pytest.approx(2.3 / 3)
    assert found.just_after == pytest.approx(2.7 / 3)
    assert found.backward_transfer == pytest.approx((-0.3 - 0.1) / 2)
    assert found.forgetting == pytest.approx((0.35 + 0.1) / 2)
    table[0][1], table[0][2], table[1][2] = 7.0, 8.0, 9.0
    assert forgetting(table) == found


def test_opposite_tasks_undo_each_other_and_unrelated_ones_do_not():
    rng = np.random.default_rng(0)
    first, opposite, unrelated = (blobs(shift, rng) for shift in ((0, 1), (0, -1), (1, 1)))
    tables = [
        accuracy_by_task(nn.Linear(2, 2), tasks, optimisers=sgd, n_epochs=20)
        for tasks in ([first, opposite], [first, unrelated])
    ]
    for table in tables:
        assert np.isnan(table[0, 1])
        np.testing.assert_array_equal(np.diag(table), 1)
    assert tables[0][1, 0] == 0
    assert tables[1][1, 0] > 0.95
    assert forgetting(tables[0]).backward_transfer == -1


def test_all_optimisers_step_and_the_seed_decides():
    task = blobs((0, 1), np.random.default_rng(1))

    def run(optimisers, seed):
        torch.manual_seed(0)
        net = nn.Linear(2, 2)
        accuracy_by_task(net, [task], optimisers=optimisers, n_epochs=1, random_state=seed)
        return net.weight.detach().clone(), net.bias.detach().clone()

    def apart(model):
        return [torch.optim.SGD([model.weight], lr=0.5), torch.optim.SGD([model.bias], lr=0.5)]

    for a, b in zip(run(sgd, 0), run(apart, 0), strict=True):
        torch.testing.assert_close(a, b)
    assert (run(sgd, 0)[0] != run(sgd, 1)[0]).any()


def test_accuracy_counts_right_answers():
    task = ImageTask(np.eye(2, dtype=np.float32), np.arange(2), np.eye(4, 2, dtype=np.float32), np.zeros(4, int), 0)
    assert accuracy_on(nn.Identity(), task) == 0.75


def test_refuses_what_does_not_fit():
    with pytest.raises(InputError, match="accuracy"):
        forgetting([[1.0]])
    with pytest.raises(InputError, match="not finite"):
        forgetting([[0.9, 0.1], [np.nan, 0.8]])
    with pytest.raises(InputError, match="tasks"):
        accuracy_by_task(nn.Linear(2, 2), [], optimisers=sgd, n_epochs=1)
    task = blobs((0, 1), np.random.default_rng(0))
    with pytest.raises(InputError, match="lower the learning rate"):
        accuracy_by_task(nn.Linear(2, 2), [task._replace(train=task.train * np.inf)], optimisers=sgd, n_epochs=1)
