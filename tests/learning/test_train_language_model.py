import numpy as np
import pytest
import torch
from torch import nn

from multiunit.core.errors import InputError
from multiunit.learning import train_language_model
from multiunit.networks import TinyTransformer


def small(seed=0):
    return TinyTransformer(6, max_positions=12, width=16, n_heads=2, n_layers=1, random_state=seed)


def test_loss_reaches_the_entropy_of_a_known_source():
    """Even tokens 0, 2, 4 are fair draws; each odd token is the one before plus one: entropy log(3)/2 a token."""
    rng = np.random.default_rng(0)
    first = 2 * rng.integers(3, size=(400, 6))
    sequences = np.stack([first, first + 1], axis=2).reshape(400, 12)
    losses = train_language_model(small(), list(sequences), n_steps=200, learning_rate=1e-2)
    # Eleven predictions a sequence: six sure ones and five fair draws.
    assert losses[-30:].mean() == pytest.approx(5 * np.log(3) / 11, abs=0.03)


def test_same_seed_same_weights_and_global_generators_untouched():
    sequences = [np.arange(5), np.arange(3)]
    torch_state, numpy_state = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    runs = []
    for seed in (0, 0, 1):
        net = small()
        losses = train_language_model(net, sequences, n_steps=5, batch_size=4, random_state=seed)
        runs.append((losses, net.head.weight.detach().clone()))
    assert np.array_equal(runs[0][0], runs[1][0])
    assert torch.equal(runs[0][1], runs[1][1])
    assert not np.array_equal(runs[0][0], runs[2][0])
    assert torch.equal(torch.random.get_rng_state(), torch_state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002


class Recorder(nn.Module):
    """Logits that do not depend on the input, and a record of what was asked."""

    def __init__(self):
        super().__init__()
        self.logits, self.seen = nn.Parameter(torch.zeros(6)), []

    def forward(self, input_ids, attention_mask=None):
        self.seen.append((input_ids, attention_mask))
        return self.logits.expand(*input_ids.shape, 6)


def test_padding_counts_nowhere():
    """A constant predictor: were the pads' zeros predicted, logit 0 would differ from that of a token never seen."""
    net = Recorder()
    train_language_model(net, [[2, 3], [2, 3, 3, 3]], n_steps=200, batch_size=8, learning_rate=0.1, weight_decay=0.0)
    tokens, mask = next((t, m) for t, m in net.seen if m is not None and not m.all())
    assert (tokens[~mask] == 0).all()
    assert net.logits[0].item() == pytest.approx(net.logits[5].item(), abs=1e-6)
    assert net.logits.argmax().item() == 3


def test_bad_input_is_named():
    with pytest.raises(InputError, match="sequences='\\(none\\)'"):
        train_language_model(small(), [], n_steps=1)
    with pytest.raises(InputError, match="sequence 1"):
        train_language_model(small(), [[1, 2], [1]], n_steps=1)
    with pytest.raises(InputError, match="longer than the model's 12 positions"):
        train_language_model(small(), [np.zeros(13, int)], n_steps=1)
    with pytest.raises(InputError, match="sequence 0"):
        train_language_model(small(), [[0.5, 1.0]], n_steps=1)
    with pytest.raises(InputError, match="n_steps=0"):
        train_language_model(small(), [[1, 2]], n_steps=0)
