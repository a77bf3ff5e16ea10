import numpy as np

from multiunit.checks.answers import difference


def test_a_set_is_the_same_in_any_order():
    """8 and 0 fall on one place of a small table, so that the order is that of coming."""
    first, second = {0, 8}, {8, 0}
    assert list(first) != list(second)
    assert difference([first], [second]) is None
    assert difference(frozenset(first), frozenset(second)) is None
    assert "['0', '8'] in one and ['0'] in the other" in str(difference([first], [{0}]))


def test_arrays_within_anything_are_compared():
    a = {"x": [np.array([1.0, 2.0])]}
    assert difference(a, {"x": [np.array([1.0, 2.0])]}) is None
    assert "x" in str(difference(a, {"x": [np.array([1.0, 2.5])]}))
    assert difference(a, {"x": [np.array([1.0, 2.0 + 1e-12])]}, tolerance=1e-9) is None
