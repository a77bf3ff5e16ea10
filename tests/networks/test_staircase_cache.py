import pytest
import torch

from multiunit.core.errors import InputError
from multiunit.networks.attention_bias import BiasedAttention
from multiunit.networks.staircase_cache import CachedAttention, StaircaseCache, quantise_groups, staircase_bits
from multiunit.networks.tiny_transformer import Attention, TinyTransformer


def draw(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("bits", [1, 2, 4.5, 8])
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_the_error_is_at_most_half_a_step_of_each_group_and_levels_are_as_many_as_said(bits, dim):
    x = draw(11, 7, 10)
    y = quantise_groups(x, bits=bits, group=4, dim=dim)
    n_levels = round(2**bits)
    largest = 0.0
    for before, after in zip(x.split(4, dim), y.split(4, dim), strict=True):
        step = (before.amax(dim, keepdim=True) - before.amin(dim, keepdim=True)) / (n_levels - 1)
        error = (before - after).abs()
        assert (error <= step / 2 + 1e-6).all()
        largest = max(largest, float((error / step).max()))
        torch.testing.assert_close(before.amax(dim), after.amax(dim))
        torch.testing.assert_close(before.amin(dim), after.amin(dim))
    assert largest > (0.45 if bits < 8 else 0.3)
    lines = quantise_groups(torch.linspace(-1, 3, 5000), bits=bits, group=5000, dim=0)
    assert len(lines.unique()) == n_levels


def test_equal_numbers_and_full_precision_stay():
    assert torch.equal(quantise_groups(torch.full((6,), 0.3), bits=2, group=4, dim=0), torch.full((6,), 0.3))
    x = draw(5, 5)
    assert torch.equal(quantise_groups(x, bits=16, group=2, dim=0), x)


def test_bits_fall_with_age():
    steps = ((2, 16), (3, 8), (None, 2))
    assert staircase_bits(1, steps).tolist() == [16]
    assert staircase_bits(4, steps).tolist() == [16, 16, 8, 8]
    assert staircase_bits(8, steps).tolist() == [16, 16, 8, 8, 8, 2, 2, 2]


@pytest.mark.parametrize("oldest_first", [False, True])
def test_each_read_is_what_the_definition_gives(oldest_first):
    steps = ((3, 16), (4, 3), (None, 1))
    cache = StaircaseCache(steps, group=4, oldest_first=oldest_first)
    keys, values = draw(2, 13, 6), 2 * draw(2, 13, 6) - 1
    for n in range(1, 14):
        cache.append(keys[:, n - 1], values[:, n - 1])
        found_keys, found_values = cache.read()
        for token in range(n):
            rank = token if oldest_first else n - 1 - token
            bits = 16 if rank < 3 else 3 if rank < 7 else 1
            first = token // 4 * 4
            group = keys[:, first : min(first + 4, n)]
            wanted_keys = quantise_groups(group, bits=bits, group=4, dim=1)[:, token - first]
            torch.testing.assert_close(found_keys[:, token], wanted_keys)
            wanted_values = quantise_groups(values[:, token], bits=bits, group=4, dim=1)
            torch.testing.assert_close(found_values[:, token], wanted_values)
    assert not torch.equal(found_keys, keys)


def test_without_rounding_attention_is_as_before_and_with_it_the_newest_see_less_of_the_error():
    net = TinyTransformer(11, max_positions=24, width=16, n_heads=2, n_layers=2)
    tokens = torch.randint(11, (3, 24), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before = net(tokens)
        inner = [layer.attention for layer in net.layers]
        for steps, exact in ((((None, 16),), 24), (((5, 16), (None, 1)), 5)):
            for layer, attention in zip(net.layers, inner, strict=True):
                layer.attention = CachedAttention(attention, lambda steps=steps: StaircaseCache(steps, group=4))
            after = net(tokens)
            torch.testing.assert_close(after[:, :exact], before[:, :exact], atol=1e-5, rtol=1e-5)
    assert not torch.allclose(after[:, 6:], before[:, 6:], atol=1e-4)


def test_rotary_attention_is_cached_as_it_is_computed_at_once():
    inner, x = Attention(12, 3), draw(2, 9, 12)
    at_once = BiasedAttention(inner, torch.zeros(1, 9, 9), rotary=True)(x)
    one_by_one = CachedAttention(inner, lambda: StaircaseCache(((None, 16),)), rotary=True)(x)
    torch.testing.assert_close(one_by_one, at_once, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(
    ("named", "call"),
    [
        ("bits", lambda: quantise_groups(torch.zeros(3), bits=0, group=2, dim=0)),
        ("group", lambda: quantise_groups(torch.zeros(3), bits=2, group=0, dim=0)),
        ("dim", lambda: quantise_groups(torch.zeros(3), bits=2, group=2, dim=1)),
        ("steps", lambda: StaircaseCache(())),
        ("steps", lambda: StaircaseCache(((4, 8), (4, 2)))),
        ("steps", lambda: StaircaseCache(((None, 8), (None, 2)))),
        ("steps", lambda: StaircaseCache(((0, 8), (None, 2)))),
        ("steps", lambda: StaircaseCache(((None, 0.5),))),
        ("group", lambda: StaircaseCache(group=0)),
        ("cache", lambda: StaircaseCache().read()),
        ("causal", lambda: CachedAttention(Attention(4, 2), StaircaseCache)(torch.zeros(1, 3, 4), causal=False)),
        ("mask", lambda: CachedAttention(Attention(4, 2), StaircaseCache)(torch.zeros(1, 3, 4), torch.ones(1, 3))),
    ],
)
def test_bad_input_is_named(named, call):
    with pytest.raises(InputError) as caught:
        call()
    assert caught.value.argument == named


def test_tokens_of_another_shape_are_refused():
    cache = StaircaseCache()
    cache.append(torch.zeros(2, 4), torch.zeros(2, 4))
    with pytest.raises(InputError) as caught:
        cache.append(torch.zeros(2, 4), torch.zeros(2, 5))
    assert caught.value.argument == "values"
