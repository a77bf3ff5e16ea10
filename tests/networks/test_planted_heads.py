import numpy as np
import pytest
import torch

from multiunit.core.edit import Ablate
from multiunit.core.errors import InputError
from multiunit.interventions.components import heads_and_mlps
from multiunit.learning.train_language_model import train_language_model
from multiunit.networks.planted_heads import fill_other_heads, only_heads
from multiunit.networks.tiny_transformer import TinyTransformer
from multiunit.systems.torch_system import TorchSystem

HEADS = [(0, 1), (1, 2)]
TOKENS = torch.tensor([[1, 2, 3, 4]])


@pytest.fixture
def net():
    return TinyTransformer(10, max_positions=8, width=16, n_heads=4, n_layers=2).eval()


def test_silent_heads_are_ablated_heads(net):
    system = TorchSystem(net)
    table = heads_and_mlps(system, [[1, 2]], mlps=False)
    others = [u for row in table.itertuples() if (row.layer, row.head) not in HEADS for u in row.units]
    with torch.no_grad():
        plain = net(TOKENS)
        with only_heads(net, HEADS):
            gated = net(TOKENS)
        with system.edited([Ablate(others)]) as edited:
            ablated = edited(TOKENS)
        assert not torch.equal(plain, gated)
        torch.testing.assert_close(gated, ablated)
        assert torch.equal(net(TOKENS), plain)


def test_training_reaches_the_planted_heads_alone(net):
    before = [layer.attention.value.weight.detach().clone() for layer in net.layers]
    with only_heads(net, HEADS):
        train_language_model(net, [np.arange(8)], n_steps=3, batch_size=2, weight_decay=0.0)
    after = [layer.attention.value.weight.detach() for layer in net.layers]
    moved = [(a - b).unflatten(0, (4, 4)).abs().amax((1, 2)) > 0 for a, b in zip(after, before, strict=True)]
    assert [(layer, head) for layer in range(2) for head in range(4) if moved[layer][head]] == HEADS


def test_filled_heads_have_the_same_weights_in_another_order(net):
    own = {part: getattr(net.layers[1].attention, part).weight.detach().clone() for part in ("query", "output")}
    fill_other_heads(net, HEADS, strength=0.25, random_state=3)
    query, output = (getattr(net.layers[1].attention, part).weight.detach() for part in ("query", "output"))
    assert torch.equal(query[8:12], own["query"][8:12])
    assert torch.equal(output[:, 8:12], own["output"][:, 8:12])
    assert torch.equal(query[:4].flatten().sort().values, own["query"][8:12].flatten().sort().values)
    assert not torch.equal(query[:4], own["query"][8:12])
    torch.testing.assert_close(output[:, :4].norm(), 0.25 * own["output"][:, 8:12].norm())


def test_a_layer_without_planted_heads_is_filled_too(net):
    fill_other_heads(net, [(0, 1)], random_state=0)
    first, second = (layer.attention.key.weight.detach() for layer in net.layers)
    assert torch.equal(second[:4].flatten().sort().values, first[4:8].flatten().sort().values)


@pytest.mark.parametrize("heads", [[], [(2, 0)], [(0, 4)]])
def test_heads_that_do_not_exist_are_named(net, heads):
    with pytest.raises(InputError, match="heads"):
        fill_other_heads(net, heads)
    with pytest.raises(InputError, match="heads"), only_heads(net, heads):
        pass
