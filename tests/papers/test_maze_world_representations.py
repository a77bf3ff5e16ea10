import numpy as np
import torch

from multiunit.core.edit import Ablate
from multiunit.networks.tiny_transformer import TinyTransformer
from multiunit.papers.maze_world_representations import N_CELLS, Solver, _legal, _lookup, _read
from multiunit.systems.torch_system import TorchSystem
from multiunit.tasks.mazes import lattice_edges, maze_tokens, mazes


def network(seed=0):
    return TinyTransformer(len(maze_tokens(3)), max_positions=72, n_layers=3, tied=False, random_state=seed)


def test_only_the_path_is_learned_from():
    net, maze = network(), mazes(1).iloc[0]
    tokens = torch.as_tensor(maze["stimulus"])[None]
    logits = Solver(net)(tokens)
    assert torch.equal(logits, net(tokens))
    start = maze["path_start"]
    weights = net.head.weight
    told = torch.autograd.grad(logits[:, start].sum(), weights, retain_graph=True)[0]
    listed = torch.autograd.grad(logits.sum(), weights, retain_graph=True)[0]
    on_path = torch.autograd.grad(logits[:, start:].sum(), weights)[0]
    assert told.abs().sum() > 0
    assert torch.allclose(listed, on_path)


def test_attention_to_connected_cells_by_brute_force():
    net, frame = network(1), mazes(6, random_state=2)
    for layer in net.layers:
        layer.attention.query.weight.data *= 40
    found = _lookup(net, frame)
    stored = {}
    attention = net.layers[found.layer].attention
    attention.query.register_forward_hook(lambda *a: stored.__setitem__("query", a[2][0]))
    attention.key.register_forward_hook(lambda *a: stored.__setitem__("key", a[2][0]))
    got, even = np.zeros(2), np.zeros(2)
    edges = [tuple(edge) for edge in lattice_edges(3).tolist()]
    for maze in list(frame.itertuples())[1::2]:
        open_pairs = {frozenset(edge) for edge, is_open in zip(edges, maze.open_edges, strict=True) if is_open}
        shut_pairs = {frozenset(edge) for edge in edges} - open_pairs
        with torch.no_grad():
            net(torch.as_tensor(maze.stimulus)[None])
        width = slice(16 * found.head, 16 * found.head + 16)
        listed = [p for p in range(1, 4 * len(open_pairs)) if maze.stimulus[p] < N_CELLS]
        for step, cell in enumerate(maze.path[:-1]):
            at = maze.path_start + 1 + step
            score = stored["key"][: at + 1, width] @ stored["query"][at, width] / 4
            share = score.softmax(dim=0)[listed].numpy()
            for k, pairs in enumerate((open_pairs, shut_pairs)):
                hit = np.array([frozenset((cell, maze.stimulus[p])) in pairs for p in listed])
                got[k] += share[hit].sum()
                even[k] += share.sum() * hit.mean()
    assert np.allclose([found.connected, found.walled], got / even, rtol=1e-4)
    assert abs(found.connected - 1) > 0.01


def test_a_legal_step_follows_a_passage():
    net, frame = network(), mazes(20, random_state=1)
    # The unembedding is set so that every token is followed by the cell to its right, wherever there is a wall.
    follow = torch.zeros(len(maze_tokens(3)), 64)
    net.token_embedding.weight.data = 5 * torch.eye(64)[: len(follow)]
    net.position_embedding.weight.data.zero_()
    for layer in net.layers:
        layer.attention.output.weight.data.zero_()
        layer.mlp.down.weight.data.zero_()
    for cell in range(N_CELLS):
        follow[(cell + 1) % N_CELLS, cell] = 1.0
    net.head.weight.data = follow
    edges = {frozenset(edge): k for k, edge in enumerate(lattice_edges(3).tolist())}
    expected = [
        bool(maze.open_edges[edges[frozenset((cell, cell + 1))]]) if cell % 3 < 2 else False
        for maze in frame.itertuples()
        for cell in maze.path[:-1]
    ]
    system = TorchSystem(net)
    assert _legal(system, frame, []) == np.mean(expected)
    assert 0 < np.mean(expected) < 1
    assert _legal(system, frame, [Ablate([f"layers.2/{unit}" for unit in range(64)])]) != np.mean(expected)


def test_passages_that_the_prompt_writes_out_are_read():
    net, frame = network(), mazes(120, random_state=3)
    planted = TinyTransformer(len(maze_tokens(3)), max_positions=72, n_layers=3, tied=False)
    # The first layer attends evenly and copies; a network without that copy has nothing but position.
    for module, copies in ((planted, 1.0), (net, 0.0)):
        attention = module.layers[0].attention
        attention.query.weight.data.zero_()
        attention.value.weight.data = torch.eye(64)
        attention.output.weight.data = 50 * copies * torch.eye(64)
    for layer in net.layers:
        layer.attention.output.weight.data.zero_()
    rng = np.random.default_rng(0)
    counted, blind = (_read(module, frame, 3, rng) for module in (planted, net))
    assert counted.edges > blind.edges + 0.05
    assert abs(blind.edges - blind.before) < 0.05
    assert counted.shuffled < counted.edges


def test_smoke_scale_has_learned_no_mazes_and_does_not_hold(smoke_claim):
    result = smoke_claim("maze-world-representations")
    assert not result.holds
    assert result.measured["legal_steps"] < 0.6
    assert result.measured["whole"] < 0.3
    assert 0.6 < result.control["majority"] < 0.8
