import numpy as np
import pytest
import torch

from multiunit.networks.tiny_transformer import TinyTransformer
from multiunit.papers.probabilistic_transformer_engineering import losses, mean_bits, word_bits


def test_smoke_scale_runs(smoke_claim):
    result = smoke_claim("probabilistic-transformer-engineering")
    # After two updates it knows next to nothing.
    assert 2 < result.measured["loss"] < 1.1 * np.log(65)
    for name, value in {**result.measured, **result.control}.items():
        assert np.isfinite(value)
        if name.endswith("increase"):
            assert abs(value) < 0.5
        if name.endswith("bits"):
            assert 1 < value < 6


def test_the_mean_is_over_all_that_is_read_in_the_second_half():
    wanted = [(8 * 16 + 16 * 8 + 32 * 4 + (n - 56) * 2) / n for n in range(64, 128)]
    assert mean_bits() == pytest.approx(np.mean(wanted))


def test_losses_are_those_of_the_next_token():
    net = TinyTransformer(9, max_positions=6, random_state=1)
    windows = torch.randint(9, (3, 6), generator=torch.Generator().manual_seed(0))
    found = losses(net, windows)
    assert found.shape == (3, 5)
    p = net(windows).softmax(-1)
    for i in range(5):
        torch.testing.assert_close(found[1, i], -p[1, i, windows[1, i + 1]].log())


def test_a_text_of_one_word_costs_next_to_nothing():
    # One word again and again: both vocabularies hold it whole, and it costs next to nothing.
    bits = word_bits("abab " * 4000, np.random.default_rng(0), n_words=1500, n_merges=10)
    assert all(0 < value < 0.1 for value in bits.values())
