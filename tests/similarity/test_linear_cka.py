import numpy as np
import pytest
from sklearn.metrics.pairwise import linear_kernel
from sklearn.preprocessing import KernelCenterer

from multiunit.core import InputError
from multiunit.core.recording import Recording
from multiunit.similarity.linear_cka import linear_cka, unbiased_hsic


@pytest.fixture
def pair():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(60, 7)) * rng.uniform(0.2, 3, 7) + 4
    return x, np.tanh(x @ rng.normal(size=(7, 9))) + 0.3 * rng.normal(size=(60, 9))


def gram_hsic(x, y):
    """Song et al. 2012, equation 5, with n x n kernels."""
    n = len(x)
    k, h = x @ x.T, y @ y.T
    np.fill_diagonal(k, 0)
    np.fill_diagonal(h, 0)
    one = np.ones(n)
    middle = (one @ k @ one) * (one @ h @ one) / ((n - 1) * (n - 2))
    return (np.trace(k @ h) + middle - 2 / (n - 2) * (one @ k @ h @ one)) / (n * (n - 3))


def quadruple_hsic(x, y):
    """Over all four different presentations, E[k(1,2) l(1,2) + k(1,2) l(3,4) - 2 k(1,2) l(1,3)]."""
    n = len(x)
    k, h = x @ x.T, y @ y.T
    total, count = 0.0, 0
    for a in range(n):
        for b in range(n):
            for c in range(n):
                for d in range(n):
                    if len({a, b, c, d}) == 4:
                        total += k[a, b] * (h[a, b] + h[c, d] - 2 * h[a, c])
                        count += 1
    return total / count


def test_hsic_in_feature_space_equals_the_kernels_and_the_mean_over_quadruples(pair):
    x, y = pair
    np.testing.assert_allclose(unbiased_hsic(x, y), gram_hsic(x, y), rtol=1e-8)
    np.testing.assert_allclose(unbiased_hsic(x + 3, y), unbiased_hsic(x, y), rtol=1e-8)
    np.testing.assert_allclose(unbiased_hsic(x[:8], y[:8]), quadruple_hsic(x[:8], y[:8]), rtol=1e-8)


def test_debiased_cka_equals_the_ratio_of_kernel_estimates(pair):
    x, y = pair
    expected = gram_hsic(x, y) / np.sqrt(gram_hsic(x, x) * gram_hsic(y, y))
    assert abs(linear_cka(x, y) - expected) < 1e-8


def test_plain_cka_equals_that_of_centred_kernels_of_scikit_learn(pair):
    k, h = (KernelCenterer().fit_transform(linear_kernel(side)) for side in pair)
    expected = np.sum(k * h) / (np.linalg.norm(k) * np.linalg.norm(h))
    assert abs(linear_cka(*pair, debiased=False) - expected) < 1e-8


@pytest.mark.parametrize("debiased", [True, False])
def test_rotation_shift_and_scale_leave_it_and_a_linear_map_does_not(pair, debiased):
    x, y = pair
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(9, 9)))[0]
    value = linear_cka(x, y, debiased=debiased)
    assert abs(linear_cka(x, 5e3 * y @ turn - 2, debiased=debiased) - value) < 1e-8
    assert abs(linear_cka(y, x, debiased=debiased) - value) < 1e-12
    assert abs(linear_cka(x, y * np.geomspace(0.01, 1, 9), debiased=debiased) - value) > 0.02
    assert abs(linear_cka(x, x @ np.diag([-1.0] * 7), debiased=debiased) - 1) < 1e-12


def test_debiasing_takes_away_what_few_presentations_add():
    rng = np.random.default_rng(0)
    draws = [(rng.normal(size=(40, 60)), rng.normal(size=(40, 60))) for _ in range(50)]
    assert abs(np.mean([linear_cka(x, y) for x, y in draws])) < 0.02
    assert np.mean([linear_cka(x, y, debiased=False) for x, y in draws]) > 0.5


def test_recordings_are_taken_and_bad_input_is_named(pair):
    x, y = pair
    assert linear_cka(Recording.from_activity(x), y) == linear_cka(x, y)
    with pytest.raises(InputError, match="same presentations"):
        linear_cka(x, y[:-1])
    with pytest.raises(InputError, match="NaN"):
        linear_cka(x, np.where(np.arange(9) == 2, np.nan, y))
    with pytest.raises(InputError, match="no unit varies"):
        linear_cka(np.full((60, 2), 0.1), y)
    with pytest.raises(InputError, match="at least 4"):
        linear_cka(x[:3], y[:3])
    with pytest.raises(InputError, match="unbiased variance"):
        linear_cka(np.eye(60), y)
