import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import ttest_rel

from multiunit.core import InputError
from multiunit.inference.family_wise import family_wise
from multiunit.similarity.fitted_rsa import _folds, fitted_rsa

N = 24
PAIRS = N * (N - 1) // 2


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def people(rng, truth, noise=0.1, n=7):
    return truth + noise * rng.normal(size=(n, len(truth)))


@pytest.mark.parametrize("by", ["pearson", "cosine"])
def test_the_weights_maximise_the_likeness_to_the_others(rng, by):
    parts = rng.random((3, PAIRS)) * [[1.0], [20.0], [0.1]]
    data = people(rng, parts[0] + 0.02 * parts[1])
    found = fitted_rsa(data, {"mixture": parts}, by=by, n_folds=1)

    def scaled(x):
        x = x - x.mean(axis=-1, keepdims=True) if by == "pearson" else x
        return x / np.linalg.norm(x, axis=-1, keepdims=True)

    shares, scores = [], []
    for s in range(len(data)):
        target = scaled(np.delete(data, s, axis=0)).mean(axis=0)
        start = np.full(3, 0.5)
        best = minimize(
            lambda w, t=target: -float(scaled(w @ scaled(parts)) @ scaled(t)), start, bounds=[(0, 1)] * 3, tol=1e-14
        ).x
        shares.append(best / best.sum())
        lengths = np.linalg.norm(parts - (parts.mean(axis=1, keepdims=True) if by == "pearson" else 0), axis=1)
        scores.append(float(scaled((best / lengths) @ parts) @ scaled(data[s])))
    np.testing.assert_allclose(found["weight"].values[0], np.mean(shares, axis=0), atol=2e-4)
    np.testing.assert_allclose(found["subject_score"].values[:, 0], scores, atol=1e-6)


def test_a_fixed_model_is_scored_as_it_is(rng):
    truth = rng.random(PAIRS)
    data = people(rng, truth)
    found = fitted_rsa(data, {"fixed": truth, "doubled": [3 * truth, truth], "negative": -truth}, n_folds=1)
    expected = [np.corrcoef(truth, row)[0, 1] for row in data]
    np.testing.assert_allclose(found["subject_score"].sel(model="fixed"), expected, atol=1e-12)
    np.testing.assert_allclose(found["subject_score"].sel(model="doubled"), expected, atol=1e-12)
    np.testing.assert_allclose(found["subject_score"].sel(model="negative"), np.negative(expected), atol=1e-12)
    assert found["p_difference"].sel(model="fixed", other_model="doubled") == 1.0


def test_nothing_is_scored_where_it_was_fitted():
    i, j = np.triu_indices(N, 1)
    splits = list(_folds(N, 3, 2, np.random.default_rng(0)))
    assert len(splits) == 6
    for fitted, scored in splits:
        shown = set(i[fitted]) | set(j[fitted])
        held_out = set(i[scored]) | set(j[scored])
        assert not shown & held_out
        assert shown | held_out == set(range(N))
        assert scored.sum() == (N // 3) * (N // 3 - 1) // 2


def test_more_components_are_no_advantage(rng):
    """Fifteen components of noise fit whom they are fitted to, and nobody else's conditions."""
    truth = rng.random(PAIRS)
    data = people(rng, truth, noise=1.0)
    models = {"truth": truth, "with_noise": np.vstack([truth, rng.random((15, PAIRS))])}
    apart = fitted_rsa(data, models)
    together = fitted_rsa(np.repeat(data[:1], 7, axis=0) + 1e-9 * data, models, n_folds=1)
    assert apart["score"].sel(model="truth") > apart["score"].sel(model="with_noise")
    assert together["score"].sel(model="truth") < together["score"].sel(model="with_noise")


def test_tests_are_paired_over_people_and_held_to_the_family(rng):
    parts = rng.random((3, PAIRS))
    data = people(rng, parts[0] + 0.3 * parts[1], noise=0.3)
    found = fitted_rsa(data, {"a": parts[:2], "b": parts[0], "c": parts[2]}, n_repeats=2)
    score = found["subject_score"].values
    p = [ttest_rel(score[:, i], score[:, j]).pvalue for i, j in ((0, 1), (0, 2), (1, 2))]
    np.testing.assert_allclose(found["p_difference"].values[np.triu_indices(3, 1)], p, rtol=1e-10)
    np.testing.assert_allclose(found["p_family_wise"].values[np.triu_indices(3, 1)], family_wise(p), rtol=1e-10)
    assert float(found["score"].sel(model="c")) < float(found["ceiling"])
    assert np.isnan(found["weight"].sel(model="b").values).tolist() == [False, True]


def test_equally_good_models_are_told_apart_as_rarely_as_the_level_says():
    """People lean to one model or the other by chance, so that neither is better for people at large."""
    rng = np.random.default_rng(1)
    rejected = 0
    for _ in range(400):
        # At right angles, or else one model would truly be a little better for these conditions.
        shared, lean = np.linalg.qr(np.c_[np.ones(66), rng.normal(size=(66, 2))])[0][:, 1:].T * [[1.0], [0.6]]
        data = shared + 0.7 * rng.normal(size=(6, 1)) * lean + 0.1 * rng.normal(size=(6, 66))
        found = fitted_rsa(data, {"one": shared + lean, "other": shared - lean}, n_folds=1)
        rejected += float(found["p_difference"].sel(model="one", other_model="other")) <= 0.05
    assert 0.03 <= rejected / 400 <= 0.07


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"n_folds": 9}, "n_folds"),
        ({"n_folds": 0}, "n_folds"),
        ({"n_repeats": 0}, "n_repeats"),
        ({"by": "spearman"}, "by"),
        ({"models": {}}, "models"),
        ({"models": {"a": np.ones(3)}}, "models"),
        ({"models": {"a": np.full(PAIRS, np.nan)}}, "models"),
        ({"models": {"a": np.ones(PAIRS)}}, "constant"),
        ({"data": np.ones((2, PAIRS))}, "data_rdms"),
    ],
)
def test_bad_input_is_named(rng, options, named):
    data = options.pop("data", rng.random((5, PAIRS)))
    models = options.pop("models", {"a": rng.random(PAIRS)})
    with pytest.raises(InputError, match=named):
        fitted_rsa(data, models, **options)
