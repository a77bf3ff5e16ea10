import numpy as np
import pytest
import torch

from multiunit.papers.astrocyte_spiking_unit import N_KINDS, Recaller, _draw, _recalled


def test_smoke_scale_runs(smoke_claim):
    result = smoke_claim("astrocyte-spiking-unit")
    assert 0 <= result.measured["recall"] <= 1
    # Ten updates leave it near the log2(39) = 5.3 bits of knowing nothing.
    assert 2.5 < result.measured["bits_per_character"] < 5.4
    assert result.control["plain_parameters"] == pytest.approx(result.measured["parameters"], rel=0.03)


def test_the_answer_is_the_first_symbol_and_noise_is_of_other_kinds():
    tokens, answers = _draw(100, np.random.default_rng(1), gap=6)
    np.testing.assert_array_equal(tokens[:, 0], answers[:, 0])
    assert tokens[:, 1:6].min() > N_KINDS + 1
    assert tokens.max() < Recaller(4, 0).embedding.num_embeddings


def test_recall_counts_right_answers():
    class Knows(torch.nn.Module):
        def forward(self, tokens):
            return torch.nn.functional.one_hot(tokens[:, :1] - 1, N_KINDS).float()

    tokens, answers = _draw(50, np.random.default_rng(2), gap=3)
    assert _recalled(Knows(), tokens, answers) == 1
    assert _recalled(Knows(), tokens, answers % N_KINDS + 1) == 0
