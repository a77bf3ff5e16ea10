import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes
from sklearn.decomposition import PCA
from sklearn.linear_model import RidgeCV

from multiunit.core import InputError
from multiunit.similarity.retrieval import csls, retrieval


def planted(n=60, units=5, noise=0.0, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, units)) * np.linspace(2, 1, units)
    turn = np.linalg.qr(rng.normal(size=(units, units)))[0]
    return x, 3 * x @ turn + 5 + noise * rng.normal(size=x.shape)


def by_hand(x, y, *, n_components, n_folds, k, mapping):
    """Precision and disparity with scipy and scikit-learn, one presentation after another."""
    n, hits, residual, total = len(x), 0, 0.0, 0.0
    for test in np.array_split(np.arange(n), n_folds):
        train = np.array([i for i in range(n) if i not in test])
        pca_x, pca_y = PCA(n_components).fit(x[train]), PCA(n_components).fit(y[train])
        a, b = pca_x.transform(x[train]), pca_y.transform(y[train])
        if mapping == "procrustes":
            turn, trace = orthogonal_procrustes(a, b)
            predicted = pca_x.transform(x[test]) @ turn * trace / np.square(a).sum()
        else:
            scale = np.sqrt(np.square(a).mean())
            model = RidgeCV(np.geomspace(1e-2, 1e6, 9), alpha_per_target=True).fit(a / scale, b)
            predicted = model.predict(pca_x.transform(x[test]) / scale)
        actual = pca_y.transform(y[test])
        for row, one in enumerate(predicted):
            cosine = actual @ one / np.linalg.norm(actual, axis=1) / np.linalg.norm(one)
            hits += row in np.argsort(-cosine)[:k]
        residual += np.square(actual - predicted).sum()
        total += np.square(actual).sum()
    return hits / n, residual / total


@pytest.mark.parametrize("mapping", ["procrustes", "ridge"])
@pytest.mark.parametrize("noise", [0.5, 4.0])
def test_it_is_what_scipy_and_scikit_learn_give_step_by_step(mapping, noise):
    x, y = planted(noise=noise)
    found = retrieval(x, y, n_components=3, n_folds=4, ks=(2, 4), mapping=mapping)
    for k in (2, 4):
        precision, disparity = by_hand(x, y, n_components=3, n_folds=4, k=k, mapping=mapping)
        assert float(found["precision"].sel(k=k)) == pytest.approx(precision)
        assert float(found["disparity"]) == pytest.approx(disparity)
    assert found["chance"].values == pytest.approx([2 / 15, 4 / 15])
    np.testing.assert_array_equal(np.bincount(found["fold"].values), [15] * 4)
    assert float((found["rank"] <= 2).mean()) == pytest.approx(float(found["precision"].sel(k=2)))


def test_a_rotation_is_found_and_a_permuted_pairing_is_at_chance():
    x, y = planted(n=200)
    found = retrieval(x, y)
    assert float(found["precision"].sel(k=1)) == 1
    assert float(found["pairwise"]) == 1
    assert float(found["disparity"]) < 1e-12
    rng = np.random.default_rng(1)
    null = retrieval(x, y[rng.permutation(200)])
    assert float(null["precision"].sel(k=10)) == pytest.approx(float(null["chance"].sel(k=10)), abs=0.08)
    assert float(null["pairwise"]) == pytest.approx(0.5, abs=0.05)
    assert float(null["disparity"]) > 0.9


def test_procrustes_cannot_stretch_and_ridge_can():
    x, _ = planted(n=120)
    stretched = (x @ np.linalg.qr(np.random.default_rng(2).normal(size=(5, 5)))[0]) * [9, 3, 1, 0.5, 0.2]
    ridge = retrieval(x, stretched, mapping="ridge")
    procrustes = retrieval(x, stretched)
    assert float(ridge["precision"].sel(k=1)) == 1
    assert float(procrustes["precision"].sel(k=1)) < 0.9
    assert float(ridge["disparity"]) < 1e-3 < float(procrustes["disparity"])


def test_random_vectors_find_nothing_however_many_units():
    rng = np.random.default_rng(3)
    y = rng.normal(size=(150, 20))
    for units in (4, 40, 400):
        found = retrieval(rng.normal(size=(150, units)), y)
        assert float(found["precision"].sel(k=10)) == pytest.approx(1 / 3, abs=0.12)


def test_neighbours_in_time_leak_through_folds_drawn_at_random_only():
    rng = np.random.default_rng(4)
    x, y = (np.cumsum(rng.normal(size=(200, 30)), axis=0) for _ in range(2))
    leaky = retrieval(x, y, mapping="ridge", contiguous=False)
    sound = retrieval(x, y, mapping="ridge")
    assert float(leaky["precision"].sel(k=5)) > float(sound["precision"].sel(k=5)) + 0.2


def test_csls_is_the_formula_of_its_authors_and_takes_hubs_away():
    rng = np.random.default_rng(5)
    s = rng.normal(size=(6, 8))
    expected = np.array(
        [[2 * s[i, j] - np.mean(sorted(s[i])[-3:]) - np.mean(sorted(s[:, j])[-3:]) for j in range(8)] for i in range(6)]
    )
    np.testing.assert_allclose(csls(s, n_neighbours=3), expected, atol=1e-12)
    query = rng.normal(size=(100, 3))
    candidate = np.concatenate([query + 0.1 * rng.normal(size=query.shape), 10 * np.ones((1, 3))])
    hub = query @ candidate.T
    assert np.bincount(hub.argmax(axis=1), minlength=101)[-1] > np.bincount(csls(hub).argmax(axis=1), minlength=101)[-1]
    x, y = planted(noise=1.0)
    assert (retrieval(x, y, csls_neighbours=5)["rank"] != retrieval(x, y)["rank"]).any()


def test_vectors_that_are_all_alike_find_nothing():
    x, _ = planted(n=40)
    one = np.tile([[-1.0], [1.0]], (20, 3))
    assert float(retrieval(x, one)["precision"].sel(k=1)) == 0


def test_scale_shift_and_more_units_than_presentations_change_nothing():
    rng = np.random.default_rng(7)
    x, y = planted(noise=1.0)
    wide = x @ np.linalg.qr(rng.normal(size=(300, 5)))[0].T
    found, moved = retrieval(x, y), retrieval(1e-6 * wide + 2, 1e6 * y)
    np.testing.assert_array_equal(found["rank"], moved["rank"])
    assert float(found["disparity"]) == pytest.approx(float(moved["disparity"]), rel=1e-5)


@pytest.mark.parametrize(
    ("argument", "options"),
    [
        ("mapping", {"mapping": "affine"}),
        ("n_components", {"n_components": 0}),
        ("n_folds", {"n_folds": 1}),
        ("n_folds", {"n_folds": 31}),
        ("ks", {"ks": ()}),
        ("ks", {"ks": (0, 1)}),
        ("ks", {"ks": (2, 2)}),
        ("n_neighbours", {"csls_neighbours": 0}),
    ],
)
def test_what_cannot_be_used_is_named(argument, options):
    with pytest.raises(InputError, match=f"^{argument}="):
        retrieval(*planted(), **options)


def test_a_side_that_is_constant_while_the_map_is_learned_is_named():
    x, y = planted(n=10)
    step = np.zeros((10, 1))
    step[:2] = 1
    with pytest.raises(InputError, match=r"^x='constant'"):
        retrieval(step, y, n_folds=5)
    with pytest.raises(InputError, match=r"^y="):
        retrieval(x, y[:-1])
