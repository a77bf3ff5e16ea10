import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.tasks.adding import adding


def test_one_number_of_each_half_is_marked_and_added():
    task = adding(300, length=7, random_state=2)
    numbers, marks = task.inputs[..., 0], task.inputs[..., 1]
    assert set(np.unique(marks)) == {0, 1}
    assert (marks[:, :3].sum(1) == 1).all()
    assert (marks[:, 3:].sum(1) == 1).all()
    assert (marks.sum(0) > 0).all()
    for row in range(300):
        first, second = np.flatnonzero(marks[row])
        assert task.sums[row] == pytest.approx(numbers[row, first] + numbers[row, second])


def test_who_always_says_one_errs_by_a_sixth():
    assert np.square(adding(20000, length=10).sums - 1).mean() == pytest.approx(1 / 6, abs=0.005)


@pytest.mark.parametrize(("named", "n", "length"), [("n_sequences", 0, 5), ("length", 2, 1)])
def test_bad_input_is_named(named, n, length):
    with pytest.raises(InputError) as caught:
        adding(n, length=length)
    assert caught.value.argument == named
