import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from multiunit.core.edit import Add
from multiunit.core.errors import InputError
from multiunit.interventions.resample_masked import resample_masked
from multiunit.networks.tiny_transformer import TinyTransformer
from multiunit.systems.torch_system import TorchSystem


class Fixed(nn.Module):
    """Gives every position the same scores: the bias."""

    def __init__(self, scores):
        super().__init__()
        self.embedding = nn.Embedding(len(scores), 2)
        self.score = nn.Linear(2, len(scores))
        self.score.weight.data.zero_()
        self.score.bias.data.copy_(torch.tensor(scores))

    def forward(self, input_ids, attention_mask=None):
        return self.score(self.embedding(input_ids))


def fixed(scores):
    return TorchSystem(Fixed(scores), window=64)


def test_tokens_are_drawn_from_the_softmax_and_never_the_mask():
    scores = [0.0, np.log(3.0), -1e9, 50.0]
    table = resample_masked(fixed(scores), [np.zeros(40, int)] * 30, mask_token=3, n_rounds=1, share=1.0)
    drawn = np.concatenate(table[table["round"] == 1]["tokens"].to_list())
    assert set(drawn) == {0, 1}
    assert drawn.mean() == pytest.approx(0.75, abs=0.05)
    cold = resample_masked(
        fixed(scores), [np.zeros(40, int)], mask_token=3, n_rounds=1, share=1.0, temperature=0.01, excluded=[1]
    )
    assert cold["tokens"].iloc[-1].tolist() == [0] * 40


def test_each_round_changes_the_share_of_every_sequence():
    stimuli = pd.DataFrame({"stimulus": [np.zeros(20, int), np.zeros(7, int)], "family": ["x", "y"]})
    table = resample_masked(fixed([-1e9, 0.0, 0.0]), stimuli, mask_token=2, n_rounds=2, share=0.15)
    assert table["family"].tolist() == ["x", "y"] * 3
    first = table[table["round"] == 1]["tokens"].tolist()
    assert [tokens.sum() for tokens in first] == [3, 1]
    assert [tokens.sum() for tokens in table[table["round"] == 0]["tokens"]] == [0, 0]
    assert all(tokens.sum() >= before.sum() for tokens, before in zip(table["tokens"][4:], first, strict=True))
    assert stimuli["stimulus"][0].sum() == 0


def test_edits_steer_and_leave_no_trace():
    system = TorchSystem(TinyTransformer(6, max_positions=12, width=16, n_heads=2, bidirectional=True))
    stimuli = [np.zeros(12, int)] * 8
    system.sites(stimuli)
    options = {"mask_token": 5, "n_rounds": 3, "share": 0.5, "temperature": 0.03, "random_state": 1}
    plain = resample_masked(system, stimuli, **options)
    edit = Add("layers.1", np.asarray(system.module.head.weight[2].detach()), 1e4)
    steered = resample_masked(system, stimuli, edits=[edit], **options)
    again = resample_masked(system, stimuli, **options)

    def share(table):
        return np.mean(np.concatenate(table[table["round"] == 3]["tokens"].to_list()) == 2)

    assert share(steered) > 0.8 > 0.4 > share(plain)
    assert all(np.array_equal(a, b) for a, b in zip(plain["tokens"], again["tokens"], strict=True))


def test_random_state_and_torch_generator():
    system, stimuli = fixed([0.0, 0.0, 0.0]), [np.zeros(30, int)]
    state = torch.get_rng_state()
    a, b, c = (
        resample_masked(system, stimuli, mask_token=2, n_rounds=2, random_state=s)["tokens"].iloc[-1] for s in (0, 0, 1)
    )
    assert torch.equal(torch.get_rng_state(), state)
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)


def test_errors():
    system = fixed([0.0, 0.0])
    for sequences, more, name in (
        ([np.zeros(3, int)], {"n_rounds": 0}, "n_rounds"),
        ([np.zeros(3, int)], {"share": 0.0}, "n_rounds"),
        ([np.zeros(3, int)], {"temperature": 0.0}, "n_rounds"),
        ([np.zeros(65, int)], {}, "sequences"),
        (["text"], {}, "sequences"),
    ):
        with pytest.raises(InputError, match=name):
            resample_masked(system, sequences, mask_token=1, **more)
