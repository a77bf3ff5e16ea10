import itertools
import sys

import numpy as np
import pytest
from scipy.spatial.distance import squareform

from multiunit.core import InputError
from multiunit.similarity.compare_rdms import compare_rdms
from multiunit.similarity.resampled_likeness import WEIGHTED, resampled_likeness

N = 11


@pytest.fixture
def rdms():
    rng = np.random.default_rng(0)
    data = 3 + rng.gamma(2, size=(4, N * (N - 1) // 2))
    models = np.stack([data.mean(axis=0) + rng.gamma(2, size=data.shape[1]), (data[0] > 4).astype(float)])
    draws = rng.integers(N, size=(9, N))
    counts = np.stack([np.bincount(draw, minlength=N) for draw in draws])
    counts[0] = 1
    return data, models, counts


def copies(rdm, count):
    """The RDM of the draw, copy by copy, and its covariance; a condition's own copies are left out."""
    shown = np.repeat(np.arange(N), count)
    square = squareform(rdm)
    kept = [(p, q) for p, q in itertools.combinations(range(len(shown)), 2) if shown[p] != shown[q]]
    contrasts = np.zeros((len(kept), len(shown)))
    for row, (p, q) in enumerate(kept):
        contrasts[row, p], contrasts[row, q] = 1, -1
    return np.array([square[shown[p], shown[q]] for p, q in kept]), (contrasts @ contrasts.T) ** 2


def slowly(a, b, count, by):
    (a, covariance), (b, _) = copies(a, count), copies(b, count)
    if by in ("pearson", "cosine"):
        return compare_rdms(a, b, by=by)
    if by == "whitened_correlation":
        a, b = a - a.mean(), b - b.mean()
    whiten = np.linalg.inv(covariance)
    return (a @ whiten @ b) / np.sqrt((a @ whiten @ a) * (b @ whiten @ b))


@pytest.mark.parametrize("by", WEIGHTED)
@pytest.mark.parametrize("small", [False, True])
def test_weights_give_what_copies_give(rdms, by, small, monkeypatch):
    if small:
        module = sys.modules["multiunit.similarity.resampled_likeness"]
        monkeypatch.setattr(module, "_PRODUCTS", 150)
        monkeypatch.setattr(module, "_DRAWS", 2)
    data, models, counts = rdms
    found = resampled_likeness(data, models, counts=counts, by=by)
    expected = np.array([[[slowly(d, m, c, by) for m in models] for d in data] for c in counts])
    np.testing.assert_allclose(found.to_models, expected, rtol=0, atol=1e-12)
    expected = np.array([[[slowly(d, e, c, by) for e in data] for d in data] for c in counts])
    np.testing.assert_allclose(found.among, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("by", WEIGHTED)
def test_no_draw_is_the_likeness_itself_whatever_the_scale(rdms, by):
    data, models, _ = rdms
    found = resampled_likeness(1e6 * data, 1e-6 * models, counts=np.ones((1, N), dtype=int), by=by)
    expected = [[compare_rdms(d, m, by=by) for m in models] for d in data]
    np.testing.assert_allclose(found.to_models[0], expected, rtol=0, atol=1e-12)


def test_a_model_that_says_nothing_of_a_draw_has_no_likeness(rdms):
    data, models, _ = rdms
    counts = np.zeros((1, N), dtype=int)
    counts[0, [2, 5]] = 5, 6
    assert np.isnan(resampled_likeness(data, models, counts=counts).to_models).all()


def test_only_forms_with_weights_are_taken(rdms):
    data, models, counts = rdms
    with pytest.raises(InputError, match="no form with weights"):
        resampled_likeness(data, models, counts=counts, by="spearman")
