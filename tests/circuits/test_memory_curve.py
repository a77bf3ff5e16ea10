import numpy as np
import pytest

from multiunit.circuits.memory_curve import memory_curve
from multiunit.core.errors import InputError


def test_each_delay_is_a_fit_of_its_own():
    rng = np.random.default_rng(0)
    u = rng.normal(size=500)
    x = np.stack([np.convolve(u, rng.normal(size=6))[:500] for _ in range(4)], axis=1) + 0.1 * rng.normal(size=(500, 4))
    found = memory_curve(x, u, n_train=300, max_delay=8, ridge=0.5)
    for k in range(1, 9):
        seen, past = x[8:], np.array([u[t - k] for t in range(8, 500)])
        mean, level = seen[:300].mean(axis=0), past[:300].mean()
        centred = seen[:300] - mean
        w = np.linalg.solve(centred.T @ centred + 0.5 * np.eye(4), centred.T @ (past[:300] - level))
        r = np.corrcoef((seen[300:] - mean) @ w, past[300:])[0, 1]
        assert found[k - 1] == pytest.approx(r**2, rel=1e-6, abs=1e-9)


def test_states_without_a_past_have_no_memory():
    u = np.random.default_rng(0).normal(size=3000)
    assert memory_curve(np.random.default_rng(1).normal(size=(3000, 5)), u, n_train=1000, max_delay=10).max() < 0.01
    assert memory_curve(np.ones((3000, 5)), u, n_train=1000, max_delay=10).max() < 1e-20


def test_what_is_refused():
    with pytest.raises(InputError, match="one for each row"):
        memory_curve(np.zeros((10, 2)), np.zeros(9), n_train=3, max_delay=2)
    with pytest.raises(InputError, match="n_train"):
        memory_curve(np.zeros((10, 2)), np.zeros(10), n_train=8, max_delay=2)
