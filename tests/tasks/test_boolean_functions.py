from itertools import product

import numpy as np
import pytest

from multiunit.core import InputError
from multiunit.tasks.boolean_functions import boolean_functions


@pytest.mark.parametrize(("n_bits", "dedekind"), [(1, 3), (2, 6), (3, 20), (4, 168)])
def test_all_functions_once_and_as_many_monotone_ones_as_dedekind_counted(n_bits, dedekind):
    found = boolean_functions(n_bits)
    assert len(np.unique(found.outputs, axis=0)) == len(found.outputs) == 2 ** (2**n_bits)
    assert found.inputs.tolist() == [list(map(float, row)) for row in product((0, 1), repeat=n_bits)]
    assert found.is_monotone.sum() == dedekind


def test_monotone_by_brute_force_over_all_comparable_pairs():
    x, y, is_monotone = boolean_functions(3)
    for outputs, said in zip(y, is_monotone, strict=True):
        pairs = [(i, j) for i in range(8) for j in range(8) if (x[i] <= x[j]).all()]
        assert said == all(outputs[i] <= outputs[j] for i, j in pairs)


def test_refuses_too_many_bits():
    with pytest.raises(InputError, match="n_bits"):
        boolean_functions(5)
