import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.tasks.running_sums import EQUALS, answered_rightly, running_sums, slipped


@pytest.mark.parametrize("never", [{"slip": 0.0}, {"careless": 0.0}])
def test_a_writer_who_never_slips_is_always_right(never):
    frame = running_sums(50, n_digits=4, **never)
    rows = np.stack(list(frame["stimulus"]))
    assert frame["right"].all()
    assert (rows[:, 4] == EQUALS).all()
    np.testing.assert_array_equal(rows[:, 5:], np.cumsum(rows[:, :4], axis=1) % 10)


def test_slips_happen_at_hard_digits_of_the_careless_only_and_are_carried_on():
    frame = running_sums(4000, slip=0.5)
    rows = np.stack(list(frame["stimulus"]))
    digits, totals, careless = rows[:, :5], rows[:, 6:], frame["careless"].to_numpy()
    assert 0.45 < careless.mean() < 0.55
    wrong = np.array(
        [
            [(t - (p + d)) % 10 != 0 for p, d, t in zip([0, *ts], ds, ts, strict=False)]
            for ds, ts in zip(digits.tolist(), totals.tolist(), strict=True)
        ]
    )
    np.testing.assert_array_equal(slipped(rows), wrong)
    assert not wrong[digits < 5].any()
    assert not wrong[~careless].any()
    assert 0.45 < wrong[careless][digits[careless] >= 5].mean() < 0.55
    share = frame[careless].groupby("n_hard")["right"].mean()
    assert share.loc[0] == 1
    assert share.loc[3] < 0.3


def test_an_answer_is_right_if_it_is_the_sum_whatever_was_written_before():
    rows = np.array([[1, 2, 3, EQUALS, 9, 9, 6], [1, 2, 3, EQUALS, 1, 3, 7]])
    assert answered_rightly(rows).tolist() == [True, False]


@pytest.mark.parametrize(("name", "value"), [("n_digits", 0), ("slip", 2), ("careless", -1)])
def test_bad_arguments_are_named(name, value):
    with pytest.raises(InputError, match=f"{name}={value}"):
        running_sums(1, **{name: value})


def test_no_items_are_refused():
    with pytest.raises(InputError, match="n_items"):
        running_sums(0)
