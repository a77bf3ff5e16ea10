from itertools import permutations

import numpy as np
import pytest

from multiunit.core import InputError
from multiunit.populations.representation_geometry import ccgp, parallelism, participation_ratio, shattering


def cube(n_units=30, seed=0):
    """Eight conditions at the corners of a cube, turned into many units; the first axis is the dichotomy."""
    corners = np.array([[a, b, c] for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)], dtype=float)
    turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(n_units, 3)))[0].T
    return corners @ turn, corners[:, 0] > 0


def noisy(means, n=40, sd=0.2, seed=0):
    condition = np.arange(n * len(means)) % len(means)
    return means[condition] + sd * np.random.default_rng(seed).normal(size=(len(condition), means.shape[1])), condition


def test_participation_ratio_counts_dimensions():
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(20, 5)))[0].T
    assert participation_ratio(rng.normal(size=(50000, 5)) @ turn + 3) == pytest.approx(5, abs=0.05)
    eigenvalues = np.linalg.eigvalsh(np.cov((x := rng.normal(size=(40, 6))).T))
    assert participation_ratio(x) == pytest.approx(eigenvalues.sum() ** 2 / (eigenvalues**2).sum())


def test_parallelism_of_a_cube_and_of_noise():
    means, side = cube()
    assert parallelism(means, side) == pytest.approx(1)
    assert parallelism(means, ~side) == pytest.approx(1)
    parity = np.array([0, 1, 1, 0, 1, 0, 0, 1])
    assert parallelism(means, parity) == pytest.approx(0, abs=0.35)
    noise = np.random.default_rng(0).normal(size=(8, 2000))
    assert abs(parallelism(noise, side)) < 0.1


def test_parallelism_is_the_best_pairing_by_brute_force():
    rng = np.random.default_rng(1)
    means, side = rng.normal(size=(8, 5)), rng.permutation(np.repeat([0, 1], 4)).astype(bool)
    best = -1.0
    for order in permutations(range(4)):
        vectors = means[side] - means[~side][list(order)]
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        best = max(best, ((vectors @ vectors.T).sum() - 4) / 12)
    assert parallelism(means, side) == pytest.approx(best)


def test_an_abstract_dichotomy_generalises_and_an_unstructured_one_does_not():
    means, side = cube()
    x, condition = noisy(means)
    assert ccgp(x, side, condition=condition) > 0.99
    parity = np.array([0, 1, 1, 0, 1, 0, 0, 1])
    assert ccgp(x, parity, condition=condition) < 0.2  # the corners left out sit where the other side is
    x, condition = noisy(np.random.default_rng(0).normal(size=(8, 200)))
    assert 0.2 < ccgp(x, side, condition=condition) < 0.8
    assert ccgp(1e-3 * x, side, condition=condition) == ccgp(x, side, condition=condition)


def test_unstructured_codes_shatter_and_a_cube_does_not():
    x, condition = noisy(np.random.default_rng(0).normal(size=(8, 200)))
    assert shattering(x, condition) > 0.99
    x, condition = noisy(cube()[0])
    assert 0.6 < shattering(x, condition) < 0.9
    assert 0.4 < shattering(np.random.default_rng(1).normal(size=x.shape), condition) < 0.6


def test_refuses_what_does_not_fit():
    x, condition = noisy(cube()[0])
    with pytest.raises(InputError, match="differ"):
        participation_ratio(np.ones((5, 2)))
    with pytest.raises(InputError, match="either side"):
        parallelism(np.eye(4), np.array([0, 0, 0, 1]))
    with pytest.raises(InputError, match="coincide"):
        parallelism(np.ones((4, 2)), np.array([0, 0, 1, 1]))
    with pytest.raises(InputError, match="both sides"):
        ccgp(x, np.zeros(8), condition=condition)
    with pytest.raises(InputError, match="never occur"):
        ccgp(x, np.repeat([0, 1], 5), condition=condition + 2)
    with pytest.raises(InputError, match="at least four"):
        shattering(np.eye(3), np.arange(3))
    with pytest.raises(InputError, match="finite"):
        shattering(np.full((8, 2), np.nan), np.arange(8))
