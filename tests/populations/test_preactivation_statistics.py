import numpy as np
import pytest
import torch
from torch import nn

from multiunit.core import InputError
from multiunit.learning.criticality import criticality
from multiunit.learning.kernel_flow import kernel_flow
from multiunit.populations.preactivation_statistics import preactivation_statistics, random_preactivations


def test_moments_are_those_of_the_sums_written_out():
    z = np.random.default_rng(0).normal(size=(7, 4))
    found = preactivation_statistics(z)
    kernel = np.mean([z[a, i] ** 2 for a in range(7) for i in range(4)])
    pairs = np.mean([z[a, i] ** 2 * z[a, j] ** 2 for a in range(7) for i in range(4) for j in range(4) if i != j])
    assert found.kernel == pytest.approx(kernel)
    assert found.connected == pytest.approx((pairs - kernel**2) / kernel**2)
    assert found.excess_kurtosis == pytest.approx((z**4).mean() / kernel**2 - 3)


def test_independent_gaussian_units_have_neither_excess():
    found = preactivation_statistics(3 * np.random.default_rng(0).normal(size=(20_000, 5)))
    assert abs(found.kernel - 9) < 4 * found.kernel_error < 0.3
    assert abs(found.connected) < 4 * found.connected_error < 0.05
    assert abs(found.excess_kurtosis) < 4 * found.excess_kurtosis_error < 0.15


def test_errors_are_the_spread_over_repetitions():
    rng = np.random.default_rng(2)
    sizes = rng.uniform(0.5, 1.5, size=(300, 400, 1))
    runs = np.array([preactivation_statistics(size * rng.normal(size=(400, 6))) for size in sizes])
    for value in (0, 2, 4):
        assert runs[:, value + 1].mean() == pytest.approx(runs[:, value].std(), rel=0.15)


@pytest.mark.parametrize(("activation", "variance", "nu"), [(nn.Identity(), 1.0, 2), (torch.relu, 2.0, 5)])
def test_scale_invariant_networks_follow_their_exact_law(activation, variance, nu):
    z = random_preactivations(
        np.ones(5), widths=[20] * 4, activation=activation, weight_variance=variance, n_networks=30_000
    )
    for layer, values in enumerate(z):
        found = preactivation_statistics(values)
        assert abs(found.kernel - variance) < 4 * found.kernel_error < 0.1
        assert abs(found.connected - ((1 + nu / 20) ** layer - 1)) < 4 * found.connected_error < 0.25
        # Given the signals of the layer before, units are Gaussian and share their size.
        assert abs(found.excess_kurtosis - 3 * found.connected) < 4 * found.excess_kurtosis_error


def test_networks_with_biases_follow_the_recursion():
    point = criticality(nn.GELU())
    variances = {"weight_variance": point.weight_variance, "bias_variance": point.bias_variance}
    x = np.array([1.0, -2.0, 0.5])
    start = point.bias_variance + point.weight_variance * np.square(x).mean()
    flow = kernel_flow(nn.GELU(), start, depth=4, **variances)
    z = random_preactivations(x, widths=[60] * 4, activation=nn.GELU(), n_networks=8000, **variances)
    for k, values in enumerate(z):
        found = preactivation_statistics(values)
        # What is left out is of second order in 1 / n.
        assert abs(found.kernel / flow["kernel"][k] - 1) < 4 * found.kernel_error / found.kernel + 0.02
        assert abs(found.connected - flow["vertex"][k] / 60) < 4 * found.connected_error + 0.02
    assert found.connected > 0.15


def test_an_ensemble_is_that_of_its_seed():
    state = torch.get_rng_state()
    arguments = {"widths": [4, 3], "activation": torch.tanh, "weight_variance": 1.0, "n_networks": 6}
    first, again, other = (random_preactivations(np.ones(2), random_state=seed, **arguments) for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), state)
    assert [layer.shape for layer in first] == [(6, 4), (6, 3)]
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


@pytest.mark.parametrize("wrong", [np.ones(5), np.ones((5, 1)), np.ones((1, 5)), np.zeros((5, 5)), [[1, np.nan]] * 2])
def test_statistics_refuse_what_does_not_fit(wrong):
    with pytest.raises(InputError, match="z="):
        preactivation_statistics(wrong)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("widths", []), ("n_networks", 0), ("weight_variance", -1.0), ("bias_variance", -1.0)],
)
def test_the_ensemble_refuses_what_does_not_fit(name, wrong):
    arguments = {"widths": [4], "activation": torch.tanh, "weight_variance": 1.0, "n_networks": 2, name: wrong}
    with pytest.raises(InputError, match=name):
        random_preactivations(np.ones(2), **arguments)
    with pytest.raises(InputError, match="x="):
        random_preactivations(np.array([np.nan]), widths=[4], activation=torch.tanh, weight_variance=1.0, n_networks=2)
