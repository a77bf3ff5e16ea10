import numpy as np
import pytest

from multiunit.networks.kuramoto_layer import Votes
from multiunit.papers.kuramoto_oscillatory_neurons import correlation_within, solved, voted
from multiunit.tasks.small_sudoku import Puzzles


def test_smoke_scale_runs(smoke_claim):
    result = smoke_claim("kuramoto-oscillatory-neurons")
    assert all(0 <= value <= 1 for value in result.control.values())
    # Forty updates solve hardly any board with half of its cells missing.
    assert result.measured["solved"] < 0.5
    assert result.measured["energy_correctness_correlation"] <= 1


def test_a_board_is_solved_when_every_cell_is_right():
    solution = np.array([[1, 2, 3], [3, 2, 1]])
    answers = np.array([[[1, 2, 3], [3, 2, 2]], [[1, 1, 3], [3, 2, 1]]])
    votes = Votes(answers, np.array([[-5.0, -1.0], [-2.0, -3.0]]), np.array([0, 1]))
    puzzles = Puzzles(np.zeros_like(solution), solution)
    assert solved(votes, puzzles).tolist() == [[True, False], [False, True]]
    assert voted(votes, puzzles) == 1
    # The right run of each board is the one of lower energy.
    assert correlation_within(votes.energies, solved(votes, puzzles)) == pytest.approx(-5 / np.sqrt(13 * 2))


def test_boards_that_are_all_right_or_all_wrong_say_nothing_of_energy():
    energies = np.array([[0.0, 100.0], [1.0, 103.0]])
    assert correlation_within(energies, np.array([[True, False], [True, False]])) == 0
