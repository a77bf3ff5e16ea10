"""Stochastic shape distances against closed forms, a search over all turns of a plane, and all permutations."""

from itertools import permutations

import numpy as np
import pytest
from scipy.linalg import sqrtm
from scipy.optimize import minimize_scalar
from scipy.spatial.distance import cdist
from scipy.stats import energy_distance as line_energy
from scipy.stats import ortho_group

from multiunit.core import InputError
from multiunit.similarity.energy_distance import energy_distance
from multiunit.similarity.shape_distance import shape_distance
from multiunit.similarity.stochastic_shape import align, alternate, bures, gaussian_shape, stochastic_shape


def noisy(rng, *, n_units=3, n_stimuli=7, n_repeats=25):
    mixing = rng.normal(size=(n_stimuli, n_units, n_units))
    return rng.normal(size=(n_stimuli, 1, n_units)) + rng.normal(size=(n_stimuli, n_repeats, n_units)) @ mixing


@pytest.fixture
def pair():
    rng = np.random.default_rng(2)
    return noisy(rng), noisy(rng, n_repeats=30)


def moments(x):
    return x.mean(axis=1), np.stack([np.cov(one, rowvar=False).reshape(x.shape[2], -1) for one in x])


def objective(x, y, turn, alpha):
    (mu, s), (nu, r) = moments(x), moments(y)
    mu, nu = mu - mu.mean(axis=0), nu - nu.mean(axis=0)
    total = 0.0
    for m, c, n, d in zip(mu, s, nu, r, strict=True):
        root = sqrtm(c).real
        d = turn.T @ d @ turn
        square = np.trace(c) + np.trace(d) - 2 * np.trace(sqrtm(root @ d @ root).real)
        total += alpha * np.sum((m - n @ turn) ** 2) + (2 - alpha) * square
    return total / len(mu)


def plane(angle, flip):
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, s], [-s, c]]) @ np.diag([1.0, -1.0 if flip else 1.0])


def best_in_the_plane(f):
    best = np.inf
    for flip in (False, True):
        angles = np.linspace(0, 2 * np.pi, 73)
        start = angles[np.argmin([f(plane(angle, flip)) for angle in angles])]
        found = minimize_scalar(
            lambda a, flip=flip: f(plane(a, flip)), bounds=(start - 0.1, start + 0.1), options={"xatol": 1e-10}
        )
        best = min(best, found.fun)
    return best


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0, 1.7, 2.0])
def test_no_turn_of_the_plane_is_better(alpha):
    rng = np.random.default_rng(4)
    x, y = (noisy(rng, n_units=2, n_stimuli=4) for _ in range(2))
    expected = best_in_the_plane(lambda turn: objective(x, y, turn, alpha))
    assert abs(stochastic_shape(x, y, alpha=alpha, n_restarts=4, n_iterations=5000) ** 2 - expected) < 1e-7 * expected


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_no_permutation_is_better(pair, alpha):
    x, y = pair
    every = [np.eye(3)[list(order)] for order in permutations(range(3))]
    expected = min(objective(x, y, turn, alpha) for turn in every)
    found = stochastic_shape(x, y, alpha=alpha, group="permutation", n_restarts=5)
    assert abs(found**2 - expected) < 1e-8


def test_means_alone_are_procrustes_and_covariances_alone_sort_their_spectra(pair):
    x, y = pair
    means = shape_distance(x.mean(axis=1), y.mean(axis=1), metric="euclidean")
    assert abs(stochastic_shape(x, y, alpha=2.0) - np.sqrt(2 / 7) * means) < 1e-10
    (_, s), (_, r) = (moments(side[:1]) for side in pair)
    roots = [np.sqrt(np.linalg.eigvalsh(c[0])) for c in (s, r)]
    found = stochastic_shape(x[:1], y[:1], alpha=0.0, n_restarts=4, n_iterations=20_000)
    assert abs(found - np.sqrt(2 * np.sum((roots[0] - roots[1]) ** 2))) < 1e-6


def test_one_unit_is_a_sum_of_means_and_deviations():
    rng = np.random.default_rng(0)
    x, y = (noisy(rng, n_units=1) for _ in range(2))
    (mu, s), (nu, r) = ((m[:, 0] - m.mean(), np.sqrt(c[:, 0, 0])) for m, c in map(moments, (x, y)))
    gap = min(np.sum((mu - nu) ** 2), np.sum((mu + nu) ** 2))
    expected = np.sqrt((0.6 * gap + 1.4 * np.sum((s - r) ** 2)) / 7)
    assert abs(stochastic_shape(x, y, alpha=0.6) - expected) < 1e-10


def test_bures_is_its_equation():
    rng = np.random.default_rng(1)
    s, r = (np.stack([m @ m.T for m in rng.normal(size=(4, 3, 3))]) for _ in range(2))
    for one, other, found in zip(s, r, bures(s, r), strict=True):
        root = sqrtm(one).real
        expected = np.trace(one) + np.trace(other) - 2 * np.trace(sqrtm(root @ other @ root).real)
        assert abs(found - expected) < 1e-8
        residuals = [np.linalg.norm(root - sqrtm(other).real @ ortho_group.rvs(3, random_state=k)) for k in range(50)]
        assert found <= min(residuals) ** 2
    assert abs(bures(np.diag([1.0, 0.0]), np.diag([0.0, 1.0])) - 2) < 1e-12


@pytest.mark.parametrize("group", ["orthogonal", "permutation"])
@pytest.mark.parametrize("alpha", [0.2, 1.0, 1.9])
def test_no_round_raises_the_loss(pair, alpha, group):
    (mu, s), (nu, r) = map(moments, pair)
    s, r = (np.stack([sqrtm(c).real for c in side]) for side in (s, r))
    x, y = ((np.sqrt(alpha) * m, np.sqrt(2 - alpha) * c) for m, c in ((mu, s), (nu, r)))
    for seed in range(5):
        turn = ortho_group.rvs(3, random_state=seed) if group == "orthogonal" else np.eye(3)[[2, 0, 1]]
        losses = alternate(x, y, turn=turn, group=group, n_iterations=300)
        assert np.all(np.diff(losses) <= 1e-10 * losses[:-1])
        assert losses[-1] < losses[0] or group == "permutation"


@pytest.mark.parametrize("distance", [stochastic_shape, energy_distance])
def test_turns_and_shifts_leave_it_and_stretching_does_not(pair, distance):
    x, y = pair
    rng = np.random.default_rng(0)
    turn = ortho_group.rvs(3, random_state=3)
    value = distance(x, y)
    assert abs(distance(x, y @ turn + 3) - value) < 1e-3 * value
    assert abs(distance(y, x) - value) < 1e-6 * value
    assert distance(x, x[:, ::-1] @ turn - 1) < 2e-4
    assert abs(distance(x, 2 * y) - value) > 0.1 * value
    assert distance(x, x @ rng.normal(size=(3, 3))) > 0.1 * value
    wider = np.pad(y, ((0, 0), (0, 0), (0, 2)))
    assert abs(distance(x, wider) - value) < 1e-3 * value
    assert distance(x, y, group="permutation") > value


@pytest.mark.parametrize("distance", [stochastic_shape, energy_distance])
def test_the_triangle_inequality_holds_but_for_local_optima(distance):
    rng = np.random.default_rng(5)
    base = noisy(rng, n_repeats=12)
    systems = [base + k / 3 * noisy(rng, n_repeats=12) for k in range(6)]
    d = np.array([[distance(x, y) if i < j else 0.0 for j, y in enumerate(systems)] for i, x in enumerate(systems)])
    d += d.T
    assert np.max(d[:, None, :] - d[:, :, None] - d[None]) < 1e-3 * d.max()
    assert np.max(d[:, None, :] ** 4 - d[:, :, None] ** 4 - d[None] ** 4) > 0  # else the line above could not fail


def test_known_moments_and_samples_agree(pair):
    x, y = pair
    assert abs(gaussian_shape(moments(x), moments(y)) - stochastic_shape(x, y)) < 1e-10
    means, one = np.zeros((1, 2)), np.eye(2)[None]
    assert abs(gaussian_shape((means, one), (means, 9 * one), alpha=0.0) - np.sqrt(2 * 2 * 4)) < 1e-10


def test_energy_distance_of_one_unit_is_that_of_scipy_and_no_turn_of_the_plane_is_better():
    rng = np.random.default_rng(6)
    x, y = rng.normal(size=(1, 30, 1)), 2 * rng.exponential(size=(1, 20, 1))
    x, y = x - x.mean(), y - y.mean()
    # scipy's is twice the square.
    expected = min(line_energy(x.ravel(), sign * y.ravel()) for sign in (1, -1)) / np.sqrt(2)
    assert abs(energy_distance(x, y, n_restarts=2) - expected) < 1e-10
    a, b = (noisy(rng, n_units=2, n_stimuli=3, n_repeats=8) for _ in range(2))
    p, q = (side - side.mean(axis=(0, 1)) for side in (a, b))

    def square(turn, power):
        return np.mean(
            [
                np.mean(cdist(u, v @ turn) ** power) - np.mean(cdist(u, u) ** power + cdist(v, v) ** power) / 2
                for u, v in zip(p, q, strict=True)
            ]
        )

    for power in (1.0, 1.6):
        best = best_in_the_plane(lambda turn, power=power: square(turn, power))
        found = energy_distance(a, b, q=power, n_restarts=5, n_iterations=3000)
        assert abs(found**2 - best) < 1e-6 * best


def test_energy_sees_the_form_of_noise_that_moments_do_not():
    rng = np.random.default_rng(9)
    signs = rng.permutation(np.repeat([-1.0, 1.0], 200))[None, :, None]
    gauss = rng.normal(size=(1, 400, 1))
    gauss = (gauss - gauss.mean()) / gauss.std()
    assert stochastic_shape(signs, gauss) < 1e-6
    assert energy_distance(signs, gauss) > 0.2


def test_alignment_is_the_best_of_its_group():
    rng = np.random.default_rng(0)
    rows, target = rng.normal(size=(2, 20, 4))
    best = min(np.linalg.norm(rows[:, list(order)] - target) for order in permutations(range(4)))
    assert abs(np.linalg.norm(rows @ align(rows, target, group="permutation") - target) - best) < 1e-12


def test_bad_input_is_named(pair):
    x, y = pair
    for distance in (stochastic_shape, energy_distance):
        with pytest.raises(InputError, match="same 7 stimuli"):
            distance(x, y[:-1])
        with pytest.raises(InputError, match="two repeats"):
            distance(x[:, :1], y)
        with pytest.raises(InputError, match="NaN"):
            distance(x, np.where(np.arange(3) == 1, np.nan, y))
        for wrong in ({"group": "affine"}, {"n_restarts": -1}):
            with pytest.raises(InputError, match=next(iter(wrong))):
                distance(x, y, **wrong)
    with pytest.raises(InputError, match="alpha"):
        stochastic_shape(x, y, alpha=2.5)
    with pytest.raises(InputError, match="q"):
        energy_distance(x, y, q=2.0)
    with pytest.raises(InputError, match="negative eigenvalue"):
        gaussian_shape((np.zeros((1, 2)), -np.eye(2)[None]), (np.zeros((1, 2)), np.eye(2)[None]))
