import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment, linprog
from scipy.stats import wasserstein_distance

from multiunit.core import InputError
from multiunit.maths.transport_cost import transport_cost


def by_linear_program(a, b, cost):
    n, m = cost.shape
    rows = np.kron(np.eye(n), np.ones(m))
    columns = np.kron(np.ones(n), np.eye(m))
    return linprog(cost.ravel(), A_eq=np.r_[rows, columns], b_eq=np.r_[a, b], method="highs").fun


@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (5, 1), (4, 4), (9, 7), (15, 20)])
@pytest.mark.parametrize("seed", range(8))
def test_it_is_the_optimum_of_the_linear_program(shape, seed):
    rng = np.random.default_rng(seed)
    a, b = rng.random(shape[0]), rng.random(shape[1])
    # Costs and masses with many ties, and without.
    cost = rng.integers(4, size=shape).astype(float) if seed % 2 else rng.random(shape)
    if seed % 4 > 1:
        a, b = np.ones(shape[0]), np.ones(shape[1])
    a, b = a / a.sum(), b / b.sum()
    assert abs(transport_cost(a, b, cost=cost) - by_linear_program(a, b, cost)) < 1e-10


def test_on_a_line_it_is_the_area_between_the_distributions():
    rng = np.random.default_rng(0)
    x, y, a, b = rng.normal(size=30), rng.normal(size=25) + 1, rng.random(30), rng.random(25)
    a, b = a / a.sum(), b / b.sum()
    found = transport_cost(a, b, cost=np.abs(x[:, None] - y))
    assert abs(found - wasserstein_distance(x, y, a, b)) < 1e-12


def test_equal_masses_are_an_assignment_and_empty_places_do_not_matter():
    cost = np.random.default_rng(1).random((20, 20))
    best = cost[linear_sum_assignment(cost)].sum()
    assert abs(transport_cost(np.ones(20), np.ones(20), cost=cost) - best) < 1e-10
    wide = np.pad(cost, ((0, 2), (0, 3)))
    masses = np.r_[np.ones(20), 0, 0], np.r_[np.ones(20), 0, 0, 0]
    assert abs(transport_cost(*masses, cost=wide) - best) < 1e-10


@pytest.mark.parametrize(
    ("a", "b", "cost", "named"),
    [
        ([1.0], [1.0], [[1.0, 2.0]], "cost"),
        ([], [], np.zeros((0, 0)), "cost"),
        ([1.0], [2.0], [[1.0]], "as much mass"),
        ([np.nan], [1.0], [[1.0]], "source"),
        ([1.0], [1.0], [[-1.0]], "cost"),
    ],
)
def test_errors_name_the_argument(a, b, cost, named):
    with pytest.raises(InputError, match=named):
        transport_cost(a, b, cost=cost)
