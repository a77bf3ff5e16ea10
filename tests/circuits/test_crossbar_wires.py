import numpy as np
import pytest

from multiunit.circuits.crossbar_wires import wired_conductance
from multiunit.core.errors import InputError


def relaxed(g, volts, r, n_sweeps=20_000):
    """The same circuit by repeating Kirchhoff's law node by node, as in a textbook."""
    rows, columns = g.shape
    top, low = np.zeros(g.shape), np.zeros(g.shape)
    for _ in range(n_sweeps):
        for i in range(rows):
            for j in range(columns):
                near = [volts[i] if j == 0 else top[i, j - 1]] + ([top[i, j + 1]] if j + 1 < columns else [])
                top[i, j] = (sum(near) / r + g[i, j] * low[i, j]) / (len(near) / r + g[i, j])
                near = ([low[i - 1, j]] if i else []) + [low[i + 1, j] if i + 1 < rows else 0.0]
                low[i, j] = (sum(near) / r + g[i, j] * top[i, j]) / (len(near) / r + g[i, j])
    return low[-1] / r


def test_currents_are_those_of_kirchhoffs_law():
    rng = np.random.default_rng(0)
    g, volts = rng.uniform(1e-4, 1e-2, size=(3, 4)), rng.normal(size=3)
    np.testing.assert_allclose(
        volts @ wired_conductance(g, r_wire=50.0), relaxed(g, volts, 50.0, n_sweeps=2000), rtol=1e-6
    )


def test_far_cells_lose_more_and_no_resistance_loses_nothing():
    g = np.full((16, 16), 1e-4)
    assert np.array_equal(wired_conductance(g, r_wire=0.0), g)
    np.testing.assert_allclose(wired_conductance(g, r_wire=1e-6), g, rtol=1e-6)
    found = wired_conductance(g, r_wire=5.0)
    assert (np.diff(found, axis=1) < 0).all()  # away from the driver
    assert (np.diff(found, axis=0) > 0).all()  # towards the ground
    assert 0.5 * g.max() < found.min()
    assert found.max() < g.max()


def test_bad_input_is_named():
    for g, r in ((-np.ones((2, 2)), 1.0), (np.ones(3), 1.0), (np.full((2, 2), np.nan), 1.0)):
        with pytest.raises(InputError, match="conductance"):
            wired_conductance(g, r_wire=r)
    with pytest.raises(InputError, match="r_wire"):
        wired_conductance(np.ones((2, 2)), r_wire=-1.0)
