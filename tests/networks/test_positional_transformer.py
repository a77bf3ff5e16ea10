import pytest
import torch

from multiunit.core.errors import InputError
from multiunit.networks.positional_transformer import PositionalTransformer


def by_hand(net: PositionalTransformer, values: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """The same equations with explicit loops over heads and positions, for one list: answers, and weights by layer."""
    n = len(net.positions)
    x = torch.zeros(n, net.n_in)
    x[: len(values)] = values
    if not net.positional:
        x = torch.cat([x, torch.eye(n)], dim=1)
    x = net.encoder(x)
    found = []
    for layer in net.layers:
        source = torch.eye(n) if net.positional else x
        d, size = source.shape[1], x.shape[1] // layer.n_heads
        both = layer.query_key(source)
        weights, heads = torch.zeros(layer.n_heads, n, n), torch.zeros_like(x)
        for h in range(layer.n_heads):
            query, key = both[:, 2 * h * d : (2 * h + 1) * d], both[:, (2 * h + 1) * d : (2 * h + 2) * d]
            columns = slice(h * size, (h + 1) * size)
            for i in range(n):
                weights[h, i] = torch.softmax(key @ query[i] / d**0.5, dim=0)
                heads[i, columns] = weights[h, i] @ layer.value(x)[:, columns]
        first, _, second = layer.mlp
        x = second(torch.relu(first(torch.cat([x, layer.output(heads)], dim=1))))
        found.append(weights)
    return net.decoder(x)[: len(values)], found


@pytest.mark.parametrize("positional", [True, False])
@pytest.mark.parametrize("n_scratch", [0, 2])
def test_answers_and_attention_are_the_equations(positional, n_scratch):
    net = PositionalTransformer(3, 2, n_positions=5, width=12, n_heads=3, n_scratch=n_scratch, positional=positional)
    assert len(net.layers) == 3
    lists = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        answers, weights = net(lists), net.attention(lists)
        assert answers.shape == (2, 5, 2)
        assert weights.shape == (3, 2, 3, 5 + n_scratch, 5 + n_scratch)
        for k in range(2):
            wanted, attended = by_hand(net, lists[k])
            torch.testing.assert_close(answers[k], wanted, atol=1e-6, rtol=1e-5)
            torch.testing.assert_close(weights[:, k], torch.stack(attended), atol=1e-6, rtol=1e-5)


def test_attention_hears_nothing_of_the_numbers_and_that_of_the_rival_does():
    lists = torch.tensor([[[1.0], [2.0], [3.0], [4.0]], [[-50.0], [0.0], [7.0], [1.0]]])
    same = [PositionalTransformer(1, 1, n_positions=4, positional=p).attention(lists) for p in (True, False)]
    assert torch.equal(same[0][:, 0], same[0][:, 1])
    assert not torch.allclose(same[1][:, 0], same[1][:, 1], atol=0.1)


def test_without_biases_the_answer_grows_with_the_numbers_if_attention_is_fixed():
    """Fixed attention and rectifiers are homogeneous: twice the numbers, twice the answer. The rival's are not."""
    lists = torch.randn(3, 8, 1, generator=torch.Generator().manual_seed(1))
    errors = []
    for positional in (True, False):
        net = PositionalTransformer(1, 1, n_positions=8, positional=positional)
        with torch.no_grad():
            for name, part in net.named_parameters():
                if name.endswith("bias"):
                    part.zero_()
            errors.append(float((net(10 * lists) - 10 * net(lists)).abs().max() / net(10 * lists).abs().max()))
    assert errors[0] < 1e-5
    assert errors[1] > 1e-2


def test_a_seed_repeats_and_the_global_generator_is_left_alone():
    before = torch.get_rng_state()
    a, b, c = (PositionalTransformer(1, 1, n_positions=4, random_state=seed) for seed in (3, 3, 4))
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(a.encoder.weight, b.encoder.weight)
    assert not torch.equal(a.encoder.weight, c.encoder.weight)


@pytest.mark.parametrize(
    ("named", "options"),
    [
        ("n_positions", {"n_positions": 0}),
        ("n_layers", {"n_layers": 0}),
        ("n_heads", {"n_heads": 0}),
        ("width", {"width": 7}),
        ("n_scratch", {"n_scratch": -1}),
    ],
)
def test_bad_sizes_are_named(named, options):
    with pytest.raises(InputError) as caught:
        PositionalTransformer(1, 1, **{"n_positions": 4} | options)
    assert caught.value.argument == named


def test_lists_of_another_length_are_refused():
    with pytest.raises(InputError) as caught:
        PositionalTransformer(1, 1, n_positions=4)(torch.zeros(2, 5, 1))
    assert caught.value.argument == "inputs"
