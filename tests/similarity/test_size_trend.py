import numpy as np
import pytest

from multiunit.core import InputError
from multiunit.similarity.size_trend import size_trend


def test_a_line_over_decades_is_found_in_any_order():
    sizes = np.array([1e3, 10, 1e5, 100])
    found = size_trend(0.2 + 0.05 * np.log10(sizes), sizes)
    assert found == pytest.approx((1.0, 0.05))
    assert size_trend(-np.log10(sizes), sizes) == pytest.approx((-1.0, -1.0))


def test_order_and_slope_can_differ():
    found = size_trend([1, 2, 3, -9], [1, 10, 100, 1000])
    x, y = np.arange(4), np.array([1, 2, 3, -9])
    assert found.per_decade == pytest.approx(np.polyfit(x, y, 1)[0])
    assert found.spearman == pytest.approx(np.corrcoef(x, [1, 2, 3, 0])[0, 1])


@pytest.mark.parametrize(
    ("argument", "scores", "sizes"),
    [
        ("scores", [1, 2], [1, 2]),
        ("scores", [1, np.nan, 2], [1, 2, 3]),
        ("sizes", [1, 2, 3], [1, 2]),
        ("sizes", [1, 2, 3], [0, 2, 3]),
        ("sizes", [1, 2, 3], [2, 2, 2]),
        ("scores", [1, 1, 1], [1, 2, 3]),
    ],
)
def test_what_has_no_trend_is_named(argument, scores, sizes):
    with pytest.raises(InputError, match=f"^{argument}="):
        size_trend(scores, sizes)
