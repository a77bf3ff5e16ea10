import numpy as np
import pytest
import torch

from multiunit.core.errors import InputError
from multiunit.networks.tiny_diffusion import TinyDiffusion


def small(**options):
    return TinyDiffusion(6, n_words=5, n_context=2, width=16, attention_width=8, context_width=8, **options)


def test_noise_grows_with_the_level_and_keeps_the_variance():
    net = small(n_levels=20)
    signal = net.signal
    assert (signal[1:] < signal[:-1]).all()
    assert 0 < signal[-1] < 0.01 < 0.99 < signal[0] < 1
    x, noise = torch.randn(5000, 6, generator=torch.manual_seed(0)), torch.randn(5000, 6)
    for level in (0, 10, 19):
        assert net.noised(x, torch.full((5000,), level), noise=noise).var() == pytest.approx(1, abs=0.05)


def test_the_prompt_and_the_order_of_its_words_matter():
    net = small()
    x, level = torch.ones(3, 6), torch.tensor([4, 4, 4])
    out = net(x, level, torch.tensor([[1, 2], [2, 1], [1, 2]]))
    assert torch.equal(out[0], out[2])
    assert not torch.allclose(out[0], out[1])


def test_perfect_predictions_have_no_loss():
    net = small()
    x, noise = torch.ones(4, 6), torch.randn(4, 6, generator=torch.manual_seed(1))
    net.forward = lambda images, level, prompt: noise
    loss = net.denoising_loss(x, torch.zeros(4, 2, dtype=torch.long), level=torch.arange(4), noise=noise)
    assert loss.tolist() == [0, 0, 0, 0]


def test_drawing_with_the_true_noise_gives_the_image_back():
    """A denoiser that knows the one image there is leads every drawing to it."""
    net = small(n_levels=30)
    image = torch.tensor([[1.0, -1.0, 0.5, 0.0, -0.5, 1.0]])

    def knows(images, level, prompt):
        signal = net.signal[level][:, None]
        return (images - signal.sqrt() * image) / (1 - signal).sqrt()

    net.forward = knows
    drawn = net.draw(torch.zeros(3, 2, dtype=torch.long), random_state=0)
    assert torch.allclose(drawn, image.expand(3, -1), atol=1e-3)


def test_seeds_fix_weights_and_drawings_and_leave_torch_alone():
    state = torch.get_rng_state()
    a, b, c = small(random_state=0), small(random_state=0), small(random_state=1)
    prompt = torch.zeros(2, 2, dtype=torch.long)
    drawings = [net.draw(prompt, random_state=3) for net in (a, b, c)]
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(drawings[0], drawings[1])
    assert not torch.equal(drawings[0], drawings[2])
    assert a.training


def test_errors():
    with pytest.raises(InputError, match="n_heads"):
        small(n_heads=3)
    with pytest.raises(InputError, match="n_levels"):
        small(n_levels=1)
    with pytest.raises(InputError, match="prompt"):
        small()(torch.ones(1, 6), torch.tensor([0]), torch.zeros(1, 3, dtype=torch.long))
    assert np.isfinite(small()(torch.ones(1, 6), torch.tensor([0]), torch.zeros(1, 2, dtype=torch.long)).sum().item())
