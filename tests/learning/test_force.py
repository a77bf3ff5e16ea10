import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.learning.force import ForceNetwork


def test_it_goes_on_with_what_it_learned_and_a_network_that_did_not_learn_does_not():
    t = np.arange(30000) * 1e-3
    target = (np.sin(2 * np.pi * t / 0.6) + 0.5 * np.sin(2 * np.pi * t / 0.3))[:, None] / 1.5
    net = ForceNetwork(300, random_state=0)
    error = net.learn(target[:24000])
    assert np.abs(error[-2000:]).max() < 0.05
    assert np.std(net.run(6000) - target[24000:]) < 0.1 * target.std()
    assert np.std(ForceNetwork(300, random_state=0).run(2000) - target[:2000]) > 0.9 * target.std()


def test_a_step_is_that_of_the_equations_written_out():
    net = ForceNetwork(12, n_outputs=2, n_inputs=3, density=0.5, alpha=2.0, every=2, random_state=3)
    rng = np.random.default_rng(0)
    target, inputs = rng.normal(size=(9, 2)), rng.normal(size=(9, 3))
    x, z, w, p = net.x.copy(), np.zeros(2), np.zeros((12, 2)), np.eye(12) / 2
    wanted = []
    for t in range(9):
        x = x + 0.1 * (-x + net.recurrent @ np.tanh(x) + net.back @ z + net.input_weights @ inputs[t])
        r = np.tanh(x)
        z = w.T @ r
        wanted.append(z - target[t])
        if t % 2 == 0:
            p = np.linalg.inv(np.linalg.inv(p) + np.outer(r, r))
            w = w - np.outer(p @ r, z - target[t])
            z = w.T @ r
    np.testing.assert_allclose(net.learn(target, inputs=inputs), wanted, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(net.weights, w, rtol=1e-8, atol=1e-10)
    assert (np.count_nonzero(net.input_weights, axis=1) == 1).all()


def test_running_leaves_the_readout_alone_and_is_chaotic_only_above_one():
    quiet = ForceNetwork(100, g=0.8, random_state=0)
    loud = ForceNetwork(100, g=1.5, random_state=0)
    for net in (quiet, loud):
        net.run(3000)
        assert not net.weights.any()
    assert np.abs(quiet.x).max() < 1e-3
    assert np.std(loud.x) > 0.3


def test_what_is_refused():
    with pytest.raises(InputError, match="density"):
        ForceNetwork(10, density=0.0)
    with pytest.raises(InputError, match="tau"):
        ForceNetwork(10, tau=0.0)
    with pytest.raises(InputError, match="n_units"):
        ForceNetwork(0)
    with pytest.raises(InputError, match="target"):
        ForceNetwork(10).learn(np.zeros((5, 2)))
    with pytest.raises(InputError, match="inputs"):
        ForceNetwork(10, n_inputs=1).run(5, inputs=np.zeros((4, 1)))
    with pytest.raises(InputError, match="n_steps"):
        ForceNetwork(10).run(0)
