"""One-to-one, sparse and spectral matching of units."""

import itertools

import numpy as np
import pytest
from sklearn.cluster import SpectralClustering
from sklearn.metrics import adjusted_rand_score

from multiunit.core import InputError
from multiunit.similarity.one_to_one_matching import assign, one_to_one_matching, unit_correlation
from multiunit.similarity.sparse_matching import sparse_matching
from multiunit.similarity.spectral_matching import spectral_clusters, spectral_matching


def test_the_assignment_is_the_best_of_all_pairings():
    rng = np.random.default_rng(0)
    for shape in ((5, 5), (3, 5), (5, 3)):
        c = rng.normal(size=shape)
        found = assign(c)
        small, wide = sorted(shape)
        table = c if shape[0] <= shape[1] else c.T
        best = max(table[range(small), list(p)].sum() for p in itertools.permutations(range(wide), small))
        assert abs(found.correlation.sum() - best) < 1e-12
        used = found.partner[found.partner >= 0]
        assert len(set(used)) == len(used) == small
        np.testing.assert_array_equal(found.correlation[found.partner < 0], 0)
        np.testing.assert_array_equal(found.best, c.max(axis=1))
        np.testing.assert_array_equal(c[range(shape[0]), found.best_partner], found.best)


def test_a_hidden_permutation_is_found_and_an_opposite_unit_is_no_partner():
    rng = np.random.default_rng(1)
    x = rng.gamma(1.0, size=(300, 8))
    order = rng.permutation(8)
    y = 3 * x[:, order] + 0.1 * rng.normal(size=(300, 8))
    found = one_to_one_matching(x, y)
    np.testing.assert_array_equal(order[found["partner"].values], range(8))
    assert found["correlation"].min() > 0.98
    assert one_to_one_matching(x, -y)["correlation"].max() < 0.3


def test_redundant_units_compete_for_one_partner():
    rng = np.random.default_rng(2)
    latent = rng.normal(size=(400, 2))
    x = latent[:, [0, 0, 1]] + 0.1 * rng.normal(size=(400, 3))
    found = one_to_one_matching(x, np.c_[latent, rng.normal(size=400)])
    gap = (found["best"] - found["correlation"]).values
    assert found["best_partner"].values.tolist() == [0, 0, 1]
    assert gap[:2].max() > 0.8
    assert gap[2] == 0


def test_correlations_are_those_of_numpy_and_0_for_a_constant_unit():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(30, 3)), rng.normal(size=(30, 4))
    np.testing.assert_allclose(unit_correlation(x, y), np.corrcoef(x.T, y.T)[:3, 3:], atol=1e-12)
    assert not unit_correlation(np.c_[x, np.full(30, 0.1)], y)[3].any()


@pytest.mark.parametrize("table", [np.zeros(3), np.zeros((0, 2)), [[np.nan, 1.0]]])
def test_no_table_of_numbers_is_refused(table):
    with pytest.raises(InputError, match="correlation"):
        assign(table)


def test_lasso_meets_its_optimality_conditions_and_the_soft_threshold():
    rng = np.random.default_rng(4)
    y = rng.normal(size=(400, 5))
    x = y @ rng.normal(size=(5, 3)) + rng.normal(size=(400, 3))
    found = sparse_matching(x, y, penalties=[0.05, 2.0])
    half_x, half_y = ((side[:200] - side[:200].mean(0)) / side[:200].std(0) for side in (x, y))
    weight = found["weight"].sel(penalty=0.05).values
    gradient = half_y.T @ (half_x - half_y @ weight.T) / 200
    active = weight.T != 0
    np.testing.assert_allclose(gradient[active], 0.05 * np.sign(weight.T[active]), atol=1e-3)
    assert np.abs(gradient).max() <= 0.05 + 1e-3
    assert not found["weight"].sel(penalty=2.0).any()
    # One predictor: the soft threshold of the correlation.
    alone = sparse_matching(x[:, :1], y[:, :1], penalties=[0.1])["weight"].item()
    r = np.corrcoef(x[:200, 0], y[:200, 0])[0, 1]
    assert abs(alone - np.sign(r) * max(abs(r) - 0.1, 0)) < 1e-6


def test_r2_is_of_the_presentations_that_were_not_fitted():
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(60, 4)), rng.normal(size=(60, 25))
    noise = sparse_matching(x, y, penalties=[1e-3])
    assert noise["r2"].max() < 0.2  # in the fitted half, 25 of 30 presentations' freedom would give about 0.8
    assert noise["r2"].mean() < 0
    same = sparse_matching(x, np.c_[y, x], penalties=[0.01])
    assert same["r2"].min() > 0.8


def test_a_larger_penalty_leaves_fewer_predictors_and_the_planted_ones():
    rng = np.random.default_rng(6)
    y = rng.normal(size=(3000, 12))
    x = np.c_[y[:, 2] - y[:, 7], y[:, 5], np.full(3000, 0.1)] + 0.01 * rng.normal(size=(3000, 3)) * [1, 1, 0]
    found = sparse_matching(x, y)
    assert (np.diff(found["n_predictors"], axis=0) <= 0).all()
    last = found["weight"].sel(penalty=0.1).values
    assert [np.flatnonzero(row).tolist() for row in last] == [[2, 7], [5], []]
    assert last[0, 2] > 0 > last[0, 7]
    assert found["r2"].values[:, 2].tolist() == [0.0] * 5


def test_bad_penalties_and_shares_are_refused():
    x = np.random.default_rng(0).normal(size=(10, 2))
    with pytest.raises(InputError, match="penalties"):
        sparse_matching(x, x, penalties=[0.0])
    with pytest.raises(InputError, match="train_share"):
        sparse_matching(x, x, train_share=0.95)


def _blocks(rng, sizes, noise):
    latent = rng.normal(size=(800, len(sizes)))
    which = np.repeat(np.arange(len(sizes)), sizes)
    return latent, which, latent[:, which] + noise * rng.normal(size=(800, len(which)))


def test_clusters_are_those_of_scikit_learn_on_a_planted_graph():
    rng = np.random.default_rng(7)
    _, which, activity = _blocks(rng, (6, 4, 9), 0.7)
    affinity = np.abs(np.corrcoef(activity.T))
    found = spectral_clusters(affinity, n_clusters=3)
    theirs = SpectralClustering(3, affinity="precomputed", random_state=0).fit_predict(affinity)
    assert adjusted_rand_score(found, theirs) == 1
    np.testing.assert_array_equal(found, which)


def test_groups_span_both_systems_and_their_agreement_is_of_the_shared_space():
    rng = np.random.default_rng(8)
    latent, which, x = _blocks(rng, (5, 5, 5), 0.5)
    y = np.c_[latent[:, [2, 2, 0, 0]], -latent[:, [2]]] + 0.5 * rng.normal(size=(800, 5))  # sign is no matter
    found = spectral_matching(x, y, n_clusters=3)
    np.testing.assert_array_equal(found["cluster_of"], which)
    assert found["cluster_of_other"].values.tolist() == [2, 2, 0, 0, 2]
    assert found["n_units"].values.tolist() == [5, 5, 5]
    assert found["n_other_units"].values.tolist() == [2, 0, 3]
    assert found["agreement"][1] == 0
    assert spectral_matching(x, rng.permutation(y), n_clusters=3)["agreement"].max() < 0.3
    assert found["agreement"][0] > 0.4


def test_a_unit_that_touches_no_other_has_no_cluster():
    rng = np.random.default_rng(9)
    _, _, x = _blocks(rng, (3, 3), 0.3)
    found = spectral_matching(np.c_[np.ones(800), x], x, n_clusters=2)
    assert found["cluster_of"].values.tolist() == [-1, 0, 0, 0, 1, 1, 1]
    assert int(found["n_units"].sum()) == 6


def test_what_is_no_graph_is_refused():
    for bad in (np.ones((2, 3)), -np.ones((3, 3)), [[0.0, 1.0], [0.0, 0.0]]):
        with pytest.raises(InputError, match="affinity"):
            spectral_clusters(bad, n_clusters=2)
    with pytest.raises(InputError, match="n_clusters"):
        spectral_clusters(np.eye(5), n_clusters=2)
