import numpy as np
import pytest
import torch

from multiunit.core.errors import InputError
from multiunit.networks import TinyTransformer


def by_hand(net: TinyTransformer, tokens: torch.Tensor) -> torch.Tensor:
    """The same equations with explicit loops over heads and positions, for one sequence."""
    x = net.token_embedding.weight[tokens] + net.position_embedding.weight[: len(tokens)]
    for layer in net.layers:
        a, n_heads = layer.attention, layer.attention.n_heads
        y = layer.attention_norm(x)
        size = y.shape[1] // n_heads
        heads = torch.zeros_like(y)
        for h in range(n_heads):
            columns = slice(h * size, (h + 1) * size)
            q, k, v = (part(y)[:, columns] for part in (a.query, a.key, a.value))
            for t in range(len(tokens)):
                seen = len(tokens) if net.bidirectional else t + 1
                weights = torch.softmax(k[:seen] @ q[t] / size**0.5, dim=0)
                heads[t, columns] = weights @ v[:seen]
        x = x + a.output(heads)
        x = x + layer.mlp.down(torch.relu(layer.mlp.up(layer.mlp_norm(x))))
    return net.norm(x) @ net.head.weight.T


@pytest.mark.parametrize("bidirectional", [False, True])
def test_logits_are_the_equations(bidirectional):
    net = TinyTransformer(
        11, max_positions=7, width=12, n_heads=3, activation="relu", bidirectional=bidirectional, tied=False
    )
    tokens = torch.tensor([3, 1, 4, 1, 5, 9])
    with torch.no_grad():
        torch.testing.assert_close(net(tokens[None])[0], by_hand(net, tokens), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_changes_nothing(side, bidirectional):
    net = TinyTransformer(11, max_positions=9, width=12, n_heads=3, bidirectional=bidirectional)
    tokens = torch.tensor([[3, 1, 4, 1]])
    pads, kept = torch.zeros(1, 3, dtype=torch.long), slice(0, 4) if side == "right" else slice(3, 7)
    padded = torch.cat([tokens, pads] if side == "right" else [pads, tokens], dim=1)
    mask = torch.cat([torch.ones(1, 4), pads] if side == "right" else [pads, torch.ones(1, 4)], dim=1)
    with torch.no_grad():
        logits = net(padded, attention_mask=mask)
        assert torch.isfinite(logits).all()
        torch.testing.assert_close(logits[:, kept], net(tokens), atol=1e-6, rtol=1e-5)


def test_seed_draws_the_weights_and_leaves_the_global_generator():
    state = torch.random.get_rng_state()
    a, b, c = (TinyTransformer(5, random_state=seed).state_dict() for seed in (0, 0, 1))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert not torch.equal(a["layers.0.mlp.up.weight"], c["layers.0.mlp.up.weight"])
    by_generator = TinyTransformer(5, random_state=np.random.default_rng(0)).state_dict()
    assert torch.equal(by_generator["head.weight"], a["head.weight"])


def test_head_is_tied_or_not():
    tied, free = TinyTransformer(5, tied=True), TinyTransformer(5, tied=False)
    assert tied.head.weight is tied.token_embedding.weight
    assert free.head.weight is not free.token_embedding.weight


def test_bad_input_is_named():
    with pytest.raises(InputError, match="n_heads=5"):
        TinyTransformer(5, width=12, n_heads=5)
    with pytest.raises(InputError, match="activation='swish'"):
        TinyTransformer(5, activation="swish")
    with pytest.raises(InputError, match="at most 4 positions"):
        TinyTransformer(5, max_positions=4)(torch.zeros(1, 5, dtype=torch.long))
