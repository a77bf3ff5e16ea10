import numpy as np
import pytest
from scipy.stats import rankdata, spearmanr

from multiunit.core import InputError
from multiunit.similarity.partial_rsa import partial_rsa


@pytest.fixture
def rdms():
    rng = np.random.default_rng(0)
    z = rng.gamma(2, size=(3, 120))
    return z[0] + z[1] + rng.gamma(2, size=120), z[0] - z[2] + rng.gamma(2, size=120), z


def from_precision(*rows):
    """Partial correlation of the first two given the others, from the inverse of the correlation matrix."""
    p = np.linalg.inv(np.corrcoef(np.stack(rows)))
    return -p[0, 1] / np.sqrt(p[0, 0] * p[1, 1])


def test_it_is_the_partial_correlation(rdms):
    a, b, z = rdms
    assert abs(partial_rsa(a, b, nuisance=z) - from_precision(a, b, *z)) < 1e-12
    ranked = from_precision(*rankdata(np.stack([a, b, *z]), axis=1))
    assert abs(partial_rsa(a, b, nuisance=dict(enumerate(z)), by="spearman") - ranked) < 1e-12
    assert abs(partial_rsa(b, a, nuisance=z) - partial_rsa(a, b, nuisance=z)) < 1e-12


def test_a_constant_or_doubled_nuisance_changes_nothing(rdms):
    a, b, z = rdms
    assert abs(partial_rsa(a, b, nuisance=np.ones(120)) - np.corrcoef(a, b)[0, 1]) < 1e-12
    assert abs(partial_rsa(a, b, nuisance=np.ones(120), by="spearman") - spearmanr(a, b)[0]) < 1e-12
    assert abs(partial_rsa(a, b, nuisance=[z[0], 1e6 * z[0] + 3]) - from_precision(a, b, z[0])) < 1e-10


def test_what_only_the_nuisance_brings_goes_and_the_rest_stays(rdms):
    _, _, z = rdms
    rng = np.random.default_rng(1)
    pure = [partial_rsa(s + e, s + f, nuisance=s) for s, e, f in rng.normal(size=(200, 3, 120))]
    assert abs(np.mean(pure)) < 0.02
    assert abs(partial_rsa(z[0] + z[1], z[0] - 5 * z[1], nuisance=z[1]) - 1) < 1e-12


def test_errors_name_the_argument(rdms):
    a, b, z = rdms
    for wrong, named in [
        (lambda: partial_rsa(a, b, nuisance=z, by="tau_a"), "by="),
        (lambda: partial_rsa(a, b[:9], nuisance=z), "b="),
        (lambda: partial_rsa(a, b, nuisance=z[:, :9]), "nuisance="),
        (lambda: partial_rsa(a, b, nuisance=z * np.nan), "nuisance='NaN"),
        (lambda: partial_rsa(a * np.nan, b, nuisance=z), "a='NaN"),
        (lambda: partial_rsa(a, 2 * z[1] + 1, nuisance=z), r"b=.*explain all of it"),
    ]:
        with pytest.raises(InputError, match=named):
            wrong()
