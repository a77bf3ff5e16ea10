import numpy as np
import pytest
from scipy.linalg import block_diag, eigh

from multiunit.core import InputError
from multiunit.similarity.canonical_correlation import canonical_correlation
from multiunit.similarity.kernel_multiview_cca import kernel_multiview_cca


@pytest.fixture
def views():
    """Two shared dimensions below private ones of three times their size, in other mixtures for each of three."""
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(80, 2))
    mixtures = [np.hstack([shared, 3 * rng.normal(size=(80, 3))]) @ rng.normal(size=(5, 6)) for _ in range(3)]
    return shared, [view + 0.05 * rng.normal(size=view.shape) for view in mixtures]


def test_it_solves_the_generalised_problem(views):
    _, views = views
    found = kernel_multiview_cca(views, n_components=2, regularisation=0.3)
    kernels = [(view - view.mean(axis=0)) @ (view - view.mean(axis=0)).T for view in views]
    left = np.block([[k @ other * (s != t) for t, other in enumerate(kernels)] for s, k in enumerate(kernels)])
    ridged = [k + 0.3 * np.trace(k) / 80 * np.eye(80) for k in kernels]
    values, vectors = eigh(left, block_diag(*[r @ r for r in ridged]))
    np.testing.assert_allclose(found.agreement, values[::-1][:2] / 2, atol=1e-8)
    for component in range(2):
        a = vectors[:, -1 - component].reshape(3, 80)
        scores = np.mean([k @ one for k, one in zip(kernels, a, strict=True)], axis=0)
        assert abs(abs(np.corrcoef(scores, found.scores[:, component])[0, 1]) - 1) < 1e-7


def test_shared_dimensions_are_found_below_larger_private_ones(views):
    shared, views = views
    found = kernel_multiview_cca(views, n_components=3)
    assert canonical_correlation(found.scores[:, :2], shared).correlations.min() > 0.97
    assert found.agreement[1] > 0.9
    assert found.agreement[2] < 0.6
    np.testing.assert_allclose(found.scores.std(axis=0), 1)


def test_permuted_views_share_nothing(views):
    _, views = views
    rng = np.random.default_rng(1)
    mixed = kernel_multiview_cca([rng.permutation(view) for view in views], n_components=1)
    assert mixed.agreement[0] < 0.6


def test_of_two_views_with_little_regularisation_it_is_canonical_correlation(views):
    _, views = views
    found = kernel_multiview_cca(views[:2], n_components=3, regularisation=1e-9)
    np.testing.assert_allclose(found.agreement, canonical_correlation(*views[:2]).correlations[:3], atol=1e-6)


def test_errors_name_the_argument(views):
    _, views = views
    for wrong, named in [
        (lambda: kernel_multiview_cca(views[:1]), "views=1"),
        (lambda: kernel_multiview_cca([views[0], views[1][:9]]), "y="),
        (lambda: kernel_multiview_cca(views, regularisation=0.0), "regularisation=0"),
        (lambda: kernel_multiview_cca(views, n_components=7), "n_components=7"),
    ]:
        with pytest.raises(InputError, match=named):
            wrong()
