import numpy as np
import torch

from multiunit.core.paper import Scale
from multiunit.networks.tiny_transformer import TinyTransformer
from multiunit.papers.dead_ngram_positional_neurons import SITES, _Shuffled, _suppression, claim
from multiunit.systems.torch_system import TorchSystem
from multiunit.tasks.grammar_text import grammar_text, random_grammar


def test_shuffled_positions_are_a_permutation_within_each_sequence():
    system = TorchSystem(TinyTransformer(39, max_positions=6, width=8, n_heads=2))
    texts = grammar_text(random_grammar(), n_windows=4, window=6)
    shuffled = _Shuffled(system, np.random.default_rng(0))
    for plain, moved in zip(system.stream(texts, SITES), shuffled.stream(texts, SITES), strict=True):
        assert (plain.presentations["position"] != moved.presentations["position"]).any()
        for _, group in moved.presentations.groupby("sequence_id"):
            assert sorted(group["position"]) == list(range(6))
        assert all(torch.equal(plain.activity[site], moved.activity[site]) for site in plain.activity)


def test_a_planted_unit_suppresses_its_trigger():
    net = TinyTransformer(12, max_positions=4, width=16, n_heads=2)
    with torch.no_grad():
        net.layers[0].mlp.down.weight[:, 5] = -net.head.weight[7]
        net.layers[0].mlp.down.weight[:, 6] = net.head.weight[7]
    rng = np.random.default_rng(0)
    assert _suppression(net, np.array([5]), np.array([7]), rng)[0] == 0.0
    assert _suppression(net, np.array([6]), np.array([7]), rng)[0] == 1.0


def test_same_seed_same_claim_at_smoke_scale():
    first, again = (claim(Scale("smoke"), np.random.default_rng(1)) for _ in range(2))
    assert str(first) == str(again)
    assert first.control["untrained_positional_share"] > first.control["positional_share"]
