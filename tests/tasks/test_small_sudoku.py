"""Grids and puzzles against a solver that tries everything."""

import numpy as np
import pytest

from multiunit.core import InputError
from multiunit.tasks.small_sudoku import small_sudoku, sudoku_grids


def units_of_a_board():
    cells = np.arange(16).reshape(4, 4)
    quarters = [cells[r : r + 2, c : c + 2].ravel() for r in (0, 2) for c in (0, 2)]
    return [*cells, *cells.T, *quarters]


def solutions(board):
    """All full boards that agree with the givens, cell by cell."""
    empty = np.flatnonzero(board == 0)
    if not len(empty):
        return [board]
    found = []
    for digit in range(1, 5):
        tried = board.copy()
        tried[empty[0]] = digit
        if all(
            digit not in np.delete(tried[u], np.flatnonzero(u == empty[0])) for u in units_of_a_board() if empty[0] in u
        ):
            found += solutions(tried)
    return found


def test_the_grids_are_all_that_the_rules_allow():
    grids = sudoku_grids()
    assert len(grids) == 288 == len(np.unique(grids, axis=0)) == len(solutions(np.zeros(16, int)))
    for unit in units_of_a_board():
        assert (np.sort(grids[:, unit], axis=1) == [1, 2, 3, 4]).all()


def test_puzzles_have_one_solution_and_the_givens_asked_for():
    found = small_sudoku(40, n_givens=(5, 7), random_state=1)
    for givens, solution in zip(found.givens, found.solution, strict=True):
        assert [s.tolist() for s in solutions(givens)] == [solution.tolist()]
    n_given = (found.givens > 0).sum(1)
    assert n_given.min() == 5
    assert n_given.max() == 7


def test_only_the_grids_given_are_drawn():
    grids = sudoku_grids()[[3, 200]]
    found = small_sudoku(30, grids=grids)
    assert {tuple(s) for s in found.solution} == {tuple(g) for g in grids}


@pytest.mark.parametrize(
    "wrong",
    [{"n_givens": (3, 5)}, {"n_givens": (9, 8)}, {"grids": np.ones((1, 16), int)}],
    ids=["few", "order", "grid"],
)
def test_errors_name_the_argument(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        small_sudoku(1, **wrong)
