"""Shape distances against Procrustes of scipy, canonical correlations, all permutations, and the axioms."""

from itertools import permutations

import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes, sqrtm
from scipy.stats import ortho_group

from multiunit.core import InputError
from multiunit.core.recording import Recording
from multiunit.similarity.canonical_correlation import canonical_correlation
from multiunit.similarity.pairwise_shape import pairwise_shape
from multiunit.similarity.shape_distance import nuclear_norm, shape_distance

METRICS = ("angular", "euclidean")


@pytest.fixture
def pair():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(60, 5)) * rng.uniform(0.2, 3, 5) + 4
    return x, np.tanh(x @ rng.normal(size=(5, 5))) + 0.3 * rng.normal(size=(60, 5))


def by_definition(x, y, *, a=1.0, metric="angular"):
    """The equation word by word: symmetric whitening matrices, zero padding, and the turn of scipy."""
    width = max(x.shape[1], y.shape[1])
    sides = []
    for z in (x, y):
        c = z - z.mean(axis=0)
        white = np.linalg.inv(sqrtm(c.T @ c).real)
        phi = c @ (a * np.eye(z.shape[1]) + (1 - a) * white)
        sides.append(np.pad(phi, ((0, 0), (0, width - z.shape[1]))))
    p, q = sides
    q = q @ orthogonal_procrustes(q, p)[0]
    if metric == "euclidean":
        return np.linalg.norm(p - q)
    return np.arccos(np.sum(p * q) / np.linalg.norm(p) / np.linalg.norm(q))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("a", [1.0, 0.6, 0.0])
def test_it_is_the_equation_also_for_other_numbers_of_units(pair, a, metric):
    x, y = pair
    for other in (y, y[:, :3], np.c_[y, y[:, :4] ** 2]):
        found = shape_distance(x, other, regularisation=a, metric=metric)
        assert abs(found - by_definition(x, other, a=a, metric=metric)) < 1e-10
        assert abs(found - shape_distance(other, x, regularisation=a, metric=metric)) < 1e-12


def test_full_whitening_is_told_by_canonical_correlations(pair):
    rho = canonical_correlation(*pair).correlations
    assert abs(shape_distance(*pair, regularisation=0.0) - np.arccos(rho.mean())) < 1e-10
    found = shape_distance(*pair, regularisation=0.0, metric="euclidean")
    assert abs(found - np.sqrt(2 * np.sum(1 - rho))) < 1e-10


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("a", [1.0, 0.4])
def test_permutations_are_the_best_of_all(pair, a, metric):
    x, y = pair
    turned = x @ ortho_group.rvs(5, random_state=0)

    def of(one, other):
        return shape_distance(one, other, regularisation=a, metric=metric, group="permutation")

    sides = []
    for z in (x, y):
        c = z - z.mean(axis=0)
        phi = c @ (a * np.eye(5) + (1 - a) * np.linalg.inv(sqrtm(c.T @ c).real))
        sides.append(phi / np.linalg.norm(phi) if metric == "angular" else phi)
    best = min(np.linalg.norm(sides[0] - sides[1][:, list(order)]) for order in permutations(range(5)))
    assert abs(of(x, y) - (2 * np.arcsin(best / 2) if metric == "angular" else best)) < 1e-10
    assert of(x, x[:, [3, 1, 0, 4, 2]]) < 1e-12
    assert of(x, turned) > 0.1
    assert of(x, y) > shape_distance(x, y, regularisation=a, metric=metric)


def test_a_silent_unit_more_is_free_under_permutations_and_a_negative_match_is_not_refused():
    x = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    assert abs(shape_distance(x, x[:, :1], metric="euclidean", group="permutation") - np.sqrt(2)) < 1e-12
    assert abs(shape_distance(x[:, :1], -x[:, :1], group="permutation") - np.pi) < 1e-7
    assert shape_distance(x[:, :1], -x[:, :1]) < 1e-12


def test_what_is_declared_to_leave_it_does_and_the_rest_does_not(pair):
    x, y = pair
    rng = np.random.default_rng(0)
    turn, bend = ortho_group.rvs(5, random_state=1), rng.normal(size=(5, 5))
    value = shape_distance(x, y)
    assert abs(shape_distance(x, 5e3 * y @ turn - 2) - value) < 1e-9
    assert abs(shape_distance(x, y @ bend) - value) > 0.02
    assert abs(shape_distance(x, y @ bend, regularisation=0.0) - shape_distance(x, y, regularisation=0.0)) < 1e-9
    long = shape_distance(x, y, metric="euclidean")
    assert abs(shape_distance(x, y @ turn + 1, metric="euclidean") - long) < 1e-9
    assert abs(shape_distance(x, 2 * y, metric="euclidean") - long) > 0.2
    assert abs(shape_distance(x, 2 * y, regularisation=0.5) - shape_distance(x, y, regularisation=0.5)) > 1e-3


@pytest.mark.parametrize("a", [1.0, 0.5, 0.0])
def test_near_neighbours_are_told_apart_beyond_rounding(pair, a):
    x, _ = pair
    turn = ortho_group.rvs(5, random_state=2)
    assert shape_distance(x, x @ turn, regularisation=a) < 1e-12
    assert shape_distance(x, x @ turn, regularisation=a, metric="euclidean") < 1e-11
    nudge = 1e-9 * np.random.default_rng(0).normal(size=x.shape)
    steps = [shape_distance(x, (x + k * nudge) @ turn, regularisation=a) for k in (1, 2)]
    assert abs(steps[1] / steps[0] - 2) < 1e-3


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("group", ["orthogonal", "permutation"])
@pytest.mark.parametrize("a", [1.0, 0.5, 0.0])
def test_the_triangle_inequality_holds_and_the_table_is_the_pairs(a, metric, group):
    rng = np.random.default_rng(8)
    base = rng.normal(size=(30, 6))
    systems = {str(n): base[:, : 3 + n % 4] + (n / 8) * rng.normal(size=(30, 3 + n % 4)) for n in range(9)}
    systems["wide"] = rng.normal(size=(30, 40))
    table = pairwise_shape(systems, regularisation=a, metric=metric, group=group)
    d = table.values
    assert (d == d.T).all()
    assert (np.diag(d) == 0).all()
    assert np.max(d[:, None, :] - d[:, :, None] - d[None]) < 1e-12
    assert np.max(d[:, None, :] ** 4 - d[:, :, None] ** 4 - d[None] ** 4) > 0  # else the line above could not fail
    for one, other in (("2", "5"), ("0", "wide"), ("wide", "8")):
        alone = shape_distance(systems[one], systems[other], regularisation=a, metric=metric, group=group)
        assert abs(table.sel(system=one, other_system=other).item() - alone) < 1e-12


@pytest.mark.parametrize("condition", [1.0, 1e2, 1e4, 1e6, 1e8, 1e12])
def test_singular_values_are_accurate_where_squares_are_not(condition):
    left, right = (ortho_group.rvs(30, random_state=seed) for seed in (0, 1))
    s = np.geomspace(1, 1 / condition, 30)
    for matrix in (left * s @ right, (left[:, :9] * s[:9] @ right[:9]).T):
        assert abs(nuclear_norm(matrix) - np.linalg.svd(matrix, compute_uv=False).sum()) < 1e-10 * s.sum()
    assert nuclear_norm(np.zeros((3, 2))) == 0


def test_recordings_are_taken_and_bad_input_is_named(pair):
    x, y = pair
    assert shape_distance(Recording.from_activity(x), y) == shape_distance(x, y)
    with pytest.raises(InputError, match="same presentations"):
        shape_distance(x, y[:-1])
    for wrong in ({"regularisation": 1.5}, {"metric": "cosine"}, {"group": "affine"}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            shape_distance(x, y, **wrong)
    with pytest.raises(InputError, match="systems"):
        pairwise_shape({"one": x})
    with pytest.raises(InputError, match="needs the same 60 presentations"):
        pairwise_shape({"one": x, "two": y, "odd": x[1:], "even": y[1:]})
