import numpy as np
import pytest
import torch
from torch import nn

from multiunit.circuits.crossbar import Crossbar, program_crossbar
from multiunit.circuits.to_crossbar import to_crossbar
from multiunit.core.errors import InputError

RNG = np.random.default_rng(0)
W, X = RNG.normal(size=(30, 40)), RNG.normal(size=(5, 40))


def test_an_ideal_crossbar_is_a_matrix():
    crossbar = program_crossbar(W)
    np.testing.assert_allclose(crossbar.weights, W, atol=1e-12)
    np.testing.assert_allclose(crossbar.matvec(X), X @ W.T, atol=1e-12)
    for array in (crossbar.positive, crossbar.negative):
        assert array.min() >= 1e-6
        assert array.max() <= 1e-4 * (1 + 1e-12)


@pytest.mark.parametrize("levels", [2, 4, 16])
def test_each_weight_goes_to_the_nearest_level(levels):
    top = np.abs(W).max()
    steps = np.linspace(-top, top, 2 * levels - 1)
    nearest = steps[np.abs(W[..., None] - steps).argmin(-1)]
    np.testing.assert_allclose(program_crossbar(W, levels=levels).weights, nearest, atol=1e-12)


def test_noise_and_faults_are_of_the_size_that_was_asked_for():
    big = RNG.uniform(0.5, 1.0, size=(200, 200))
    noisy = program_crossbar(big, programming_noise=0.1, random_state=1)
    exact = program_crossbar(big)
    relative = noisy.positive / exact.positive - 1
    assert abs(relative.std() - 0.1) < 0.002
    assert abs(relative.mean()) < 0.002
    faulty = program_crossbar(big, stuck=0.1, random_state=1)
    on, off = np.isclose(faulty.positive, 1e-4), np.isclose(faulty.positive, 1e-6)
    changed = ~np.isclose(faulty.positive, exact.positive)
    assert abs(changed.mean() - 0.1) < 0.01
    assert ((on | off)[changed]).all()
    assert abs(off.mean() - 0.05) < 0.01
    assert np.array_equal(program_crossbar(big, stuck=0.1, random_state=1).negative, faulty.negative)
    assert not np.array_equal(program_crossbar(big, stuck=0.1, random_state=2).negative, faulty.negative)


def test_reading_bends_rounds_drifts_and_makes_noise():
    crossbar, exact = program_crossbar(W), X @ W.T
    np.testing.assert_allclose(crossbar.matvec(X, bend=2.0), np.sinh(2 * X) / 2 @ W.T, atol=1e-12)
    rounded = crossbar.matvec(X, adc_bits=5)
    step = np.abs(exact).max() / 15
    assert np.abs(rounded - exact).max() <= step / 2 + 1e-12
    np.testing.assert_allclose(rounded / step, np.rint(rounded / step), atol=1e-9)
    np.testing.assert_allclose(crossbar.drifted(100.0, nu=0.05).matvec(X), exact * 100**-0.05, atol=1e-12)
    reads = np.array([crossbar.matvec(X[0], read_noise=0.02, random_state=k) for k in range(2000)])
    by_device = [X[0, :, None] * g for g in (crossbar.positive, crossbar.negative)]
    spread = 0.02 * crossbar.scale * np.sqrt(sum(part**2 for part in by_device).sum(0))
    np.testing.assert_allclose(reads.std(0), spread, rtol=0.1)
    np.testing.assert_allclose(reads.mean(0), exact[0], atol=5 * spread.max() / np.sqrt(2000))
    assert np.abs(crossbar.matvec(X, r_wire=10.0) - exact).max() > 0.02


def test_a_network_gets_the_weights_of_its_crossbars():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(12, 4))
    x = torch.randn(6, 1, 3, 3)
    torch.testing.assert_close(to_crossbar(network)(x), network(x))
    noisy = to_crossbar(network, levels=16, programming_noise=0.1, random_state=3)
    again = to_crossbar(network, levels=16, programming_noise=0.1, random_state=3)
    assert torch.equal(noisy[0].weight, again[0].weight)
    assert not torch.equal(noisy[0].weight, network[0].weight)
    assert torch.equal(noisy[3].bias, network[3].bias)
    with pytest.raises(InputError, match="network"):
        to_crossbar(nn.ReLU())


def test_bad_input_is_named():
    for given, message in (
        ({"weights": 0 * W}, "weights"),
        ({"weights": W[0]}, "weights"),
        ({"levels": 1}, "levels=1"),
        ({"stuck": 1.5}, "programming_noise"),
        ({"programming_noise": -0.1}, "programming_noise"),
        ({"g_off": 1e-3}, "g_off"),
    ):
        with pytest.raises(InputError, match=message):
            program_crossbar(given.pop("weights", W), **given)
    crossbar = Crossbar(np.ones((2, 1)), np.ones((2, 1)), 1.0)
    for given, message in (
        ({"x": np.ones(3)}, "x="),
        ({"bend": 1.0, "r_wire": 1.0}, "bend"),
        ({"adc_bits": 1}, "adc_bits"),
    ):
        with pytest.raises(InputError, match=message):
            crossbar.matvec(given.pop("x", np.ones(2)), **given)
    with pytest.raises(InputError, match="time"):
        crossbar.drifted(0.5)
