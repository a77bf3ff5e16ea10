import numpy as np
import pytest
import torch

from multiunit.core import InputError
from multiunit.networks.speech_encoder import SpeechEncoder


@pytest.fixture
def net():
    return SpeechEncoder(n_bands=6, n_outputs=5, width=16, random_state=1).eval()


@pytest.fixture
def frames():
    return torch.as_tensor(np.random.default_rng(0).normal(size=(2, 40, 6))).float()


def test_a_latent_sees_five_frames(net, frames):
    other = frames.clone()
    other[:, 20] += 1
    with torch.no_grad():
        changed = (net.latents(frames) - net.latents(other)).abs().amax(dim=(0, 2)) > 1e-6
    assert changed.nonzero().flatten().tolist() == [18, 19, 20, 21, 22]


def test_what_is_masked_cannot_be_seen_and_what_is_not_can(net, frames):
    masked = torch.zeros(2, 40, dtype=torch.bool)
    masked[:, 16:25] = True
    hidden, shown = frames.clone(), frames.clone()
    hidden[:, 20] += 1
    shown[:, 3] += 1
    with torch.no_grad():
        torch.testing.assert_close(net(hidden, masked), net(frames, masked), rtol=0, atol=0)
        assert (net(shown, masked) - net(frames, masked))[:, 20].abs().max() > 1e-6
        assert (net(hidden) - net(frames)).abs().max() > 1e-4


def test_layers_are_what_the_parts_give_one_by_one(net, frames):
    found = net.layer_activity(frames)
    with torch.no_grad():
        latents = net.latents(frames)
        place = torch.nn.functional.gelu(net.place(latents.transpose(1, 2))).transpose(1, 2)
        first = net.layers[0](latents + place, causal=False)
    torch.testing.assert_close(found["convolutions.1"], latents.flatten(0, 1))
    torch.testing.assert_close(found["layers.0"], first.flatten(0, 1))
    assert not any(part._forward_hooks for part in net.modules())


def test_seeds_are_kept_and_the_global_generator_is_left_alone():
    state = torch.random.get_rng_state()
    a, b, c = (SpeechEncoder(n_bands=4, width=8, n_heads=2, random_state=seed) for seed in (3, 3, 4))
    assert torch.equal(state, torch.random.get_rng_state())
    assert torch.equal(a.head.weight, b.head.weight)
    assert torch.equal(a.mask_vector, b.mask_vector)
    assert not torch.equal(a.head.weight, c.head.weight)


def test_frames_of_another_width_are_named(net):
    with pytest.raises(InputError, match="6 bands"):
        net(torch.zeros(2, 40, 5))
