"""Maps of models by their predictions."""

import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.similarity import intensive_pca
from multiunit.similarity.intensive_pca import IntensivePCA, bhattacharyya


def predictions(n_models=6, n_samples=40, n_classes=3, seed=0):
    return np.random.default_rng(seed).dirichlet(np.ones(n_classes), size=(n_models, n_samples))


def test_distances_equal_a_loop_over_samples_whatever_the_chunks(monkeypatch):
    p = predictions()
    slow = [[-np.mean([np.log(np.sqrt(u[i] * v[i]).sum()) for i in range(40)]) for v in p[2:]] for u in p]
    assert np.allclose(bhattacharyya(p, p[2:]), slow, rtol=1e-12)
    monkeypatch.setattr(intensive_pca, "_MAX_BYTES", 1)
    assert np.allclose(bhattacharyya(p, p[2:]), slow, rtol=1e-12)


def test_only_slices_of_a_lazy_array_are_read():
    class Lazy:
        def __init__(self, values):
            self.values, self.shape, self.widest = values, values.shape, 0

        def __len__(self):
            return len(self.values)

        def __getitem__(self, key):
            part = self.values[key]
            self.widest = max(self.widest, part.shape[1])
            return part

    p = predictions(n_models=2, n_samples=50)
    lazy = Lazy(p.astype(np.float16))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intensive_pca, "_MAX_BYTES", 8 * 10 * 16)
        found = bhattacharyya(lazy, lazy)
    assert np.allclose(found, bhattacharyya(p, p), atol=1e-3)
    assert np.all(np.diag(found) < 1e-12)
    assert lazy.widest == 10


def test_models_that_exclude_each_other_are_far_and_not_infinitely_so():
    p = np.eye(2)[:, None]
    assert bhattacharyya(p, p) == pytest.approx(np.log(1e9) * (1 - np.eye(2)))


def test_squared_euclidean_distances_are_embedded_exactly_and_new_points_placed():
    rng = np.random.default_rng(0)
    x, new = rng.normal(size=(20, 3)), rng.normal(size=(4, 3))

    def squared(a, b):
        return ((a[:, None] - b) ** 2).sum(axis=2)

    found = IntensivePCA(n_components=3).fit(squared(x, x))
    assert np.allclose(squared(found.embedding_, found.embedding_), squared(x, x))
    assert found.explained_stress_[2] == pytest.approx(1.0, abs=1e-6)
    assert found.explained_stress_[0] < 0.9
    placed = found.transform(squared(new, x))
    assert np.allclose(squared(placed, found.embedding_), squared(new, x))


def test_negative_axes_are_kept_and_signed_distances_come_back():
    # Points of a plane with one axis whose squares count against distance, the larger one.
    x = np.random.default_rng(1).normal(size=(12, 2)) * [1.0, 3.0]
    gap = (x[:, None] - x) ** 2
    d = gap[..., 0] - gap[..., 1]
    found = IntensivePCA(n_components=2).fit(d)
    sign = np.sign(found.eigenvalues_[:2])
    assert sign.tolist() == [-1.0, 1.0]
    assert np.allclose((sign * (found.embedding_[:, None] - found.embedding_) ** 2).sum(axis=2), d)
    assert np.allclose(found.transform(d), found.embedding_)


def test_explained_stress_is_the_norm_of_what_is_kept():
    found = IntensivePCA(n_components=2).fit(bhattacharyya(predictions(), predictions()))
    values = found.eigenvalues_
    for k in range(1, 7):
        rest = np.linalg.norm(values[k:]) / np.linalg.norm(values)
        assert found.explained_stress_[k - 1] == pytest.approx(1 - rest, abs=1e-6)
    assert np.all(np.diff(np.abs(values)) <= 1e-12)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: bhattacharyya(predictions(), predictions(n_samples=39)), "the same samples"),
        (lambda: bhattacharyya(predictions() * 1.1, predictions()), "add to 1"),
        (lambda: bhattacharyya(predictions() - 0.3, predictions()), "probabilities"),
        (lambda: IntensivePCA().fit(np.arange(9.0).reshape(3, 3)), "both ways"),
        (lambda: IntensivePCA().fit(np.zeros((3, 3))), "all 0"),
        (lambda: IntensivePCA(n_components=4).fit(1 - np.eye(3)), "from 1 to the 3"),
        (lambda: IntensivePCA(n_components=3).fit(1 - np.eye(3)).transform(np.ones((1, 3))), "axes are empty"),
        (lambda: IntensivePCA(n_components=2).fit(1 - np.eye(3)).transform(np.ones((1, 2))), "each of 3 models"),
    ],
)
def test_errors(call, words):
    with pytest.raises(InputError, match=words):
        call()
