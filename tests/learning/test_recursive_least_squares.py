import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.learning.recursive_least_squares import RecursiveLeastSquares


@pytest.mark.parametrize("forgetting", [1.0, 0.95])
def test_after_every_example_it_is_the_weighted_ridge_solution(forgetting):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 6)), rng.normal(size=(40, 2))
    learner = RecursiveLeastSquares(6, 2, alpha=0.7, forgetting=forgetting)
    for n in range(1, 41):
        before = learner.weights.copy()
        error = learner.update(x[n - 1], y[n - 1])
        np.testing.assert_allclose(error, y[n - 1] - x[n - 1] @ before)
        weight = forgetting ** np.arange(n)[::-1]
        second = (x[:n].T * weight) @ x[:n] + 0.7 * forgetting**n * np.eye(6)
        np.testing.assert_allclose(learner.weights, np.linalg.solve(second, (x[:n].T * weight) @ y[:n]), atol=1e-9)
        np.testing.assert_allclose(learner.covariance, np.linalg.inv(second), atol=1e-9)
    np.testing.assert_allclose(learner.predict(x), x @ learner.weights)


def test_what_changed_is_learned_sooner_after_a_reset_or_while_forgetting():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 3))
    y = np.where(np.arange(600) < 500, x.sum(axis=1), -x.sum(axis=1))
    learners = {"plain": RecursiveLeastSquares(3), "reset": RecursiveLeastSquares(3)}
    learners["forgetting"] = RecursiveLeastSquares(3, forgetting=0.9)
    for t in range(600):
        if t == 500:
            learners["reset"].forget_certainty()
        for learner in learners.values():
            learner.update(x[t], y[t])
    off = {name: np.abs(learner.weights + 1).max() for name, learner in learners.items()}
    assert off["plain"] > 1
    assert off["reset"] < 0.1
    assert off["forgetting"] < 0.01


def test_what_is_refused():
    with pytest.raises(InputError, match="alpha"):
        RecursiveLeastSquares(2, alpha=0.0)
    with pytest.raises(InputError, match="forgetting"):
        RecursiveLeastSquares(2, forgetting=1.1)
    with pytest.raises(InputError, match="n_inputs"):
        RecursiveLeastSquares(0)
    with pytest.raises(InputError, match="sizes"):
        RecursiveLeastSquares(2).update([1.0], 1.0)
    with pytest.raises(InputError, match="not finite"):
        RecursiveLeastSquares(1).update([1.0], np.nan)
