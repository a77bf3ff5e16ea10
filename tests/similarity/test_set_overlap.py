from itertools import combinations

import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.similarity.set_overlap import set_overlap


@pytest.mark.parametrize("first", [{0, 1, 2}, {0, 5}, {4, 5, 6}])
def test_the_chance_of_an_overlap_against_all_draws(first):
    second = {0, 1, 2, 3}
    found = set_overlap(first, second, n_total=7)
    draws = [len(set(draw) & second) for draw in combinations(range(7), len(first))]
    assert found.p == pytest.approx(np.mean(np.array(draws) >= len(first & second)))
    assert found.first_in_second == len(first & second) / len(first)
    assert found.second_in_first == len(first & second) / 4
    assert found.jaccard == len(first & second) / len(first | second)


def test_nothing_has_no_share():
    found = set_overlap([], ["a"], n_total=3)
    assert np.isnan(found.first_in_second)
    assert found[3:] == (0.0, 1.0)


def test_more_than_there_is():
    with pytest.raises(InputError, match="n_total"):
        set_overlap({1, 2}, {3}, n_total=2)
