"""A chain as one map, against a loop and against the simulated circuit."""

import numpy as np
import pytest

from multiunit.circuits.map_chain import map_chain
from multiunit.core import InputError
from multiunit.dynamics.chialvo import chialvo
from multiunit.dynamics.element import element
from multiunit.dynamics.rulkov import rulkov
from multiunit.papers.chialvo_rulkov_chain import chain_circuit, follow, random_starts


def by_hand(state, sigma, n_steps):
    x1, y1, u, v, x2, y2 = state
    path = []
    for _ in range(n_steps):
        pulls = sigma * (u - x1), sigma * (x1 - u) + sigma * (x2 - u), sigma * (u - x2)
        x1, y1 = x1**2 * np.exp(y1 - x1) + 0.03 + pulls[0], 0.89 * y1 - 0.6 * x1 + 0.28
        x2, y2 = x2**2 * np.exp(y2 - x2) + 0.03 + pulls[2], 0.89 * y2 - 0.6 * x2 + 0.28
        u, v = 4.1 / (1 + u**2) + v + pulls[1], v - 0.001 * (u + 1.2)
        path.append([x1, y1, u, v, x2, y2])
    return np.array(path)


def test_a_chain_of_three_is_the_loop_over_its_equations():
    start = random_starts(1, np.random.default_rng(0))
    step = map_chain([chialvo, rulkov, chialvo], strength=0.05)
    points, path = start, []
    for _ in range(40):
        points = step(points)
        path.append(points[0])
    np.testing.assert_allclose(path, by_hand(start[0], 0.05, 40), rtol=1e-9)


def test_blocks_of_points_have_strengths_of_their_own():
    points = random_starts(3, np.random.default_rng(1))
    both = map_chain([chialvo, rulkov, chialvo], strength=[0.1, -0.2])(np.tile(points, (2, 1)))
    for block, sigma in zip(both.reshape(2, 3, 6), (0.1, -0.2), strict=True):
        np.testing.assert_array_equal(block, map_chain([chialvo, rulkov, chialvo], strength=sigma)(points))


def test_the_simulated_circuit_is_the_same_chain():
    start = random_starts(1, np.random.default_rng(2))[0]
    samples, end = follow(chain_circuit(start), 0.05, n_steps=20)
    path = by_hand(start, 0.05, 40)
    np.testing.assert_allclose(samples, path[20:, ::2], rtol=1e-7)
    np.testing.assert_allclose(end, path[-1], rtol=1e-7)


def test_parameters_go_to_their_place():
    step = map_chain([chialvo, chialvo], strength=0.0, parameters=[{"k": 0.5}, {}])
    assert step(np.zeros((1, 4)))[0, ::2].tolist() == [0.5, 0.03]


def test_errors_name_the_argument():
    @element(kind="map", states={"x": 0.0}, source="here", time_unit="step", order=None)
    def alone(x, *, dt=1.0):
        """Nothing reaches it."""
        return x

    with pytest.raises(InputError, match="elements"):
        map_chain([rulkov], strength=0.1)
    with pytest.raises(InputError, match="alone"):
        map_chain([rulkov, alone], strength=0.1)
    with pytest.raises(InputError, match="parameters"):
        map_chain([rulkov, rulkov], strength=0.1, parameters=[{}])
    with pytest.raises(InputError, match="points"):
        map_chain([rulkov, rulkov], strength=[0.1, 0.2])(np.zeros((3, 4)))
