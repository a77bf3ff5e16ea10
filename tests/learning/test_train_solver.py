import numpy as np
import pytest
import torch
from torch import nn

from multiunit.core import InputError
from multiunit.learning.train_solver import train_solver


class Next(nn.Module):
    """Each cell's symbol is read off its left neighbour."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(4, 3)
        nn.init.zeros_(self.table.weight)

    def forward(self, givens):
        return self.table(givens.roll(1, 1))


def draw(n, rng):
    first = rng.integers(1, 4, size=(n, 1))
    board = (first + np.arange(6) - 1) % 3 + 1
    return board, board


def test_a_planted_rule_is_learned_and_a_seed_repeats():
    nets = [Next(), Next()]
    state = torch.get_rng_state()
    losses = [train_solver(net, draw, n_steps=80, learning_rate=0.1, random_state=3) for net in nets]
    assert torch.equal(state, torch.get_rng_state())
    np.testing.assert_array_equal(*losses)
    assert losses[0][0] == pytest.approx(np.log(3), rel=1e-5)
    assert losses[0][-1] < 0.1
    board, solution = draw(20, np.random.default_rng(9))
    assert (nets[0](torch.as_tensor(board)).argmax(-1).numpy() + 1 == solution)[:, 1:].all()


def test_errors_name_the_argument():
    with pytest.raises(InputError, match="n_steps=0"):
        train_solver(Next(), draw, n_steps=0)
    with pytest.raises(InputError, match="learning_rate"):
        train_solver(Next(), draw, n_steps=50, learning_rate=float("inf"))
