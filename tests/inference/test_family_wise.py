import numpy as np
import pytest

from multiunit.core import InputError
from multiunit.inference.family_wise import family_wise


def test_it_is_holms_procedure():
    """Rejecting where the adjusted p is at most the level is the step-down rule, written out."""
    rng = np.random.default_rng(0)
    for level in (0.01, 0.05, 0.2):
        p = rng.random(12) ** 3
        rejected = np.zeros(12, dtype=bool)
        for rank, index in enumerate(np.argsort(p)):
            if p[index] > level / (12 - rank):
                break
            rejected[index] = True
        np.testing.assert_array_equal(family_wise(p) <= level, rejected)


def test_one_false_finding_in_a_family_is_as_rare_as_the_level():
    rng = np.random.default_rng(1)
    found = np.mean([family_wise(rng.random(20)).min() <= 0.05 for _ in range(2000)])
    assert 0.035 <= found <= 0.065


def test_shapes_and_missing_values_stay():
    found = family_wise([[0.5, np.nan], [0.01, 0.9]])
    assert found.shape == (2, 2)
    assert np.isnan(found[0, 1])
    assert found[1, 0] == pytest.approx(0.03)
    assert family_wise([]).shape == (0,)
    with pytest.raises(InputError, match="between 0 and 1"):
        family_wise([1.2])
