import numpy as np
import pytest
import torch

from multiunit.core import InputError
from multiunit.learning.train_language_model import train_language_model
from multiunit.networks.astrocyte_spiking_lm import AstroSpikingLM

MODES = ("gain", "threshold", "trace", "none")


@pytest.mark.parametrize("mode", MODES)
def test_logits_do_not_see_what_follows(mode):
    net = AstroSpikingLM(12, width=16, depth=2, mode=mode)
    tokens = torch.as_tensor(np.random.default_rng(0).integers(12, size=(3, 20)))
    other = tokens.clone()
    other[:, 13] = (other[:, 13] + 1) % 12
    with torch.no_grad():
        one, two = net(tokens), net(other)
    torch.testing.assert_close(one[:, :13], two[:, :13])
    changed = (one != two).any(2).any(0)
    assert bool(changed[13])
    assert bool(changed[14:].any())


def test_spikes_alone_pass_the_past_on():
    """Without what the spiking units say, a position knows its own token only."""
    net = AstroSpikingLM(12, width=16, depth=1)
    tokens = torch.tensor([[1, 2, 3, 4], [5, 6, 7, 4]])
    with torch.no_grad():
        assert bool((net(tokens)[0, 3] != net(tokens)[1, 3]).any())
        net.blocks[0].output.weight.zero_()
        torch.testing.assert_close(net(tokens)[0, 3], net(tokens)[1, 3])


def test_generation_goes_on_from_states_as_from_the_whole_text():
    net = AstroSpikingLM(6, width=16, depth=2, random_state=4)
    with torch.no_grad():
        net.embedding.weight *= 2  # far from even probabilities
    said = net.generate([0, 3], 30, random_state=1)
    np.testing.assert_array_equal(said[:2], [0, 3])
    rng = np.random.default_rng(1)
    expected = [0, 3]
    for _ in range(30):
        with torch.no_grad():
            p = net(torch.tensor([expected]))[0, -1].double().softmax(0).numpy()
        expected.append(int(rng.choice(6, p=p / p.sum())))
    np.testing.assert_array_equal(said, expected)
    assert len(set(said)) > 2


def test_training_learns_a_cycle_and_padding_at_the_end_is_harmless():
    net = AstroSpikingLM(5, width=16, depth=1)
    texts = [np.arange(k, k + n) % 5 for k in range(5) for n in (9, 12)]
    losses = train_language_model(net, texts, n_steps=60, batch_size=8, learning_rate=0.01)
    assert losses[0] > 1.2
    assert losses[-5:].mean() < 0.2
    assert 0 < float(net.spikes(torch.as_tensor(texts[0])[None])[0].detach().mean()) < 1


def test_trace_sends_the_astrocytes_on():
    net = AstroSpikingLM(5, width=8, n_units=6, depth=1, mode="trace")
    assert net.blocks[0].output.in_features == 12
    assert AstroSpikingLM(5, width=8, n_units=6, depth=1).blocks[0].output.in_features == 6


def test_errors_name_the_argument():
    with pytest.raises(InputError, match="mode"):
        AstroSpikingLM(5, mode="loud")
    with pytest.raises(InputError, match="depth"):
        AstroSpikingLM(5, depth=0)
    net = AstroSpikingLM(5, width=8, depth=1)
    with pytest.raises(InputError, match="attention_mask"):
        net(torch.zeros(1, 3, dtype=torch.long), attention_mask=torch.tensor([[0, 1, 1]]))
    with pytest.raises(InputError, match="prompt"):
        net.generate([], 2)
    with pytest.raises(InputError, match="n="):
        net.generate([1], 0)
