"""Canonical correlations, SVCCA and PWCCA."""

import numpy as np
import pytest
from scipy.linalg import eigh
from sklearn.cross_decomposition import CCA
from sklearn.decomposition import PCA

from multiunit.core import InputError
from multiunit.similarity.canonical_correlation import canonical_correlation
from multiunit.similarity.pwcca import pwcca
from multiunit.similarity.svcca import svcca


@pytest.fixture
def pair():
    rng = np.random.default_rng(5)
    x = rng.normal(size=(300, 5)) @ rng.normal(size=(5, 5)) + 2
    y = np.c_[x[:, :3] @ rng.normal(size=(3, 3)), rng.normal(size=(300, 4))] + rng.normal(size=(300, 7))
    return x, y


def by_covariances(x, y):
    """Hotelling's eigenproblem C_xy C_yy^-1 C_yx a = rho^2 C_xx a; vectors scaled to unit variance of the variates."""
    n, p = x.shape
    c = np.cov(x, y, rowvar=False)
    c_xx, c_xy, c_yy = c[:p, :p], c[:p, p:], c[p:, p:]
    square, a = eigh(c_xy @ np.linalg.solve(c_yy, c_xy.T), c_xx)
    return np.sqrt(square[::-1]), (x - x.mean(axis=0)) @ a[:, ::-1] / np.sqrt(n - 1)


def test_correlations_and_variates_solve_the_eigenproblem(pair):
    found = canonical_correlation(*pair)
    correlations, variates = by_covariances(*pair)
    np.testing.assert_allclose(found.correlations, correlations, atol=1e-8)
    np.testing.assert_allclose(np.abs(found.x_variates.T @ variates), np.eye(5), atol=1e-8)
    np.testing.assert_allclose(found.x_variates.T @ found.y_variates, np.diag(correlations), atol=1e-8)


def test_correlations_equal_those_of_scikit_learn(pair):
    x, y = pair
    u, v = CCA(n_components=5, max_iter=100_000, tol=1e-14).fit(x, y).transform(x, y)
    theirs = [np.corrcoef(u[:, i], v[:, i])[0, 1] for i in range(5)]
    np.testing.assert_allclose(canonical_correlation(x, y).correlations, theirs, atol=1e-8)


def test_one_unit_against_many_is_multiple_correlation(pair):
    x, y = pair
    fit = np.c_[np.ones(300), y] @ np.linalg.lstsq(np.c_[np.ones(300), y], x[:, 0], rcond=None)[0]
    assert abs(svcca(x[:, :1], y, keep=1) - np.corrcoef(fit, x[:, 0])[0, 1]) < 1e-8


@pytest.mark.parametrize("keep", [0.6, 0.9, 0.99])
def test_svcca_is_cca_of_the_principal_components_of_scikit_learn(pair, keep):
    scores = [PCA(n_components=keep, svd_solver="full").fit_transform(side) for side in pair]
    wide, narrow = sorted(scores, key=lambda s: -s.shape[1])
    assert abs(svcca(*pair, keep=keep) - by_covariances(narrow, wide)[0].mean()) < 1e-8


def test_pwcca_weights_by_projection_of_the_units(pair):
    x, y = pair
    correlations, variates = by_covariances(x, y)
    alpha = np.abs(variates.T @ (x - x.mean(axis=0))).sum(axis=1)
    assert abs(pwcca(x, y) - alpha @ correlations / alpha.sum()) < 1e-8
    assert abs(pwcca(x, y) - pwcca(y, x)) > 1e-3
    assert abs(pwcca(x, y) - svcca(x, y, keep=1)) > 1e-3


def test_linear_maps_leave_cca_and_truncation_ends_that(pair):
    x, y = pair
    rng = np.random.default_rng(0)
    bent = y @ rng.normal(size=(7, 7)) - 3
    assert abs(svcca(x, bent, keep=1) - svcca(x, y, keep=1)) < 1e-8
    assert abs(pwcca(x, bent) - pwcca(x, y)) < 1e-8
    turn = np.linalg.qr(rng.normal(size=(7, 7)))[0]
    assert abs(svcca(x, 3 * y @ turn, keep=0.9) - svcca(x, y, keep=0.9)) < 1e-8
    assert abs(svcca(x, y * np.geomspace(1, 30, 7), keep=0.9) - svcca(x, y, keep=0.9)) > 0.02


def test_planted_shares_come_out():
    rng = np.random.default_rng(1)
    centred = np.linalg.qr(np.c_[np.ones(400), rng.normal(size=(400, 9))])[0][:, 1:]
    x, y = centred[:, :6], np.c_[centred[:, :3], centred[:, 6:]]
    assert abs(svcca(x, y, keep=1) - 0.5) < 1e-8
    # One direction of two is shared; ten times as strong, it weighs ten times as much.
    assert abs(pwcca(x[:, 2:4] * [10, 1], y) - 10 / 11) < 1e-8


def test_doubled_and_constant_units_add_no_direction(pair):
    x, y = pair
    more = np.c_[x, x[:, 0] + x[:, 1], np.full(300, 0.1)]
    assert len(canonical_correlation(more, y).correlations) == 5
    assert abs(svcca(more, y, keep=1) - svcca(x, y, keep=1)) < 1e-8


@pytest.mark.parametrize("keep", [0, 1.1, -0.5])
def test_a_share_of_the_variance_is_a_share(pair, keep):
    with pytest.raises(InputError, match="keep"):
        svcca(*pair, keep=keep)
