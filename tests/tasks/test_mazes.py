from collections import deque
from itertools import pairwise

import networkx
import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.tasks.mazes import lattice_edges, maze_distances, maze_tokens, mazes


def graph_of(maze, size):
    graph = networkx.Graph()
    graph.add_nodes_from(range(np.prod(size)))
    graph.add_edges_from(lattice_edges(size)[maze.open_edges].tolist())
    return graph


def test_edges_are_those_of_the_grid():
    grid = networkx.grid_2d_graph(3, 4)
    expected = {frozenset((a * 4 + b, c * 4 + d)) for (a, b), (c, d) in grid.edges}
    edges = lattice_edges((3, 4))
    assert {frozenset(pair) for pair in edges.tolist()} == expected
    assert len(edges) == len(expected)


@pytest.mark.parametrize("size", [(1, 5), (2, 3), (4, 4)])
def test_without_extra_passages_a_maze_is_a_spanning_tree(size):
    for maze in mazes(20, size=size, extra=0.0).itertuples():
        assert networkx.is_tree(graph_of(maze, size))


def test_extra_passages_open_as_many_walls_as_asked():
    frame = mazes(400, size=4, extra=0.3)
    n_edges, n_tree = 24, 15
    expected = n_tree + 0.3 * (n_edges - n_tree)
    assert frame["open_edges"].map(sum).mean() == pytest.approx(expected, abs=0.3)
    assert all(mazes(3, size=4, extra=1.0)["open_edges"].map(all))


def test_distances_by_brute_force():
    size = (3, 4)
    for maze in mazes(5, size=size, extra=0.2).itertuples():
        graph = graph_of(maze, size)
        distances = maze_distances(maze.open_edges, size=size)
        for start in range(12):
            steps, queue = {start: 0}, deque([start])
            while queue:
                here = queue.popleft()
                for cell in graph[here]:
                    if cell not in steps:
                        steps[cell] = steps[here] + 1
                        queue.append(cell)
            assert distances[start].tolist() == [steps[cell] for cell in range(12)]
    assert np.isinf(maze_distances(np.zeros(4, dtype=bool), size=2)[0, 1])


def test_a_sequence_tells_its_maze_and_a_shortest_path():
    size = (3, 4)
    names = maze_tokens(size)
    for maze in mazes(30, size=size, extra=0.2).itertuples():
        words = [names[token] for token in maze.stimulus]
        told = words[1 : words.index("<ADJLIST_END>")]
        assert set(told[1::4]) == {"<-->"}
        assert set(told[3::4]) == {";"}
        listed = {frozenset((names.index(a), names.index(b))) for a, b in zip(told[::4], told[2::4], strict=True)}
        assert listed == {frozenset(pair) for pair in lattice_edges(size)[maze.open_edges].tolist()}
        assert len(told) == 4 * maze.open_edges.sum()
        assert words[words.index("<ORIGIN_START>") + 1] == names[maze.origin]
        assert words[words.index("<TARGET_START>") + 1] == names[maze.target]
        assert words[maze.path_start] == "<PATH_START>"
        assert words[-1] == "<PATH_END>"
        path = [names.index(word) for word in words[maze.path_start + 1 : -1]]
        assert path == maze.path.tolist()
        assert (path[0], path[-1]) == (maze.origin, maze.target)
        graph = graph_of(maze, size)
        assert all(graph.has_edge(a, b) for a, b in pairwise(path))
        assert len(path) - 1 == networkx.shortest_path_length(graph, maze.origin, maze.target)


def test_passages_are_listed_in_random_order_and_direction():
    frame = mazes(200, size=2, extra=1.0)
    pairs = np.stack([maze.stimulus[1:17].reshape(4, 4)[:, [0, 2]] for maze in frame.itertuples()])
    assert (pairs[:, 0, 0] < pairs[:, 0, 1]).mean() == pytest.approx(0.5, abs=0.12)
    first = np.sort(pairs[:, 0], axis=1)
    assert [(first == edge).all(axis=1).mean() for edge in lattice_edges(2)] == pytest.approx([0.25] * 4, abs=0.1)


def test_paths_of_equal_length_are_all_taken():
    frame = mazes(300, size=2, extra=1.0)
    across = frame[(frame["origin"] == 0) & (frame["target"] == 3)]
    assert {tuple(path.tolist()) for path in across["path"]} == {(0, 1, 3), (0, 2, 3)}


def test_the_seed_decides():
    one, same, other = (mazes(5, random_state=seed) for seed in (3, 3, 4))
    assert all((a == b).all() for a, b in zip(one["stimulus"], same["stimulus"], strict=True))
    assert one["path"].map(tuple).tolist() != other["path"].map(tuple).tolist()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [({"n_mazes": 0}, "n_mazes"), ({"n_mazes": 1, "size": 1}, "size"), ({"n_mazes": 1, "extra": 1.5}, "extra")],
)
def test_bad_arguments_are_named(arguments, named):
    with pytest.raises(InputError, match=named):
        mazes(**arguments)


def test_distances_refuse_another_grid():
    with pytest.raises(InputError, match="open_edges"):
        maze_distances(np.ones(5, dtype=bool), size=2)
