"""Ridge encoding against the closed form."""

import numpy as np
import pytest
from sklearn.model_selection import KFold

from multiunit.core.errors import InputError
from multiunit.encoding.ridge_encoding import layer_encoding, ridge_encoding


def data(n=60, n_units=8, n_targets=3, noise=1.0, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, n_units)) * np.geomspace(0.1, 10, n_units)
    y = x / x.std(axis=0) @ rng.normal(size=(n_units, n_targets)) + noise * rng.normal(size=(n, n_targets))
    return x, y + 5


def closed_form(x, y, penalties, n_folds, random_state):
    """Normal equations, and leave-one-out by leaving each one out."""
    seed = int(np.random.default_rng(random_state).integers(2**31))
    scores = []
    for train, test in KFold(n_folds, shuffle=True, random_state=seed).split(x):
        z = (x - x[train].mean(axis=0)) / x[train].std(axis=0)

        def predicted(fit, new, penalty, z=z):
            middle, offset = z[fit].mean(axis=0), y[fit].mean(axis=0)
            a = z[fit] - middle
            w = np.linalg.solve(a.T @ a + penalty * np.eye(x.shape[1]), a.T @ (y[fit] - offset))
            return offset + (z[new] - middle) @ w

        errors = [
            sum((y[i] - predicted(train[train != i], i, penalty)) ** 2 for i in train) / len(train)
            for penalty in penalties
        ]
        best = np.argmin(errors, axis=0)
        held_out = [predicted(train, test, penalties[choice])[:, j] for j, choice in enumerate(best)]
        scores.append([np.corrcoef(one, y[test, j])[0, 1] for j, one in enumerate(held_out)])
    return np.mean(scores, axis=0)


def test_scores_equal_the_closed_form_with_a_penalty_for_each_target():
    x, y = data()
    y[:, 0] = np.random.default_rng(3).normal(size=60)  # a target that wants another penalty than the others
    penalties = (0.1, 10.0, 1000.0)
    found = ridge_encoding(x, y, penalties=penalties, n_folds=3, random_state=1)
    assert found.values == pytest.approx(closed_form(x, y, penalties, 3, 1), abs=1e-8)


def test_time_is_one_more_axis_and_folds_are_the_same():
    x, y = data(n_targets=6)
    found = ridge_encoding(x, y.reshape(60, 2, 3))
    assert found.dims == ("target", "time")
    assert np.allclose(found.values.ravel(), ridge_encoding(x, y).values)
    one = ridge_encoding(x, y[:, :1])
    assert one.dims == ("target",)
    assert one.values == pytest.approx(ridge_encoding(x, y).values[:1])


def test_a_known_signal_reaches_its_noise_ceiling():
    x, y = data(n=2000, noise=0.0)
    y = (y - y.mean(axis=0)) / y.std(axis=0)
    noisy = y + np.random.default_rng(1).normal(size=y.shape)
    raw = ridge_encoding(x, noisy)
    assert raw.values == pytest.approx([np.sqrt(0.5)] * 3, abs=0.04)
    assert ridge_encoding(x, noisy, ceiling=[np.sqrt(0.5)] * 3).values == pytest.approx([1.0] * 3, abs=0.05)


def test_shuffled_targets_score_nothing_on_average():
    x, y = data(n=100, n_targets=40)
    scores = ridge_encoding(np.random.default_rng(2).permutation(x), y)
    assert abs(float(scores.mean())) < 0.06


def test_constant_units_and_targets_count_for_nothing():
    x, y = data()
    found = ridge_encoding(np.column_stack([x, np.full(60, 0.1)]), np.column_stack([y, np.full(60, 0.1)]))
    assert found[-1] == 0
    assert np.allclose(found[:-1], ridge_encoding(x, y))
    assert ridge_encoding(np.ones((60, 2)), y).values.tolist() == [0, 0, 0]


def test_layers_share_folds_and_keep_their_names():
    x, y = data()
    found = layer_encoding({"a": x, "b": x[:, :2]}, y, random_state=4)
    assert found.dims == ("layer", "target")
    assert found["layer"].values.tolist() == ["a", "b"]
    assert np.allclose(layer_encoding({"z": x[:, :2]}, y, random_state=4), found[1:])
    assert float(found[0].mean()) > float(found[1].mean()) + 0.1


@pytest.mark.parametrize(
    ("x", "changes", "words"),
    [
        (np.ones((59, 2)), {}, "presentation, unit"),
        (np.ones((60, 2)) * np.nan, {}, "NaN"),
        (np.ones((60, 2)), {"n_folds": 21}, "three of the 60"),
        (np.ones((60, 2)), {"penalties": [0.0]}, "above 0"),
        (np.ones((60, 2)), {"ceiling": [1.0, 0.0, 1.0]}, "leave out other targets"),
        (np.ones((60, 2)), {"ceiling": [1.0]}, "shape"),
    ],
)
def test_errors(x, changes, words):
    with pytest.raises(InputError, match=words):
        ridge_encoding(x, data()[1], **changes)
