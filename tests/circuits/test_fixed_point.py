import numpy as np
import pytest

from multiunit.circuits.fixed_point import FixedPointSNN, FixedPointSTDP
from multiunit.core.errors import InputError


def by_hand(network, given):
    """The equations in Python's own whole numbers, matrices nowhere."""
    n, rule = network.n_neurons, network.stdp
    w = [[int(x) for x in row] for row in network.weights]
    top_w, top_v = 2 ** (network.weight_bits - 1) - 1, 2 ** (network.v_bits - 1) - 1
    v, flow, wait, x = [0] * n, [0] * n, [0] * n, [0] * n
    before, spikes, potentials = [0] * n, [], []

    def clip(value, top):
        return max(-top - 1, min(top, value))

    for row in given.tolist():
        now = []
        for j in range(n):
            flow[j] = clip(
                flow[j] - flow[j] // 2**network.synapse_shift + sum(w[i][j] for i in range(n) if before[i]), top_v
            )
            v[j] = clip(v[j] - v[j] // 2 ** int(network.leak_shift[j]) + flow[j], top_v)
            own = v[j] >= network.threshold[j] and not wait[j]
            wait[j] = int(network.refractory[j]) if own else max(wait[j] - 1, 0)
            if own:
                v[j] = network.v_reset if network.v_reset is not None else v[j] - int(network.threshold[j])
            now.append(int(own or row[j]))
        if rule is not None:
            x = [value - value // 2**rule.trace_shift for value in x]
            for i in range(n):
                for j in range(n):
                    if rule.plastic[i, j]:
                        up = now[j] * (x[i] * rule.potentiation // 2**rule.shift)
                        down = now[i] * (x[j] * rule.depression // 2**rule.shift)
                        w[i][j] = clip(w[i][j] + up - down, top_w)
            x = [min(value + s * rule.trace_step, 2**rule.trace_bits - 1) for value, s in zip(x, now, strict=True)]
        before = now
        spikes.append(now)
        potentials.append(list(v))
    return spikes, potentials, w


@pytest.mark.parametrize("seed", range(6))
def test_every_bit_is_that_of_the_equations(seed):
    rng = np.random.default_rng(seed)
    n, bits = 7, int(rng.integers(4, 10))
    stdp = FixedPointSTDP(
        potentiation=int(rng.integers(1, 9)),
        depression=int(rng.integers(1, 9)),
        shift=3,
        plastic=rng.random((n, n)) < 0.5,
    )
    network = FixedPointSNN(
        rng.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), size=(n, n)),
        threshold=rng.integers(5, 40, size=n),
        leak_shift=rng.integers(1, 6, size=n),
        refractory=rng.integers(0, 4, size=n),
        v_reset=None if seed % 2 else -3,
        synapse_shift=seed % 3,
        weight_bits=bits,
        v_bits=8,
        stdp=stdp if seed else None,
    )
    given = (rng.random((150, n)) < 0.1).astype(int)
    run = network.run(given)
    spikes, potentials, weights = by_hand(network, given)
    assert run.spikes.tolist() == spikes
    assert run.potential.tolist() == potentials
    assert run.weights.tolist() == weights
    assert run.spikes.sum() > given.sum() + 20
    assert np.array_equal(run.weights, network.weights) == (seed == 0)
    assert np.array_equal(run.weights[~stdp.plastic], network.weights[~stdp.plastic])


def test_potentials_saturate_and_do_not_wrap():
    network = FixedPointSNN(np.full((2, 2), 127), threshold=127, leak_shift=31, v_bits=8, refractory=255)
    given = np.zeros((20, 2), int)
    given[:, 0] = 1
    assert network.run(given).potential.max() == 127
    falling = FixedPointSNN(np.full((2, 2), -128), threshold=127, leak_shift=31, v_bits=8)
    assert falling.run(given).potential.min() == -128


def test_pre_before_post_strengthens_and_the_other_order_weakens():
    network = FixedPointSNN(np.zeros((2, 2), int), threshold=1000, stdp=FixedPointSTDP())
    given = np.zeros((10, 2), int)
    given[2, 0] = given[5, 1] = 1
    weights = network.run(given).weights
    assert weights[0, 1] > 0 > weights[1, 0]
    given[2, 1], given[5, 1] = 1, 0  # together
    assert not network.run(given).weights.any()


def test_bad_input_is_named():
    w = np.zeros((3, 3), int)
    for given, message in (
        ({"weights": w[:2]}, "weights"),
        ({"weights": w + 0.5}, "weights"),
        ({"weights": w + 128}, "weights"),
        ({"threshold": 0}, "threshold=0"),
        ({"threshold": [1, 2]}, "threshold"),
        ({"leak_shift": 32}, "leak_shift=32"),
        ({"v_bits": 25}, "v_bits=25"),
        ({"weight_bits": 1}, "weight_bits=1"),
        ({"v_reset": 2**15}, "v_reset"),
        ({"stdp": FixedPointSTDP(trace_step=256)}, "trace_step=256"),
        ({"stdp": FixedPointSTDP(plastic=np.ones((2, 2), bool))}, "plastic"),
    ):
        with pytest.raises(InputError, match=message):
            FixedPointSNN(given.pop("weights", w), **{"threshold": 5, **given})
    with pytest.raises(InputError, match="spikes"):
        FixedPointSNN(w, threshold=5).run(np.zeros((4, 2)))
    with pytest.raises(InputError, match="spikes"):
        FixedPointSNN(w, threshold=5).run(np.full((4, 3), 2))
