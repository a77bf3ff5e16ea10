import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.tasks.number_lists import keyed_lookup, number_lists

BY_HAND = {
    "sum": lambda seen: sum(seen),
    "min": lambda seen: min(seen),
    "median": lambda seen: (sorted(seen)[(len(seen) - 1) // 2] + sorted(seen)[len(seen) // 2]) / 2,
    "maxsub": lambda seen: max(sum(seen[a:b]) for b in range(len(seen) + 1) for a in range(b)),
}


@pytest.mark.parametrize("task", list(BY_HAND))
def test_each_beginning_is_answered(task):
    x, y = number_lists(task, 20, length=6, random_state=3)
    for row in range(20):
        for i in range(6):
            assert y[row, i, 0] == pytest.approx(BY_HAND[task](x[row, : i + 1, 0].tolist()))


def test_sorting_is_of_the_whole_list():
    x, y = number_lists("sort", 20)
    assert (np.diff(y[..., 0]) >= 0).all()
    for row in range(20):
        assert sorted(x[row, :, 0]) == y[row, :, 0].tolist()


def test_each_list_has_a_range_of_its_own():
    x = number_lists("sum", 4000, length=50, high=3.0).inputs[..., 0]
    assert np.abs(x).max() <= 3
    # The distance of two uniform draws is a third of the range on average; 50 numbers span 49/51 of it.
    assert np.ptp(x, axis=1).mean() == pytest.approx(6 / 3 * 49 / 51, abs=0.06)


def test_small_ranges_are_left_out_if_asked():
    small = [np.abs(number_lists("sum", 3000, length=40, high=4.0, exclude=e).inputs).max((1, 2)) for e in (0.0, 2.0)]
    assert np.mean(small[0] <= 2) == pytest.approx(0.25, abs=0.05)  # some wider lists happen to stay within, too
    assert np.mean(small[1] <= 2) < 0.03


def test_who_is_asked_for_is_found_by_its_key():
    x, y = keyed_lookup(30, length=5, random_state=1)
    assert x.shape == (30, 5, 11)
    for row in range(30):
        number, key, asked = x[row, :, 0], x[row, :, 1:6].argmax(1), x[row, :, 6:].argmax(1)
        assert sorted(key) == list(range(5))
        assert y[row, :, 0].tolist() == [dict(zip(key, number, strict=True))[k] for k in asked]
    assert (x[:, :, 1:].sum(2) == 2).all()
    places = x[:, :, 1:6].argmax(2)
    assert (places.std(0) > 0).all()


def test_who_always_answers_zero_a_lookup_errs_by_the_variance_of_the_numbers():
    assert np.square(keyed_lookup(5000, high=3.0).targets).mean() == pytest.approx(3.0, rel=0.03)


def test_a_seed_repeats():
    assert np.array_equal(number_lists("sum", 4, random_state=5).inputs, number_lists("min", 4, random_state=5).inputs)
    assert np.array_equal(keyed_lookup(4, random_state=5).inputs, keyed_lookup(4, random_state=5).inputs)
    assert not np.array_equal(keyed_lookup(4).inputs, keyed_lookup(4, random_state=5).inputs)


@pytest.mark.parametrize(
    ("named", "options"),
    [
        ("task", {"task": "mode"}),
        ("n_lists", {"n_lists": 0}),
        ("length", {"length": 0}),
        ("high", {"high": 0.0}),
        ("exclude", {"exclude": 1.9}),
        ("exclude", {"exclude": -1.0}),
    ],
)
def test_bad_input_is_named(named, options):
    with pytest.raises(InputError) as caught:
        number_lists(options.pop("task", "sum"), options.pop("n_lists", 3), **options)
    assert caught.value.argument == named


@pytest.mark.parametrize(("named", "options"), [("n_lists", {"n_lists": 0}), ("high", {"high": -1.0})])
def test_bad_input_of_a_lookup_is_named(named, options):
    with pytest.raises(InputError) as caught:
        keyed_lookup(**{"n_lists": 3} | options)
    assert caught.value.argument == named
