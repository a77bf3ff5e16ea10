import numpy as np
import torch

from multiunit.networks.weight_space import permute_hidden
from multiunit.papers import deep_weight_space_networks as card


def test_smoke_scale_runs_and_only_the_plain_perceptron_feels_another_order(smoke_claim):
    result = smoke_claim("deep-weight-space-networks")
    assert result.control["n_networks"] == 48
    assert result.measured["largest_change"] < 1e-4
    assert result.control["statistics_change"] < 1e-3
    assert result.control["mlp_change"] > 0.01
    assert all(np.isfinite(list(result.measured.values())))


def test_statistics_are_of_each_matrix_and_feel_no_order():
    flat = torch.randn(4, 321, generator=torch.Generator().manual_seed(0))
    found = card._statistics(flat)
    assert found.shape == (4, 6 * 7)
    torch.testing.assert_close(found[:, 0], flat[:, :16].mean(1))
    torch.testing.assert_close(found[:, 4], flat[:, :16].quantile(0.5, dim=1))
    torch.testing.assert_close(found, card._statistics(permute_hidden(flat, sizes=card.SIZES)))


def test_the_augmented_perceptron_sees_new_orders_while_it_learns_only():
    shown = []
    module = card._Permuted(torch.nn.Identity(), np.random.default_rng(0))
    flat = torch.randn(4, 321, generator=torch.Generator().manual_seed(0))
    shown = [module(flat) for _ in range(2)]
    assert not torch.equal(shown[0], shown[1])
    assert torch.equal(module.eval()(flat), flat)
