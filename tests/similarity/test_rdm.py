import sys
import tracemalloc

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from scipy.stats import pearsonr
from sklearn.metrics.pairwise import nan_euclidean_distances

from multiunit.core import InputError
from multiunit.core.recording import Recording
from multiunit.similarity.rdm import rdm

UPPER = np.triu_indices(30, 1)


@pytest.fixture
def x():
    rng = np.random.default_rng(0)
    return rng.normal(size=(30, 9)) * rng.uniform(0.1, 5, 9) + 20


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(sys.modules["multiunit.similarity.rdm"], "_BLOCK", 70)


@pytest.mark.parametrize(
    ("name", "scipys"),
    [
        ("euclidean", "euclidean"),
        ("squared_euclidean", "sqeuclidean"),
        ("correlation", "correlation"),
        ("cosine", "cosine"),
    ],
)
def test_distances_are_those_of_scipy_whatever_the_blocks(x, name, scipys, request):
    np.testing.assert_allclose(rdm(x, distance=name), pdist(x, scipys), rtol=1e-10, atol=1e-12)
    request.getfixturevalue("small_blocks")
    np.testing.assert_allclose(rdm(x, distance=name), pdist(x, scipys), rtol=1e-10, atol=1e-12)


def test_mahalanobis_is_that_of_scipy(x):
    precision = np.linalg.inv(np.cov(x, rowvar=False))
    np.testing.assert_allclose(rdm(x, distance="mahalanobis", precision=precision), pdist(x, "mahalanobis"), rtol=1e-10)


def test_poisson_divergence_is_that_of_its_terms_and_of_the_distributions():
    rng = np.random.default_rng(1)
    counts = rng.poisson(3, size=(6, 4)).astype(float)
    rates = (counts + 0.2 * 2.0) / 1.2
    expected = [
        sum(
            (rates[i, k] * np.log(rates[i, k] / rates[j, k]) - rates[i, k] + rates[j, k])  # KL(i || j) of two Poissons
            + (rates[j, k] * np.log(rates[j, k] / rates[i, k]) - rates[j, k] + rates[i, k])
            for k in range(4)
        )
        for i in range(6)
        for j in range(i + 1, 6)
    ]
    found = rdm(counts, distance="poisson_kl", prior_rate=2.0, prior_weight=0.2)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", ["euclidean", "squared_euclidean", "correlation", "cosine"])
def test_near_doubles_far_from_the_origin_keep_their_distance(name):
    rng = np.random.default_rng(0)
    x = 1e4 + rng.normal(size=(6, 40))
    x[1] = x[0]
    x[3] = x[2] + 1e-3 * rng.normal(size=40)
    scipys = {"euclidean": "euclidean", "squared_euclidean": "sqeuclidean"}.get(name, name)
    # Angles lose what the mean of 1e4 takes from float64, in scipy too.
    np.testing.assert_allclose(
        rdm(x, distance=name), pdist(x, scipys), rtol=1e-10 if "euclid" in name else 1e-6, atol=1e-12
    )
    assert rdm(x, distance=name)[0] < 1e-15


def missing(x):
    rng = np.random.default_rng(2)
    return np.where(rng.random(x.shape) < 0.15, np.nan, x)


@pytest.mark.parametrize("blocks", [False, True])
def test_missing_units_leave_the_pair(x, blocks, request):
    if blocks:
        request.getfixturevalue("small_blocks")
    holes = missing(x)
    expected = nan_euclidean_distances(holes)[UPPER]
    np.testing.assert_allclose(rdm(holes), expected, rtol=1e-8)
    pairs = list(zip(*UPPER, strict=True))
    both = [np.isfinite(holes[i]) & np.isfinite(holes[j]) for i, j in pairs]
    sums = [((holes[i] - holes[j])[m] ** 2).sum() * 9 / m.sum() for (i, j), m in zip(pairs, both, strict=True)]
    np.testing.assert_allclose(rdm(holes, distance="squared_euclidean"), sums, rtol=1e-10)
    angles = [1 - pearsonr(holes[i][m], holes[j][m])[0] for (i, j), m in zip(pairs, both, strict=True)]
    np.testing.assert_allclose(rdm(holes, distance="correlation"), angles, rtol=1e-10, atol=1e-12)
    cosines = [pdist(holes[[i, j]][:, m], "cosine")[0] for (i, j), m in zip(pairs, both, strict=True)]
    np.testing.assert_allclose(rdm(holes, distance="cosine"), cosines, rtol=1e-8, atol=1e-12)
    rates = (holes + 0.1) / 1.1
    kl = [
        ((rates[i] - rates[j]) * (np.log(rates[i]) - np.log(rates[j])))[m].sum() * 9 / m.sum()
        for (i, j), m in zip(pairs, both, strict=True)
    ]
    np.testing.assert_allclose(rdm(holes, distance="poisson_kl"), kl, rtol=1e-10)


def test_what_was_not_observed_is_as_nan_and_a_recording_brings_it(x):
    holes = missing(x)
    seen = np.isfinite(holes)
    filled = np.where(seen, holes, 77.0)
    expected = rdm(holes)
    np.testing.assert_array_equal(rdm(filled, observed=seen), expected)
    np.testing.assert_array_equal(rdm(Recording.from_activity(filled, observed=seen)), expected)
    np.testing.assert_array_equal(rdm(x, observed=np.ones(x.shape, bool)), rdm(x))


def test_a_plain_precision_scales_the_euclidean_distance_and_the_toolbox_divides_by_units(x):
    np.testing.assert_allclose(rdm(x, distance="mahalanobis", precision=4 * np.eye(9)), 2 * rdm(x), rtol=1e-12)
    gram = x @ x.T
    toolbox = (np.diag(gram)[:, None] + np.diag(gram) - 2 * gram)[UPPER] / 9
    np.testing.assert_allclose(rdm(x, distance="squared_euclidean") / 9, toolbox, rtol=1e-8)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"distance": "manhattan"}, "distance"),
        ({"distance": "mahalanobis"}, "precision"),
        ({"precision": np.eye(9)}, "precision"),
        ({"distance": "mahalanobis", "precision": np.eye(3)}, "precision"),
        ({"distance": "mahalanobis", "precision": -np.eye(9)}, "precision"),
        ({"observed": np.ones((2, 2), bool)}, "observed"),
        ({"distance": "poisson_kl", "prior_weight": 0.0}, "prior_rate"),
    ],
)
def test_errors_name_the_argument(x, change, named):
    with pytest.raises(InputError, match=named):
        rdm(x, **change)


def test_presentations_without_a_distance_are_named(x):
    with pytest.raises(InputError, match="two presentations"):
        rdm(x[:1])
    with pytest.raises(InputError, match="infinity"):
        rdm(np.where(x == x[0, 0], np.inf, x))
    with pytest.raises(InputError, match="none below 0"):
        rdm(-x, distance="poisson_kl")
    flat = x.copy()
    flat[4] = 3.0
    with pytest.raises(InputError, match="presentation 4"):
        rdm(flat, distance="correlation")
    holes = x.copy()
    holes[3, :5] = holes[7, 5:] = np.nan
    for distance, why in (("euclidean", "no observed unit"), ("correlation", "no direction")):
        with pytest.raises(InputError, match=f"presentations 3 and 7.*{why}"):
            rdm(holes, distance=distance)
    with pytest.raises(InputError, match="mahalanobis needs every unit"):
        rdm(holes, distance="mahalanobis", precision=np.eye(9))


def test_memory_is_the_answer_and_copies_of_the_data():
    x = np.random.default_rng(0).normal(size=(3000, 20))
    tracemalloc.start()
    found = rdm(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # The distances, their root, and blocks of 16 MiB; scipy's way through an n x n x unit array would take 1.4 GB.
    assert peak < 2 * found.nbytes + 10 * x.nbytes + 6 * 2**21 * 8
    assert peak < 0.2 * 3000 * 3000 * 20 * 8
