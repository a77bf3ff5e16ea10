import numpy as np
import pytest

from multiunit.core import InputError
from multiunit.populations.kernel_quality import kernel_quality


def test_counts_planted_dimensions():
    rng = np.random.default_rng(0)
    states = rng.normal(size=(40, 7)) @ rng.normal(size=(7, 30))
    noisy = rng.normal(size=(40, 2)) @ rng.normal(size=(2, 30))
    found = kernel_quality(states, noisy)
    assert found == (7, 2)
    assert found.difference == 5
    assert kernel_quality(rng.normal(size=(40, 30)), np.zeros((40, 30))) == (30, 0)


def test_refuses_what_does_not_fit():
    with pytest.raises(InputError, match="noisy_states"):
        kernel_quality(np.eye(3), np.eye(4))
    with pytest.raises(InputError, match="finite"):
        kernel_quality(np.eye(3), np.full((3, 3), np.nan))
