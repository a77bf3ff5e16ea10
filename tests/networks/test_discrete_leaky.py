import numpy as np
import pytest

from multiunit.dynamics.kernel import compile_element
from multiunit.networks.discrete_leaky import leaky_soft, leaky_subtract, leaky_zero

CURRENT = np.random.default_rng(0).normal(0.4, 0.5, size=200)
DECAY = np.exp(-0.1)


def by_hand(name):
    """The equations as the sources write them, with v itself as the state."""
    v, s, spikes = 0.0, 0, []
    for x in CURRENT:
        v = {
            "leaky_subtract": DECAY * v + x - 1.0 * s,
            "leaky_soft": DECAY * (v - 0.7 * s) + x,
            "leaky_zero": DECAY * v * (1 - s) + x,
        }[name]
        s = int(v > 1.0)
        spikes.append(s)
    return spikes


@pytest.mark.parametrize("element", [leaky_subtract, leaky_soft, leaky_zero])
def test_spikes_are_those_of_the_published_equations_in_numpy_and_compiled(element):
    given = {"spike_size": 0.7} if element is leaky_soft else {}
    carried, spikes = 0.0, []
    kernel, compiled, state, fired = compile_element(element), [], np.zeros(1), np.zeros(1, np.uint8)
    for x in CURRENT:
        carried, s = element(carried, x, **given)
        spikes.append(int(s))
        kernel.update(state, np.array([x]), fired, *(element.element.parameters | given).values(), 1e-3)
        compiled.append(int(fired[0]))
    assert spikes == compiled == by_hand(element.__name__)
    assert 20 < sum(spikes) < 180
