"""Sudoku of 4 x 4 cells: all its grids, and puzzles with one solution."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import permutations
from typing import NamedTuple

import numpy as np

from multiunit.core.errors import InputError


class Puzzles(NamedTuple):
    """Puzzles and what fills them.

    Args:
        givens: `(puzzle, 16)`, digits 1 to 4, and 0 where nothing is given; cells row by row.
        solution: `(puzzle, 16)`, digits 1 to 4.
    """

    givens: np.ndarray
    solution: np.ndarray


@cache
def _grids() -> np.ndarray:
    rows = np.array(list(permutations(range(1, 5))))
    found = []
    for a in rows:
        for b in rows:
            if set(a[:2]) & set(b[:2]) or (a == b).any():
                continue
            for c in rows:
                if (c == a).any() or (c == b).any():
                    continue
                d = 10 - a - b - c  # the fourth row is what the columns lack
                if not set(c[:2]) & set(d[:2]):
                    found.append(np.concatenate([a, b, c, d]))
    grids = np.array(found)
    grids.setflags(write=False)
    return grids


def sudoku_grids() -> np.ndarray:
    """All 288 grids whose rows, columns and quarters hold the digits 1 to 4 once, `(grid, 16)`, cells row by row.

    >>> sudoku_grids().shape
    (288, 16)
    """
    return _grids().copy()


def small_sudoku(
    n_puzzles: int,
    *,
    n_givens: Sequence[int] = (8, 10),
    grids: np.ndarray | None = None,
    random_state: int | np.random.Generator = 0,
) -> Puzzles:
    """Draw puzzles that have exactly one solution.

    Args:
        n_puzzles: how many.
        n_givens: least and largest number of cells given, drawn evenly.
        grids: `(grid, 16)`, the solutions to draw from; all of them if None. Uniqueness is among all grids.
        random_state: seed or generator.

    Returns:
        The puzzles; the same one may be drawn twice.

    Raises:
        InputError: for no puzzles, numbers of givens outside 4 to 16, or something that is no grid.

    >>> found = small_sudoku(2, n_givens=(5, 6))
    >>> bool(((found.givens == 0) | (found.givens == found.solution)).all())
    True
    """
    low, high = int(n_givens[0]), int(n_givens[-1])
    if n_puzzles < 1:
        raise InputError("n_puzzles", n_puzzles, "must be at least 1")
    if len(n_givens) != 2 or not 4 <= low <= high <= 16:
        raise InputError("n_givens", tuple(n_givens), "needs (least, largest) within 4 to 16; fewer fix no solution")
    every = _grids()
    chosen_from = every if grids is None else np.asarray(grids)
    if chosen_from.ndim != 2 or not len(chosen_from) or not (chosen_from[:, None] == every).all(2).any(1).all():
        raise InputError("grids", chosen_from.shape, "needs (grid, 16), each a full grid without a mistake")
    rng = np.random.default_rng(random_state)
    givens, solution = np.empty((0, 16), int), np.empty((0, 16), int)
    while len(givens) < n_puzzles:
        n = n_puzzles - len(givens)
        grid = chosen_from[rng.integers(len(chosen_from), size=n)]
        shown = rng.random((n, 16)).argsort(1).argsort(1) < rng.integers(low, high + 1, size=n)[:, None]
        unique = ((grid[:, None] == every) | ~shown[:, None]).all(2).sum(1) == 1
        givens = np.concatenate([givens, np.where(shown, grid, 0)[unique]])
        solution = np.concatenate([solution, grid[unique]])
    return Puzzles(givens, solution)
