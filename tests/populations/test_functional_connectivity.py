import numpy as np
import pytest

from multiunit.core import Recording
from multiunit.core.errors import InputError
from multiunit.populations import correlations, functional_connectivity


def test_correlations_against_numpy():
    x = np.random.default_rng(0).normal(size=(30, 5))
    assert np.allclose(correlations(x), np.corrcoef(x.T))


def test_only_pairs_seen_together_and_each_animal_by_itself():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(40, 3))
    x[:20, 2] = np.nan
    r = Recording.from_activity(x, presentations={"subject": ["a"] * 20 + ["b"] * 20}, observed=np.isfinite(x))
    found = functional_connectivity(r)
    first, second = found["correlation"].values
    assert np.isnan(first[2]).all()
    assert np.allclose(first[:2, :2], np.corrcoef(x[:20, :2].T))
    assert np.allclose(second, np.corrcoef(x[20:].T))
    assert np.allclose(found["mean_correlation"].values[0, 1], (first[0, 1] + second[0, 1]) / 2)
    assert found["n_animals"].values.tolist() == [[2, 2, 1], [2, 2, 1], [1, 1, 1]]


def test_bad_input_is_named():
    with pytest.raises(InputError, match="no presentation"):
        functional_connectivity(Recording.from_activity(np.empty((0, 2)), presentations={"subject": []}))
    with pytest.raises(InputError, match="over='worm'"):
        functional_connectivity(Recording.from_activity(np.eye(3)), over="worm")
    with pytest.raises(InputError, match="at least two presentations"):
        functional_connectivity(Recording.from_activity(np.eye(2), presentations={"subject": ["a", "b"]}))
