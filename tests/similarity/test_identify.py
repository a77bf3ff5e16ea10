import numpy as np
import pytest
from scipy.spatial.distance import cosine
from scipy.stats import pearsonr, spearmanr

from multiunit.core import InputError
from multiunit.similarity.identify import choose_quantiles, identify


@pytest.fixture
def rdms():
    rng = np.random.default_rng(0)
    models = rng.random((1, 5, 28)) + 0.7 * rng.random((4, 5, 28))
    return models + 0.9 * rng.random(models.shape), models


MEASURES = {
    "pearson": lambda a, b: pearsonr(a, b)[0],
    "spearman": lambda a, b: spearmanr(a, b)[0],
    "cosine": lambda a, b: 1 - cosine(a, b),
}


@pytest.mark.parametrize("by", MEASURES)
def test_answers_are_those_of_a_plain_loop(rdms, by):
    data, models = rdms
    confusion, right = np.zeros((5, 5)), np.zeros(4)
    for s in range(4):
        for t in set(range(4)) - {s}:
            for k in range(5):
                answer = np.argmax([MEASURES[by](data[s, k], models[t, j]) for j in range(5)])
                confusion[k, answer] += 1 / 12
                right[s] += (answer == k) / 15
    found = identify(data, models, by=by)
    np.testing.assert_allclose(found["confusion"], confusion, atol=1e-12)
    np.testing.assert_allclose(found["accuracy"], right, atol=1e-12)
    assert 0.3 < right.mean() < 1


def test_names_of_layers_permuted_take_the_answers_with_them(rdms):
    data, models = rdms
    plain = identify(data, models)["confusion"].values
    order = np.array([2, 0, 1, 4, 3])
    np.testing.assert_allclose(identify(data, models[:, order])["confusion"], plain[:, order])


def test_unrelated_data_are_identified_at_chance_and_ties_are_shared():
    rng = np.random.default_rng(1)
    found = [identify(*rng.random((2, 3, 4, 28)))["accuracy"].mean() for _ in range(100)]
    assert abs(np.mean(found) - 0.25) < 0.03
    same = np.tile(rng.random(28), (3, 4, 1))
    np.testing.assert_allclose(identify(same, same)["confusion"], 0.25)


def test_quantiles_are_chosen_that_hold_what_tells_layers_apart():
    rng = np.random.default_rng(2)
    near, far = rng.random((1, 4, 30)), 10 + 10 * rng.random((4, 4, 36))
    models = np.concatenate([near + 0.1 * rng.random((4, 4, 30)), far], axis=2)
    data = np.concatenate([near + 0.1 * rng.random((3, 4, 4, 30)), 10 + 10 * rng.random((3, 4, 4, 36))], axis=3)
    assert choose_quantiles(data, models, grid=[(0.5, 1.0), (0.0, 1.0), (0.0, 0.45)]) == (0.0, 0.45)
    assert choose_quantiles(data, models, grid=[(0.0, 0.4), (0.0, 0.45)]) == (0.0, 0.4)


def test_errors_name_the_argument(rdms):
    data, models = rdms
    with pytest.raises(InputError, match="two systems, layers"):
        identify(data[:1], models[:1])
    with pytest.raises(InputError, match="two systems, layers"):
        identify(data, models[:3])
    with pytest.raises(InputError, match="NaN"):
        identify(np.where(data == data[0, 0, 0], np.nan, data), models)
    flat = models.copy()
    flat[2, 1] = 0.1
    with pytest.raises(InputError, match="constant"):
        identify(data, flat)
    with pytest.raises(InputError, match="grid"):
        choose_quantiles(data[None], models, grid=[])
