import numpy as np
import pytest

from multiunit.circuits.quantise import layered_spikes, quantise
from multiunit.core.errors import InputError


def in_floats(spikes, *, weights, biases, thresholds, decay):
    """The layers one after the other, as they were trained."""
    for w, b, theta in zip(weights, biases, thresholds, strict=True):
        v, found = np.zeros(len(w)), []
        for now in spikes:
            v = decay * v + w @ now + b
            fired = v >= theta
            v = v - theta * fired
            found.append(fired)
        spikes = np.array(found, float)
    return spikes


def test_what_is_whole_already_is_the_float_network_to_the_spike():
    rng = np.random.default_rng(0)
    sizes = [6, 8, 4]
    weights = [rng.integers(-7, 8, size=(b, a)).astype(float) for a, b in ((6, 8), (8, 4))]
    biases = [rng.integers(-2, 5, size=n).astype(float) for n in sizes[1:]]
    for w in weights:
        w[0, 0] = 7.0  # the scale is 1 then
    spikes = (rng.random((50, 6)) < 0.4).astype(int)
    network = quantise(weights, thresholds=[10.0, 9.0], biases=biases, bits=4)
    # On the chip a potential below 0 rises by 1 a step where nothing leaks: so here, too.
    run = network.run(layered_spikes(spikes, sizes=sizes))
    v, expected = np.zeros(8), []
    for now in spikes:
        v = v + (v < 0) + weights[0] @ now + biases[0]
        fired = v >= 10
        v = v - 10 * fired
        expected.append(fired)
    assert run.spikes[1:51, 6:14].tolist() == np.array(expected, int).tolist()
    positive = [np.abs(w) for w in weights]
    network = quantise(positive, thresholds=[40.0, 60.0], biases=[np.abs(b) for b in biases], bits=4)
    run = network.run(layered_spikes(spikes, sizes=sizes))
    found = in_floats(spikes, weights=positive, biases=[np.abs(b) for b in biases], thresholds=[40, 60], decay=1.0)
    assert 10 < found.sum() < 190
    assert run.spikes[2:52, 14:18].tolist() == found.astype(int).tolist()


@pytest.mark.parametrize("decay", [0.5, 0.75, 0.9, 1.0])
def test_many_bits_come_near_the_float_network(decay):
    rng = np.random.default_rng(1)
    sizes = [20, 15, 5]
    weights = [rng.normal(0.3, 1.0, size=(b, a)) for a, b in ((20, 15), (15, 5))]
    biases = [rng.normal(size=n) for n in sizes[1:]]
    thresholds = [4.0, np.linspace(2.0, 3.0, 5)]
    spikes = (rng.random((100, 20)) < 0.3).astype(int)
    near = 1 - 2.0 ** -np.rint(-np.log2(1 - decay)) if decay < 1 else 1.0
    wanted = in_floats(spikes, weights=weights, biases=biases, thresholds=thresholds, decay=near).sum(0)

    def off(bits):
        network = quantise(weights, thresholds=thresholds, biases=biases, decay=decay, bits=bits, v_bits=24)
        found = network.run(layered_spikes(spikes, sizes=sizes)).spikes[2:102, 35:40].sum(0)
        return np.abs(found - wanted).sum()

    assert wanted.sum() > 50
    assert off(12) <= 3
    assert off(2) > 3 * off(12) + 10


def test_bad_input_is_named():
    w = np.ones((2, 3))
    for given, message in (
        ({"weights": [w, np.ones((2, 3))]}, "weights"),
        ({"weights": []}, "weights"),
        ({"weights": [0 * w]}, "layer 0"),
        ({"thresholds": [0.0]}, "layer 0"),
        ({"thresholds": []}, "thresholds"),
        ({"biases": [np.ones(3)]}, "biases"),
        ({"decay": 0.0}, "decay"),
        ({"bits": 1}, "bits=1"),
    ):
        with pytest.raises(InputError, match=message):
            quantise(given.pop("weights", [w]), **{"thresholds": [1.0], **given})
    with pytest.raises(InputError, match="spikes"):
        layered_spikes(np.zeros((5, 2)), sizes=[3, 2])
