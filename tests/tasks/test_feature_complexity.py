import numpy as np
import pytest

from multiunit.core import InputError
from multiunit.tasks.feature_complexity import FeatureComplexity

RULES = ("linear", "majority", "xor", "parity_3", "parity_4")


def test_features_follow_their_rules():
    x, features = FeatureComplexity(RULES, 20).sample(300, random_state=1)
    assert x.dtype == features.dtype == np.float32
    assert set(np.unique(x)) == {-1.0, 1.0}
    for row, found in zip(x, features, strict=True):
        assert found[0] == (row[0] > 0)
        assert found[1] == (row[1:4].sum() > 0)
        assert found[2] == (row[4] * row[5] < 0)
        assert found[3] == (np.prod(row[6:9]) > 0)  # three, one minus less than an odd number of plus
        assert found[4] == (np.prod(row[9:13]) < 0)


def test_features_are_balanced_and_tell_nothing_of_each_other():
    x, features = FeatureComplexity(RULES).sample(20000, random_state=0)
    assert x.shape == (20000, 32)
    np.testing.assert_allclose(features.mean(axis=0), 0.5, atol=0.02)
    np.testing.assert_allclose(np.corrcoef(features.T), np.eye(5), atol=0.03)
    # A parity shows in no single bit.
    assert np.abs(np.corrcoef(x.T, features[:, 2:].T)[:32, 32:]).max() < 0.04


def test_refuses_what_does_not_fit():
    with pytest.raises(InputError, match="rules"):
        FeatureComplexity(("linear", "square")).sample(3)
    with pytest.raises(InputError, match="n_bits"):
        FeatureComplexity(("parity_4",), 3).sample(3)
