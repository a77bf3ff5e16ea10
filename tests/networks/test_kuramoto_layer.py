"""Oscillator layers against Kuramoto's equation of phases."""

import numpy as np
import pytest
import torch
from torch import nn

from multiunit.core import InputError
from multiunit.learning.train_solver import train_solver
from multiunit.networks.kuramoto_layer import BiasedAttention, KuramotoLayer, KuramotoSolver, energy_vote


class Matrix(nn.Module):
    """J between tokens: y_i = sum_j K_ij x_j."""

    def __init__(self, k):
        super().__init__()
        self.k = torch.as_tensor(k)

    def forward(self, x):
        return torch.einsum("ij,bjc->bic", self.k, x)


def test_two_channels_are_the_phases_of_kuramoto():
    rng = np.random.default_rng(0)
    k, phase, gamma, omega = rng.normal(size=(5, 5)), rng.uniform(0, 6, 5), 1e-3, 0.7
    expected = phase.copy()
    for _ in range(1000):
        pull = (k * np.sin(expected[None] - expected[:, None])).sum(1)
        expected = expected + gamma * (pull - omega)  # Omega turns (x1, x2) to (x2, -x1): clockwise
    layer = KuramotoLayer(Matrix(k), n=2, gamma=gamma, omega=omega).double()
    start = torch.as_tensor(np.stack([np.cos(phase), np.sin(phase)], 1))[None]
    found = layer(start, stimulus=torch.zeros_like(start), n_steps=1000)
    x = found.states[-1, 0].detach().numpy()
    np.testing.assert_allclose(x, np.stack([np.cos(expected), np.sin(expected)], 1), atol=2e-3)
    energy = -(k * np.cos(phase[None] - phase[:, None])).sum()
    assert found.energies[0].item() == pytest.approx(energy)


@pytest.mark.parametrize("n", [2, 4])
def test_states_stay_on_the_sphere_and_symmetric_coupling_lowers_the_energy(n):
    torch.manual_seed(0)
    k = torch.randn(6, 6, dtype=torch.float64)
    layer = KuramotoLayer(Matrix(k + k.T), n=n, gamma=0.02, omega=0.0).double()
    x, c = torch.randn(3, 6, 8, dtype=torch.float64), torch.zeros(3, 6, 8, dtype=torch.float64)
    found = layer(x, stimulus=c, n_steps=200)
    lengths = found.states.unflatten(-1, (-1, n)).norm(dim=-1)
    torch.testing.assert_close(lengths, torch.ones_like(lengths))
    assert (found.energies.diff(dim=0) < 1e-9).all()
    assert (found.energies[-1] < found.energies[0] - 1).all()


def test_without_constraint_it_is_an_iterated_residual_layer():
    torch.manual_seed(0)
    k = torch.randn(3, 3)
    x, c = torch.randn(2, 3, 4), torch.randn(2, 3, 4)
    for constraint in ("none", "layer_norm"):
        layer = KuramotoLayer(Matrix(k), n=2, gamma=0.5, omega=0.0, constraint=constraint)
        expected = x
        for _ in range(3):
            seen = nn.functional.layer_norm(expected, (4,)) if constraint == "layer_norm" else expected
            expected = expected + 0.5 * (c + torch.einsum("ij,bjc->bic", k, seen))
        torch.testing.assert_close(layer(x, stimulus=c, n_steps=3).states[-1], expected)


def test_attention_is_torchs_where_places_count_for_nothing():
    torch.manual_seed(0)
    own, other = BiasedAttention(8, n_tokens=5, n_heads=2), nn.MultiheadAttention(8, 2, batch_first=True)
    other.load_state_dict(
        {
            "in_proj_weight": own.inward.weight,
            "in_proj_bias": own.inward.bias,
            "out_proj.weight": own.outward.weight,
            "out_proj.bias": own.outward.bias,
        }
    )
    x = torch.randn(3, 5, 8)
    mask = own.place.repeat(3, 1, 1)
    torch.testing.assert_close(own(x), other(x, x, x, attn_mask=mask, need_weights=False)[0])


def test_all_constraints_have_the_same_weights_and_the_vote_takes_the_lowest_energy():
    nets = [KuramotoSolver(4, n_tokens=16, n_channels=8, constraint=c) for c in ("sphere", "none", "layer_norm")]
    for net in nets[1:]:
        for a, b in zip(nets[0].parameters(), net.parameters(), strict=True):
            torch.testing.assert_close(a, b)
    givens = np.zeros((6, 16), int)
    state = torch.get_rng_state()
    votes, again = (energy_vote(nets[0], givens, n_runs=5, n_steps=3, random_state=2) for _ in range(2))
    assert torch.equal(state, torch.get_rng_state())
    np.testing.assert_array_equal(votes.energies, again.energies)
    chosen = votes.energies[votes.chosen, np.arange(6)]
    assert (chosen == votes.energies.min(0)).all()
    assert (votes.energies.std(0) > 0).all()
    assert votes.answers.min() >= 1
    assert votes.answers.max() <= 4


def test_a_solver_learns_to_repeat_what_is_given():
    def draw(n, rng):
        board = rng.integers(1, 5, size=(n, 6))
        return board, board

    net = KuramotoSolver(4, n_tokens=6, n_channels=16, n_steps=2)
    losses = train_solver(net, draw, n_steps=80, batch_size=32, learning_rate=1e-2)
    assert losses[0] > 1.2
    assert losses[-10:].mean() < 0.3


def test_errors_name_the_argument():
    with pytest.raises(InputError, match="n=3"):
        KuramotoLayer(nn.Identity(), n=3)
    with pytest.raises(InputError, match="constraint"):
        KuramotoLayer(nn.Identity(), constraint="cube")
    with pytest.raises(InputError, match="x="):
        KuramotoLayer(nn.Identity(), n=4)(torch.zeros(1, 2, 6), stimulus=torch.zeros(1, 2, 6), n_steps=1)
    with pytest.raises(InputError, match="n_heads"):
        BiasedAttention(6, n_tokens=3, n_heads=4)
