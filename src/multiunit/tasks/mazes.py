"""Mazes on a grid, as graphs and as sequences of tokens that tell the maze, the ends and the shortest path."""

from __future__ import annotations

import numpy as np
import pandas as pd

from multiunit.core.errors import InputError

SPECIALS = (
    "<ADJLIST_START>", "<-->", ";", "<ADJLIST_END>", "<ORIGIN_START>", "<ORIGIN_END>", "<TARGET_START>",
    "<TARGET_END>", "<PATH_START>", "<PATH_END>",
)  # fmt: skip
Size = int | tuple[int, int]


def lattice_edges(size: Size) -> np.ndarray:
    """Every two neighbours of a grid, `(edge, 2)` cell numbers; cell = row * columns + column.

    >>> lattice_edges(2).tolist()
    [[0, 1], [2, 3], [0, 2], [1, 3]]
    """
    rows, columns = _shape(size)
    cells = np.arange(rows * columns).reshape(rows, columns)
    across = np.stack([cells[:, :-1].ravel(), cells[:, 1:].ravel()], axis=1)
    return np.concatenate([across, np.stack([cells[:-1].ravel(), cells[1:].ravel()], axis=1)])


def maze_tokens(size: Size) -> list[str]:
    """What every token number says: the cells, then the `SPECIALS`.

    >>> maze_tokens(2)[:5]
    ['(0,0)', '(0,1)', '(1,0)', '(1,1)', '<ADJLIST_START>']
    """
    rows, columns = _shape(size)
    return [*(f"({row},{column})" for row in range(rows) for column in range(columns)), *SPECIALS]


def maze_distances(open_edges: np.ndarray, *, size: Size) -> np.ndarray:
    """Steps of the shortest path between every two cells, `(cell, cell)`; infinite where there is none.

    Args:
        open_edges: bool `(edge,)`, which of `lattice_edges(size)` are passages.
        size: of the grid.

    Raises:
        InputError: for another number of edges.

    >>> maze_distances(np.array([True, True, True, False]), size=2)[1].tolist()
    [1.0, 0.0, 2.0, 3.0]
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import shortest_path

    edges, n_cells = lattice_edges(size), len(maze_tokens(size)) - len(SPECIALS)
    passages = np.asarray(open_edges, dtype=bool)
    if passages.shape != (len(edges),):
        raise InputError("open_edges", passages.shape, f"a grid of this size has {len(edges)} edges")
    a, b = edges[passages].T
    graph = csr_array((np.ones(len(a)), (a, b)), shape=(n_cells, n_cells))
    return np.asarray(shortest_path(graph, directed=False, unweighted=True))


def mazes(
    n_mazes: int, *, size: Size = 3, extra: float = 0.1, random_state: int | np.random.Generator = 0
) -> pd.DataFrame:
    """Draw mazes by randomised depth-first search, open some more walls, and write each with a shortest path.

    The search makes a spanning tree, so that every cell can be reached; then each wall falls with probability
    `extra`. Origin and target are two cells drawn at random. A maze reads: adjacency list, `a <--> b ;` for each
    passage, in random order and direction; origin; target; path, one of the shortest at random.

    Args:
        n_mazes: mazes, drawn independently: the same graph can come twice.
        size: rows and columns, or one number for both.
        extra: probability of a passage where the tree has a wall; 0 leaves trees without cycles.
        random_state: seed or generator.

    Returns:
        One row a maze: `stimulus` (int64 token numbers of `maze_tokens(size)`), `stimulus_id`, `open_edges`
        bool `(edge,)` in the order of `lattice_edges(size)`, `origin`, `target`, `path` int64 `(cell,)` with both
        ends, and `path_start`, the position of <PATH_START>.

    Raises:
        InputError: for no mazes, a grid of a single cell, or an `extra` that is no probability.

    Source: the depth-first mazes (with percolation) and the tokens of Ivanitskiy et al. 2023, arXiv:2312.02566.

    >>> maze = mazes(1, size=2, extra=0.0, random_state=1).iloc[0]
    >>> " ".join(maze_tokens(2)[token] for token in maze["stimulus"][maze["path_start"] :])
    '<PATH_START> (0,1) (1,1) (1,0) <PATH_END>'
    >>> maze_distances(maze["open_edges"], size=2)[maze["origin"], maze["target"]]
    np.float64(2.0)
    """
    if n_mazes < 1:
        raise InputError("n_mazes", n_mazes, "must be at least 1")
    if not 0 <= extra <= 1:
        raise InputError("extra", extra, "a probability")
    rng = np.random.default_rng(random_state)
    edges, n_cells = lattice_edges(size), len(maze_tokens(size)) - len(SPECIALS)
    special = {name: np.array([n_cells + k]) for k, name in enumerate(SPECIALS)}
    found = []
    for number in range(n_mazes):
        passages = _spanning_tree(edges, n_cells, rng) | (rng.random(len(edges)) < extra)
        origin, target = (int(cell) for cell in rng.choice(n_cells, size=2, replace=False))
        path = _shortest(edges[passages], maze_distances(passages, size=size)[target], origin, rng)
        listed = rng.permuted(rng.permutation(edges[passages]), axis=1)
        arrow, stop = (np.repeat(special[name], len(listed)) for name in ("<-->", ";"))
        told = np.stack([listed[:, 0], arrow, listed[:, 1], stop], axis=1).ravel()
        prompt = [
            special["<ADJLIST_START>"], told, special["<ADJLIST_END>"],
            special["<ORIGIN_START>"], [origin], special["<ORIGIN_END>"],
            special["<TARGET_START>"], [target], special["<TARGET_END>"], special["<PATH_START>"],
        ]  # fmt: skip
        stimulus = np.concatenate([*prompt, path, special["<PATH_END>"]]).astype(np.int64)
        start = len(stimulus) - len(path) - 2
        found.append((stimulus, number, passages, origin, target, path, start))
    columns = ["stimulus", "stimulus_id", "open_edges", "origin", "target", "path", "path_start"]
    return pd.DataFrame(found, columns=columns)


def _shape(size: Size) -> tuple[int, int]:
    rows, columns = (size, size) if isinstance(size, int | np.integer) else size
    if min(rows, columns) < 1 or rows * columns < 2:
        raise InputError("size", size, "needs at least two cells")
    return int(rows), int(columns)


def _spanning_tree(edges: np.ndarray, n_cells: int, rng: np.random.Generator) -> np.ndarray:
    """Which edges a randomised depth-first search walks along."""
    ways: list[list[tuple[int, int]]] = [[] for _ in range(n_cells)]
    for edge, (a, b) in enumerate(edges.tolist()):
        ways[a].append((b, edge))
        ways[b].append((a, edge))
    walked = np.zeros(len(edges), dtype=bool)
    trail = [int(rng.integers(n_cells))]
    visited = set(trail)
    while trail:
        onward = [way for way in ways[trail[-1]] if way[0] not in visited]
        if not onward:
            trail.pop()
            continue
        cell, edge = onward[int(rng.integers(len(onward)))]
        walked[edge] = True
        visited.add(cell)
        trail.append(cell)
    return walked


def _shortest(passages: np.ndarray, to_target: np.ndarray, origin: int, rng: np.random.Generator) -> np.ndarray:
    """Descend the distance to the target, at forks of equal length at random."""
    path = [origin]
    while to_target[path[-1]] > 0:
        here = passages[(passages == path[-1]).any(axis=1)]
        neighbours = here.sum(axis=1) - path[-1]
        path.append(int(rng.choice(neighbours[to_target[neighbours] < to_target[path[-1]]])))
    return np.array(path, dtype=np.int64)
