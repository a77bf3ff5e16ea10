import itertools

import numpy as np
import pytest
from scipy.stats import kendalltau, pearsonr, spearmanr

from multiunit.core import InputError
from multiunit.similarity.compare_rdms import compare_rdms, n_conditions, normalised, similarities
from multiunit.similarity.linear_cka import linear_cka
from multiunit.similarity.rdm import rdm

ALL = ("pearson", "spearman", "rho_a", "tau_a", "tau_b", "cosine", "whitened_cosine", "whitened_correlation")


@pytest.fixture
def pair():
    """Distances among seven presentations, with ties."""
    rng = np.random.default_rng(0)
    a = rng.gamma(2, size=21)
    return a, np.round(a + rng.gamma(2, size=21))


@pytest.mark.parametrize(("by", "scipys"), [("pearson", pearsonr), ("spearman", spearmanr), ("tau_b", kendalltau)])
def test_correlations_are_those_of_scipy(pair, by, scipys):
    assert abs(compare_rdms(*pair, by=by) - scipys(*pair)[0]) < 1e-12


def test_tau_a_counts_all_pairs(pair):
    a, b = pair
    signs = [np.sign(a[i] - a[j]) * np.sign(b[i] - b[j]) for i, j in itertools.combinations(range(21), 2)]
    assert abs(compare_rdms(a, b, by="tau_a") - np.mean(signs)) < 1e-12
    assert compare_rdms(np.ones(21), b, by="tau_a") == compare_rdms(np.ones(21), b, by="rho_a") == 0


def test_rho_a_is_the_mean_over_all_ways_to_break_ties():
    a, b = np.array([1.0, 2.0, 2.0, 2.0, 5.0, 0.0]), np.array([3.0, 3.0, 1.0, 0.0, 7.0, 5.0])

    def breaks(values):
        for order in itertools.permutations(range(len(values))):
            ranks = np.argsort(np.lexsort((order, values)))
            yield tuple(ranks)

    ways = [sorted(set(breaks(values))) for values in (a, b)]
    assert [len(w) for w in ways] == [6, 2]
    expected = np.mean([pearsonr(r, s)[0] for r in ways[0] for s in ways[1]])
    assert abs(compare_rdms(a, b, by="rho_a") - expected) < 1e-12


def pair_covariance(n):
    """Of squared distances among presentations with equal, independent noise: (C C')^2, C the contrasts of pairs."""
    contrasts = np.zeros((n * (n - 1) // 2, n))
    for row, (i, j) in enumerate(itertools.combinations(range(n), 2)):
        contrasts[row, i], contrasts[row, j] = 1, -1
    return (contrasts @ contrasts.T) ** 2


@pytest.mark.parametrize("by", ["whitened_cosine", "whitened_correlation"])
def test_whitened_forms_are_those_of_the_covariance_of_distances(pair, by):
    a, b = (v - v.mean() for v in pair) if by == "whitened_correlation" else pair
    whiten = np.linalg.inv(pair_covariance(7))
    expected = (a @ whiten @ b) / np.sqrt((a @ whiten @ a) * (b @ whiten @ b))
    assert abs(compare_rdms(*pair, by=by) - expected) < 1e-12


def test_whitened_cosine_of_squared_distances_is_linear_cka():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 4)), rng.normal(size=(20, 6))
    squared = [rdm(side, distance="squared_euclidean") for side in (x, y)]
    assert abs(compare_rdms(*squared, by="whitened_cosine") - linear_cka(x, y, debiased=False)) < 1e-12


def test_noise_of_distances_has_that_covariance():
    """Noise distances of isotropic patterns vary together as V says."""
    rng = np.random.default_rng(0)
    draws = np.array([rdm(x, distance="squared_euclidean") for x in rng.normal(size=(20_000, 4, 3))])
    np.testing.assert_allclose(np.cov(draws.T) / 6, pair_covariance(4), atol=0.25)


@pytest.mark.parametrize("by", ALL)
def test_itself_is_one_order_does_not_matter_and_sets_are_pair_by_pair(pair, by):
    a, b = pair
    itself = compare_rdms(a, a, by=by)
    assert abs(itself - 1) < 1e-12
    assert abs(compare_rdms(a, b, by=by) - compare_rdms(b, a, by=by)) < 1e-12
    assert abs(compare_rdms(7 * a, b, by=by) - compare_rdms(a, b, by=by)) < 1e-12
    table = similarities([a, b, a**2], [b, a], by=by)
    assert table.shape == (3, 2)
    assert abs(table[2, 0] - compare_rdms(a**2, b, by=by)) < 1e-12


@pytest.mark.parametrize("by", ["pearson", "cosine", "whitened_cosine", "whitened_correlation"])
def test_no_rdm_is_more_alike_on_average_than_the_normalised_mean(by):
    rng = np.random.default_rng(0)
    rdms = rng.gamma(2, size=(4, 21)) * rng.uniform(1, 50, (4, 1)) + rng.uniform(0, 9, (4, 1))
    mean = normalised(rdms, by=by).mean(axis=0)
    best = similarities(mean, rdms, by=by).mean()
    others = [similarities(mean + 0.02 * rng.normal(size=21) * mean.std(), rdms, by=by).mean() for _ in range(200)]
    others.append(similarities(rdms.mean(axis=0), rdms, by=by).mean())
    assert max(others) < best


def test_errors_name_the_argument(pair):
    a, b = pair
    for wrong, named in [
        (lambda: compare_rdms(a, b, by="kendall"), "by="),
        (lambda: compare_rdms(a, b[:5]), "b="),
        (lambda: compare_rdms(a, np.full(21, np.nan)), "b="),
        (lambda: compare_rdms(np.ones(21), b), "a='constant'"),
        (lambda: compare_rdms(a, np.ones(21), by="tau_b"), "b='constant'"),
        (lambda: compare_rdms(a[:2], b[:2]), "a="),
        (lambda: compare_rdms(a[:20], b[:20], by="whitened_cosine"), "number of pairs"),
        (lambda: compare_rdms(np.stack([a, a]), b), "one RDM each"),
        (lambda: n_conditions(7), "number of pairs"),
    ]:
        with pytest.raises(InputError, match=named):
            wrong()
