import numpy as np
import pytest
from scipy.signal import lfilter

from multiunit.core import InputError, Recording
from multiunit.inference.null_test import NULLS, null_test

N_DRAWS = 400


def overlap(x, y):
    """Plain linear CKA, quick."""
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    return float(np.sum((x.T @ y) ** 2) / np.sqrt(np.sum((x.T @ x) ** 2) * np.sum((y.T @ y) ** 2)))


def matched(x, y):
    """Mean best absolute correlation of single units."""
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    r = (x.T @ y) / np.outer(np.linalg.norm(x, axis=0), np.linalg.norm(y, axis=0))
    return float(np.abs(r).max(axis=1).mean())


def white(rng):
    return rng.normal(size=(24, 3)), rng.gamma(1.0, size=(24, 4))


def slow(rng):
    """Series that keep their value for about five samples."""
    return tuple(lfilter([1.0], [1.0, -0.8], rng.normal(size=(250, 3)), axis=0)[50:] for _ in range(2))


def turned(rng):
    x = rng.normal(size=(24, 4)) * [1.0, 2.0, 3.0, 4.0]
    return x, x @ np.linalg.qr(rng.normal(size=(4, 4)))[0]


def rejections(metric, systems, null, alternative="greater"):
    rng = np.random.default_rng(0)
    p = []
    for _ in range(N_DRAWS):
        x, y = systems(rng)
        found = null_test(metric, x, y=y, null=null, alternative=alternative, n_permutations=39, random_state=rng)
        p.append(float(found["p_value"]))
    return np.mean(np.array(p) <= 0.05)


@pytest.mark.parametrize(
    ("metric", "systems", "null", "alternative"),
    [
        (overlap, white, "permutation", "greater"),
        (matched, white, "permutation", "greater"),
        (overlap, white, "permutation", "two-sided"),
        (lambda x, y: 1 - overlap(x, y), white, "permutation", "less"),
        (overlap, slow, "circular_shift", "greater"),
        (overlap, slow, "phase", "greater"),
        (matched, turned, "rotation", "greater"),
    ],
)
def test_independent_systems_are_called_alike_as_often_as_the_level_says(metric, systems, null, alternative):
    assert 0.03 <= rejections(metric, systems, null, alternative) <= 0.07


def test_the_wrong_null_is_seen():
    # Slow series are alike by accident; a permutation that tears them apart does not know.
    assert rejections(overlap, slow, "permutation") > 0.2


@pytest.mark.parametrize("null", NULLS)
def test_planted_likeness_is_found(null):
    rng = np.random.default_rng(1)
    found = []
    for _ in range(20):
        x = slow(rng)[0] * [1.0, 2.0, 3.0]
        y = x[:, ::-1] + 0.5 * x.std(axis=0)[::-1] * rng.normal(size=x.shape)
        found.append(float(null_test(matched, x, y=y, null=null, n_permutations=39, random_state=rng)["p_value"]))
    assert np.mean(np.array(found) <= 0.05) >= 0.95


def test_each_null_keeps_what_it_says():
    rng = np.random.default_rng(2)
    y = slow(rng)[0] + 5.0
    made = {name: surrogate(y, np.random.default_rng(3)) for name, surrogate in NULLS.items()}
    assert all(not np.allclose(surrogate, y) for surrogate in made.values())
    np.testing.assert_allclose(np.sort(made["permutation"], axis=0), np.sort(y, axis=0))
    steps = [np.abs(np.roll(y, step, axis=0) - made["circular_shift"]).max() for step in range(len(y))]
    assert min(steps) == 0
    assert 10 <= int(np.argmin(steps)) <= len(y) - 10
    np.testing.assert_allclose(made["phase"].mean(axis=0), y.mean(axis=0))
    np.testing.assert_allclose(np.cov(made["phase"].T), np.cov(y.T), rtol=1e-8)
    np.testing.assert_allclose(made["rotation"] @ made["rotation"].T, y @ y.T)


def test_p_counts_the_data_and_ties_of_rounding():
    x = np.arange(6.0)[:, None]
    values = iter([2.0, *np.arange(9.0)])
    found = null_test(lambda a, b: next(values), x, y=x, n_permutations=9)
    assert float(found["p_value"]) == (1 + 7) / 10
    assert found["null"].values.tolist() == list(range(9))
    assert float(found["null_quantile"].sel(quantile=0.5)) == 4
    values = iter([2.0, *np.arange(9.0)])
    assert float(null_test(lambda a, b: next(values), x, y=x, alternative="less", n_permutations=9)["p_value"]) == 0.4
    values = iter([2.0, *np.arange(9.0)])
    two = null_test(lambda a, b: next(values), x, y=x, alternative="two-sided", n_permutations=9)
    assert float(two["p_value"]) == 0.8
    values = iter([1.0 + 1e-15, *np.ones(9)])
    assert float(null_test(lambda a, b: next(values), x, y=x, n_permutations=9)["p_value"]) == 1.0


def test_a_null_of_ones_own_recordings_and_seeds():
    rng = np.random.default_rng(4)
    x, y = white(rng)
    half = null_test(overlap, x, y=y, null=lambda z, g: z * g.choice([-1.0, 1.0], size=(len(z), 1)), random_state=5)
    assert half.sizes["draw"] == 999
    plain, recorded = (
        null_test(overlap, a, y=b, n_permutations=9, random_state=7)
        for a, b in ((x, y), (Recording.from_activity(x), Recording.from_activity(y)))
    )
    assert plain.equals(recorded)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"y": np.ones((3, 2))}, "as many presentations"),
        ({"null": "wish"}, "permutation, circular_shift, phase, rotation"),
        ({"alternative": "more"}, "alternative"),
        ({"n_permutations": 0}, "n_permutations"),
        ({"metric": lambda a, b: np.nan}, "one finite number"),
        ({"metric": lambda a, b: a}, "one finite number"),
        ({"null": "rotation", "y": np.arange(24.0)[:, None]}, "no other basis"),
    ],
)
def test_what_is_refused(change, named):
    x, y = white(np.random.default_rng(0))
    arguments = {"metric": overlap, "x": x, "y": y, "n_permutations": 3} | change
    with pytest.raises(InputError, match=named):
        null_test(arguments.pop("metric"), arguments.pop("x"), **arguments)
