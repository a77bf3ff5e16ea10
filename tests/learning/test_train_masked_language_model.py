import numpy as np
import pytest
import torch

from multiunit.core.errors import InputError
from multiunit.learning.train_masked_language_model import _corrupt, train_masked_language_model
from multiunit.networks.tiny_transformer import TinyTransformer

OPTIONS = {"mask_token": 4, "n_tokens": 4}


def small():
    return TinyTransformer(5, max_positions=8, width=16, n_heads=2, n_layers=1, bidirectional=True)


def test_ragged_sequences_are_learned_and_training_is_reproducible():
    rule = [np.arange(n) % 4 for n in (8, 5, 6)]
    state = torch.get_rng_state()
    nets, losses = [small(), small()], []
    for net in nets:
        losses.append(
            train_masked_language_model(net, rule, **OPTIONS, n_steps=100, learning_rate=1e-2, random_state=3)
        )
    assert torch.equal(torch.get_rng_state(), state)
    assert losses[0].tolist() == losses[1].tolist()
    assert torch.equal(nets[0].head.weight, nets[1].head.weight)
    assert losses[0][-10:].mean() < 0.5 * losses[0][:5].mean()
    with torch.no_grad():
        told = nets[0](torch.tensor([[0, 1, 4, 3, 0, 1, 4, 3]])).argmax(-1)[0]
    assert told[[2, 6]].tolist() == [2, 2]


def test_tokens_are_hidden_as_published():
    rng = np.random.default_rng(0)
    tokens = torch.as_tensor(rng.integers(20, size=(400, 50)))
    real = torch.ones_like(tokens, dtype=torch.bool)
    real[:, 40:] = False
    shown, told = _corrupt(tokens, real, 0.15, 20, 20, rng)
    assert not told[:, 40:].any()
    assert told[:, :40].float().mean().item() == pytest.approx(0.15, abs=0.01)
    assert torch.equal(shown[~told], tokens[~told])
    assert (shown[told] == 20).float().mean().item() == pytest.approx(0.8, abs=0.03)
    kept = (shown[told] == tokens[told]).float().mean().item()
    assert kept == pytest.approx(0.1 + 0.1 / 20, abs=0.03)


def test_something_is_always_told():
    rng = np.random.default_rng(0)
    _, told = _corrupt(torch.zeros(2, 3).long(), torch.tensor([[True, False, False]] * 2), 1e-9, 4, 4, rng)
    assert told.sum() == 1
    assert told[:, 1:].sum() == 0


def test_errors_name_the_argument():
    for sequences, more, name in (
        ([], {}, "sequences"),
        ([np.array([0, 4])], {}, "sequences"),
        ([np.array([0.5])], {}, "sequences"),
        ([np.zeros(9, int)], {}, "sequences"),
        ([np.array([1, 2])], {"masked": 0.0}, "masked"),
        ([np.array([1, 2])], {"batch_size": 0}, "batch_size"),
    ):
        with pytest.raises(InputError, match=name):
            train_masked_language_model(small(), sequences, **OPTIONS, **({"n_steps": 1} | more))
