from functools import partial

import numpy as np
import torch
from torch import nn

from multiunit.networks.spiking_transformer import ramped_spikes, spiking_transformer
from multiunit.papers import spiking_transformer_conversion as card
from multiunit.papers.spiking_transformer_conversion import _seen, rounded


def test_smoke_scale_runs_and_few_bits_break_the_model(smoke_claim):
    result = smoke_claim("spiking-transformer-conversion")
    assert abs(result.measured["excess_at_8_bits"]) < 0.2 < result.measured["excess_at_2_bits"]
    assert result.measured["sums_that_are_rounded"] == 1
    assert result.measured["event_product_error"] < 1e-5
    assert result.control["printed_product_error_at_best_scale"] > 0
    assert result.control["excess_flat_threshold"] > 0.5


def test_what_comes_to_the_neurons_is_seen_and_rounded(monkeypatch):
    class Answer(nn.Module):
        def __init__(self):
            super().__init__()
            self.map = nn.Linear(3, 3)

        def forward(self, x):
            self.logits = self.map(x)
            return self

    x = torch.as_tensor(np.random.default_rng(0).normal(size=(2, 5, 3))).float()
    model = spiking_transformer(Answer(), x, bits=5)
    seen = _seen(model, x)
    assert set(seen) == {"map.before", "map.after"}
    torch.testing.assert_close(seen["map.before"], x)
    assert rounded(model, seen) == 1
    # Spikes of a threshold that rises too slowly are not the rounded number.
    monkeypatch.setattr(card, "ramped_spikes", partial(ramped_spikes, alpha=0.9))
    assert rounded(model, seen) < 0.9
