"""CKA of kernels and of streams, against scikit-learn, means over quadruples, and the feature-space form."""

from functools import partial
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import ortho_group
from sklearn.metrics.pairwise import linear_kernel, polynomial_kernel, rbf_kernel
from sklearn.preprocessing import KernelCenterer

from multiunit.core import InputError
from multiunit.similarity.kernel_cka import gram_hsic, kernel_cka, plain_hsic, rbf
from multiunit.similarity.linear_cka import linear_cka
from multiunit.similarity.streaming_cka import StreamingCKA


@pytest.fixture
def pair():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(60, 7)) * rng.uniform(0.2, 3, 7) + 4
    return x, np.tanh(x @ rng.normal(size=(7, 9))) + 0.3 * rng.normal(size=(60, 9))


@pytest.mark.parametrize("width", [0.3, 1.0, 4.0])
def test_the_gaussian_kernel_and_plain_cka_are_those_of_scikit_learn(pair, width):
    kernels = []
    for side in pair:
        median = np.median(np.linalg.norm(side[:, None] - side, axis=2)[np.triu_indices(60, 1)])
        kernels.append(rbf_kernel(side, gamma=1 / (2 * (width * median) ** 2)))
        np.testing.assert_allclose(rbf(side, bandwidth=width), kernels[-1], atol=1e-12)
    k, h = (KernelCenterer().fit_transform(kernel) for kernel in kernels)
    expected = np.sum(k * h) / (np.linalg.norm(k) * np.linalg.norm(h))
    assert abs(kernel_cka(*pair, kernel=partial(rbf, bandwidth=width), debiased=False) - expected) < 1e-10
    assert abs(plain_hsic(*kernels) - np.sum(k * h) / 59**2) < 1e-12


def test_the_unbiased_estimate_is_the_mean_over_all_four_different_presentations(pair):
    k, h = (rbf(side[:7]) for side in pair)
    terms = [k[a, b] * (h[a, b] + h[c, d] - 2 * h[a, c]) for a, b, c, d in permutations(range(7), 4)]
    assert abs(gram_hsic(k, h) - np.mean(terms)) < 1e-12


@pytest.mark.parametrize("debiased", [True, False])
def test_a_linear_kernel_gives_linear_cka_and_any_kernel_is_taken(pair, debiased):
    x, y = pair
    found = kernel_cka(x, y, kernel=linear_kernel, debiased=debiased)
    assert abs(found - linear_cka(x, y, debiased=debiased)) < 1e-10
    by_degree = [kernel_cka(x, y, kernel=partial(polynomial_kernel, degree=n), debiased=debiased) for n in (1, 2)]
    assert abs(by_degree[0] - found) < 1e-10
    assert abs(by_degree[1] - found) > 0.01
    # A wide Gaussian sees distances only through their squares, as the linear kernel does.
    assert abs(kernel_cka(x, y, kernel=partial(rbf, bandwidth=1e3), debiased=debiased) - found) < 1e-4


@pytest.mark.parametrize("debiased", [True, False])
def test_rotation_shift_and_scale_leave_it_and_a_linear_map_does_not(pair, debiased):
    x, y = pair
    turn = ortho_group.rvs(9, random_state=0)
    value = kernel_cka(x, y, debiased=debiased)
    assert abs(kernel_cka(x, 5e3 * y @ turn - 2, debiased=debiased) - value) < 1e-10
    assert abs(kernel_cka(y, x, debiased=debiased) - value) < 1e-12
    assert abs(kernel_cka(x, y * np.geomspace(0.01, 1, 9), debiased=debiased) - value) > 0.02
    assert abs(kernel_cka(x, x, debiased=debiased) - 1) < 1e-12


def test_chance_is_nothing_when_debiased_and_a_curve_is_seen():
    rng = np.random.default_rng(0)
    draws = [(rng.normal(size=(40, 60)), rng.normal(size=(40, 60))) for _ in range(40)]
    assert abs(np.mean([kernel_cka(x, y) for x, y in draws])) < 0.02
    assert np.mean([kernel_cka(x, y, debiased=False) for x, y in draws]) > 0.5
    x = rng.normal(size=(300, 1))
    assert kernel_cka(x, x**2, kernel=partial(rbf, bandwidth=0.3)) > 0.2 > 0.1 > abs(linear_cka(x, x**2))


def fed(statistic, x, y, batch=64):
    for start in range(0, len(x), batch):
        part = x[start : start + batch]
        statistic.update(part, pd.DataFrame(index=range(len(part))), other=y[start : start + batch])
    return statistic


def test_a_stream_gives_what_the_kernels_give():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(500, 30)) @ rng.normal(size=(30, 30)) + 5
    y = np.tanh(x[:, :20] / 3) + rng.normal(size=(500, 20)) - 2
    for batch in (17, 64, 500):
        found = fed(StreamingCKA(), x, y, batch).result()
        k, h = x @ x.T, y @ y.T
        expected = gram_hsic(k, h) / np.sqrt(gram_hsic(k, k) * gram_hsic(h, h))
        assert abs(found["linear_cka"].item() - expected) < 1e-10
        assert abs(found["linear_cka"].item() - linear_cka(x, y)) < 1e-10
        assert abs(found["biased"].item() - linear_cka(x, y, debiased=False)) < 1e-10
    parts = [fed(StreamingCKA(), x[a:b], y[a:b]) for a, b in ((300, 500), (0, 10), (10, 300))]
    for part in parts[1:]:
        parts[0].merge(part)
    assert abs(parts[0].result()["linear_cka"].item() - linear_cka(x, y)) < 1e-10
    assert abs(parts[0].result()["biased"].item() - linear_cka(x, y, debiased=False)) < 1e-10


def test_far_from_zero_a_stream_keeps_its_digits_also_when_merged():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(400, 6))
    y = x @ rng.normal(size=(6, 5)) + rng.normal(size=(400, 5))
    expected = linear_cka(x, y)
    assert abs(fed(StreamingCKA(), x + 1e4, y - 1e4).result()["linear_cka"].item() - expected) < 1e-6
    first, second = (fed(StreamingCKA(), x[s] + 1e4, y[s] - 1e4) for s in (slice(250), slice(250, None)))
    first.merge(second)
    assert abs(first.result()["linear_cka"].item() - expected) < 1e-6


def test_long_pieces_are_cut_and_tensors_are_taken():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(9000, 3)).astype(np.float32)
    y = x[:, :2] + rng.normal(size=(9000, 2)).astype(np.float32)
    whole = fed(StreamingCKA(), torch.as_tensor(x), torch.as_tensor(y), batch=9000).result()["linear_cka"].item()
    assert abs(whole - linear_cka(x, y)) < 1e-10


def test_bad_input_is_named(pair):
    x, y = pair
    with pytest.raises(InputError, match="kernel"):
        kernel_cka(x, y, kernel=lambda side: side)
    with pytest.raises(InputError, match="bandwidth"):
        kernel_cka(x, y, kernel=partial(rbf, bandwidth=0))
    with pytest.raises(InputError, match="median distance is 0"):
        kernel_cka(np.eye(60)[:, :1], y)
    with pytest.raises(InputError, match="variance of its kernel"):
        kernel_cka(x, y, kernel=lambda side: np.ones((60, 60)))
    with pytest.raises(InputError, match="other"):
        StreamingCKA().update(x, pd.DataFrame(index=range(60)))
    with pytest.raises(InputError, match="4 presentations"):
        fed(StreamingCKA(), x[:3], y[:3]).result()
    with pytest.raises(InputError, match="variance of y"):
        fed(StreamingCKA(), x, np.full((60, 2), 0.1)).result()
    with pytest.raises(InputError, match="units"):
        fed(fed(StreamingCKA(), x, y), x[:, :3], y)
