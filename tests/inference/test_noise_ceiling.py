import numpy as np
import pytest

from multiunit.core import InputError
from multiunit.inference.noise_ceiling import noise_ceiling


def correlation(a, b):
    return np.corrcoef(a, b)[0, 1]


def standardised(data):
    return (data - data.mean(axis=1, keepdims=True)) / data.std(axis=1, keepdims=True)


@pytest.fixture
def subjects():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=200)
    return truth, truth + rng.normal(size=(12, 200))


def test_the_true_model_lies_between_the_bounds_which_are_the_loops(subjects):
    truth, data = subjects
    found = noise_ceiling(correlation, data, normalise=standardised)
    z = standardised(data)
    upper = np.mean([correlation(z.mean(0), row) for row in data])
    lower = np.mean([correlation(np.delete(z, s, 0).mean(0), row) for s, row in enumerate(data)])
    np.testing.assert_allclose(found, (lower, upper), rtol=1e-12)
    assert found.lower < np.mean([correlation(truth, row) for row in data]) < found.upper
    alike = noise_ceiling(correlation, np.tile(truth, (3, 1)))
    np.testing.assert_allclose(alike, (1, 1), rtol=1e-12)


def test_sessions_of_a_subject_are_left_out_together(subjects):
    _, data = subjects
    own = np.random.default_rng(1).normal(size=(6, 200))
    sessions = np.repeat(own, 2, axis=0) + data
    labels = np.repeat(np.arange(6), 2)
    found = noise_ceiling(correlation, sessions, groups=labels)
    lower = np.mean([correlation(sessions[labels != labels[r]].mean(0), row) for r, row in enumerate(sessions)])
    assert abs(found.lower - lower) < 1e-12
    assert found.lower < noise_ceiling(correlation, sessions).lower - 0.01


def test_errors_name_the_argument(subjects):
    _, data = subjects
    with pytest.raises(InputError, match="two subjects"):
        noise_ceiling(correlation, data[:1])
    with pytest.raises(InputError, match="two subjects"):
        noise_ceiling(correlation, data, groups=np.zeros(12))
    with pytest.raises(InputError, match="groups"):
        noise_ceiling(correlation, data, groups=np.zeros(3))
