import pytest
import torch

from multiunit.core.errors import InputError
from multiunit.networks.attention_bias import BiasedAttention, attention_bias, rotate, with_attention
from multiunit.networks.tiny_transformer import Attention, TinyTransformer


@pytest.mark.parametrize("kind", ["geometric", "harmonic"])
def test_each_head_has_its_slope(kind):
    bias = attention_bias(kind, 5, n_heads=8)
    assert bias.shape == (8, 5, 5)
    for h in range(8):
        slope = 0.5 ** (h + 1) if kind == "geometric" else 0.5 / (h + 1)
        for i in range(5):
            for j in range(5):
                assert bias[h, i, j].item() == pytest.approx(-slope * abs(i - j))


def test_rotated_products_depend_on_the_distance_alone_and_lengths_stay():
    random = torch.Generator().manual_seed(0)
    query, key = (torch.randn(8, generator=random).expand(20, 8).double() for _ in range(2))
    products = rotate(query) @ rotate(key).T
    for lag in range(-19, 20):
        diagonal = products.diagonal(lag)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal))
    assert products[0].std() > 0.1
    torch.testing.assert_close(rotate(query).norm(dim=1), query.norm(dim=1))


def test_rotation_is_a_product_of_complex_numbers():
    x = torch.randn(2, 3, 7, 6, generator=torch.Generator().manual_seed(1)).double()
    wanted = torch.empty_like(x)
    for i in range(7):
        for c in range(3):
            turned = (x[..., i, 2 * c] + 1j * x[..., i, 2 * c + 1]) * torch.exp(1j * torch.tensor(i * 100 ** (-c / 3)))
            wanted[..., i, 2 * c], wanted[..., i, 2 * c + 1] = turned.real, turned.imag
    torch.testing.assert_close(rotate(x, base=100.0), wanted, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("rotary", [False, True])
@pytest.mark.parametrize("causal", [False, True])
def test_attention_is_the_equation(rotary, causal):
    torch.manual_seed(0)
    inner = Attention(12, 3)
    bias = torch.randn(3, 9, 9)
    bias[:, 4, 1] = -torch.inf
    x = torch.randn(2, 6, 12)
    parts = [part(x).reshape(2, 6, 3, 4) for part in (inner.query, inner.key, inner.value)]
    turn = (lambda y: rotate(y.transpose(1, 2)).transpose(1, 2)) if rotary else (lambda y: y)
    query, key, value = turn(parts[0]), turn(parts[1]), parts[2]
    heads = torch.zeros(2, 6, 3, 4)
    for i in range(6):
        seen = [j for j in range(i + 1 if causal else 6) if (i, j) != (4, 1)]
        for h in range(3):
            logits = torch.stack([(query[:, i, h] * key[:, j, h]).sum(1) / 2 + bias[h, i, j] for j in seen], 1)
            heads[:, i, h] = torch.einsum("bj,bjc->bc", logits.softmax(1), value[:, seen, h])
    found = BiasedAttention(inner, bias, rotary=rotary)(x, causal=causal)
    torch.testing.assert_close(found, inner.output(heads.flatten(2)), atol=1e-5, rtol=1e-5)


def test_a_changed_copy_leaves_the_network_as_it_was_and_is_changed_once():
    net = TinyTransformer(9, max_positions=6, width=8, n_heads=2, n_layers=2)
    tokens = torch.randint(9, (3, 6), generator=torch.Generator().manual_seed(0))
    before = net(tokens)
    alone = torch.zeros(1, 6, 6).masked_fill(~torch.eye(6, dtype=torch.bool), -torch.inf)
    changed = with_attention(net, lambda inner: BiasedAttention(inner, alone))
    again = with_attention(changed, lambda inner: BiasedAttention(inner, torch.zeros(1, 6, 6)))
    assert torch.equal(net(tokens), before)
    # Who hears nobody else answers to a token as to the first one of a text, but for its position.
    first = net.position_embedding.weight[0].expand(6, -1)
    with torch.no_grad():
        changed.position_embedding.weight.copy_(first)
    torch.testing.assert_close(changed(tokens)[:, 4], net(tokens[:, 4:])[:, 0])
    torch.testing.assert_close(again(tokens), before, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(
    ("named", "call"),
    [
        ("kind", lambda: attention_bias("alibi", 3, n_heads=2)),
        ("length", lambda: attention_bias("harmonic", 0, n_heads=2)),
        ("n_heads", lambda: attention_bias("harmonic", 3, n_heads=0)),
        ("x", lambda: rotate(torch.zeros(2, 3))),
        ("bias", lambda: BiasedAttention(Attention(4, 2), torch.zeros(3, 5, 5))),
        ("x", lambda: BiasedAttention(Attention(4, 2), torch.zeros(1, 2, 2))(torch.zeros(1, 3, 4))),
        (
            "mask",
            lambda: BiasedAttention(Attention(4, 2), torch.zeros(1, 3, 3))(torch.zeros(1, 3, 4), torch.ones(1, 3)),
        ),
    ],
)
def test_bad_input_is_named(named, call):
    with pytest.raises(InputError) as caught:
        call()
    assert caught.value.argument == named
