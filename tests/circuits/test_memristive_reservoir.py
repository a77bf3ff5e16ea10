import numpy as np
import pytest
from scipy.integrate import solve_ivp

from multiunit.circuits.memristive_reservoir import memristive_reservoir
from multiunit.core.errors import InputError

RNG = np.random.default_rng(0)
U, MASK, TAUS = RNG.normal(size=(3, 6)), RNG.choice([-1.0, 1.0], size=(2, 4)), np.array([0.004, 0.03])


def test_nodes_follow_the_equation_of_their_device():
    found = memristive_reservoir(U, mask=MASK, taus=TAUS)
    for k in range(2):
        x, expected = 0.0, []
        for u in U[1]:
            for m in MASK[k]:
                rate = 40.0 * max(m * u, 0.0)
                x = solve_ivp(
                    lambda t, x, rate=rate, tau=TAUS[k]: rate * (1 - x) - x / tau, (0, 1e-3), [x], rtol=1e-9, atol=1e-12
                ).y[0, -1]
                expected.append(x)
        np.testing.assert_allclose(found[1].reshape(6, 2, 4)[:, k].ravel(), expected, rtol=1e-6)


def test_only_a_volatile_device_tells_the_order_of_the_past():
    order = np.array([[0.2, 0.9, 0.5], [0.9, 0.2, 0.5]])
    gap = {}
    for name, taus, dt in (("volatile", TAUS, 1e-3), ("keeps", np.full(2, 1e9), 1e-3), ("forgets", TAUS, 10.0)):
        ends = memristive_reservoir(order, mask=np.ones((2, 4)), taus=taus, dt=dt)[:, -1]
        gap[name] = np.abs(ends[0] - ends[1]).max()
    assert gap["volatile"] > 1e-3
    assert gap["keeps"] < 1e-9
    assert gap["forgets"] < 1e-9


def test_bad_input_is_named():
    for given, message in (
        ({"inputs": U[0]}, "inputs"),
        ({"taus": TAUS[:1]}, "inputs"),
        ({"taus": 0 * TAUS}, "taus"),
        ({"inputs": np.full((2, 3), np.nan)}, "taus"),
    ):
        with pytest.raises(InputError, match=message):
            memristive_reservoir(given.pop("inputs", U), **{"mask": MASK, "taus": TAUS, **given})
