"""A small text-conditioned diffusion model: a denoiser of flat images with cross-attention to the words of a prompt."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

from multiunit.core.errors import InputError


class TinyDiffusion(nn.Module):
    """Predict the noise in an image from the noised image, the noise level and a prompt.

    x_t = sqrt(a_t) x_0 + sqrt(1 - a_t) e with a_t = cos(pi/2 (t/T + s)/(1 + s))^2 / a_0, s = 0.008, t = 1..T. The
    denoiser is a residual MLP; each block adds what cross-attention reads from the prompt - keys and values are
    linear maps of the words, without bias - and an MLP of the stream and the level.

    Args:
        n_pixels: numbers of an image; its values should lie about in [-1, 1].
        n_words: size of the vocabulary of the prompts.
        n_context: words of a prompt; each place has a vector of its own.
        n_levels: T.
        width: units of the residual stream.
        attention_width: units of queries, keys and values.
        context_width: units of a word.
        n_heads: attention heads, a divisor of `attention_width`.
        n_blocks: blocks.
        random_state: draws the weights; torch's global generator is left alone.

    Raises:
        InputError: for heads that do not divide the attention, or fewer than two levels.

    Source: Ho et al. 2020, arXiv:2006.11239; schedule: Nichol & Dhariwal 2021, arXiv:2102.09672; cross-attention to
    the prompt: Rombach et al. 2022, arXiv:2112.10752.

    >>> net = TinyDiffusion(4, n_words=3, n_context=2)
    >>> images, noise = torch.ones(1, 4), torch.zeros(1, 4)
    >>> bool(net.noised(images, torch.tensor([0]), noise=noise)[0, 0] > 0.99)    # the lowest level: hardly any noise
    True
    >>> net(images, torch.tensor([3]), torch.tensor([[0, 2]])).shape
    torch.Size([1, 4])
    """

    signal: torch.Tensor

    def __init__(
        self,
        n_pixels: int,
        *,
        n_words: int,
        n_context: int = 4,
        n_levels: int = 50,
        width: int = 128,
        attention_width: int = 64,
        context_width: int = 32,
        n_heads: int = 4,
        n_blocks: int = 2,
        random_state: int | np.random.Generator = 0,
    ) -> None:
        super().__init__()
        if attention_width % n_heads:
            raise InputError("n_heads", n_heads, f"must divide the width of the attention, {attention_width}")
        if n_levels < 2:
            raise InputError("n_levels", n_levels, "at least two levels of noise")
        self.n_pixels, self.n_levels, self.n_context = n_pixels, n_levels, n_context
        time = torch.arange(n_levels + 1, dtype=torch.float64) / n_levels
        kept = torch.cos((time + 0.008) / 1.008 * torch.pi / 2) ** 2
        # Share of the signal's variance at each level; never quite 0, so that the last level can be undone.
        self.register_buffer("signal", (kept[1:] / kept[0]).clamp(min=1e-4).float())
        seed = int(np.random.default_rng(random_state).integers(2**31))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.word_embedding = nn.Embedding(n_words, context_width)
            self.place_embedding = nn.Embedding(n_context, context_width)
            self.level_embedding = nn.Embedding(n_levels, width)
            self.into = nn.Linear(n_pixels, width)
            self.blocks = nn.ModuleList(
                DenoisingBlock(width, attention_width, context_width, n_heads) for _ in range(n_blocks)
            )
            self.norm = nn.LayerNorm(width)
            self.out = nn.Linear(width, n_pixels)

    def forward(self, images: torch.Tensor, level: torch.Tensor, prompt: torch.Tensor) -> torch.Tensor:
        """The noise `(image, pixel)` in images `(image, pixel)` at levels `(image,)` under prompts `(image, word)`."""
        if prompt.shape[1] != self.n_context:
            raise InputError("prompt", tuple(prompt.shape), f"needs {self.n_context} words a prompt")
        context = self.word_embedding(prompt) + self.place_embedding.weight
        time = self.level_embedding(level)
        x = self.into(images)
        for block in self.blocks:
            x = block(x, time, context)
        return self.out(self.norm(x))

    def noised(self, images: torch.Tensor, level: torch.Tensor, *, noise: torch.Tensor) -> torch.Tensor:
        """Images `(image, pixel)` at levels 0 (nearly clean) to `n_levels` - 1 (nearly all noise)."""
        signal = self.signal[level][:, None]
        return signal.sqrt() * images + (1 - signal).sqrt() * noise

    def denoising_loss(
        self, images: torch.Tensor, prompt: torch.Tensor, *, level: torch.Tensor, noise: torch.Tensor
    ) -> torch.Tensor:
        """The mean squared error of the predicted noise of each image, `(image,)`."""
        predicted = self(self.noised(images, level, noise=noise), level, prompt)
        return (predicted - noise).square().mean(dim=1)

    @torch.no_grad()
    def draw(self, prompt: torch.Tensor, *, random_state: int | np.random.Generator = 0) -> torch.Tensor:
        """Draw one image for each prompt `(image, word)`, from noise to the lowest level: `(image, pixel)`."""
        rng = np.random.default_rng(random_state)
        shape = (len(prompt), self.n_pixels)

        def noise() -> torch.Tensor:
            return torch.as_tensor(rng.normal(size=shape), dtype=self.signal.dtype, device=prompt.device)

        x = noise()
        for t in range(self.n_levels - 1, -1, -1):
            signal = self.signal[t]
            before = self.signal[t - 1] if t else torch.ones_like(signal)
            predicted = self(x, torch.full((len(x),), t, device=x.device), prompt)
            # Clean images lie in [-1, 1]; clipping the estimate keeps errors at high noise from growing.
            clean = ((x - (1 - signal).sqrt() * predicted) / signal.sqrt()).clamp(-1, 1)
            step = signal / before
            mean = (before.sqrt() * (1 - step) * clean + step.sqrt() * (1 - before) * x) / (1 - signal)
            x = mean + ((1 - before) / (1 - signal) * (1 - step)).sqrt() * noise() if t else mean
        return x


class DenoisingBlock(nn.Module):
    """x + attention(norm(x), words), then x + mlp(norm(x) + level)."""

    def __init__(self, width: int, attention_width: int, context_width: int, n_heads: int) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.attention = CrossAttention(width, attention_width, context_width, n_heads)
        self.mlp_norm = nn.LayerNorm(width)
        self.up, self.activation, self.down = nn.Linear(width, 2 * width), nn.SiLU(), nn.Linear(2 * width, width)

    def forward(self, x: torch.Tensor, time: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
        x = x + self.attention(self.attention_norm(x), context)
        return x + self.down(self.activation(self.up(self.mlp_norm(x) + time)))


class CrossAttention(nn.Module):
    """softmax(q k' / sqrt(d)) v in every head: one query from the image, keys and values from the words."""

    def __init__(self, width: int, attention_width: int, context_width: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.query = nn.Linear(width, attention_width, bias=False)
        self.key = nn.Linear(context_width, attention_width, bias=False)
        self.value = nn.Linear(context_width, attention_width, bias=False)
        self.output = nn.Linear(attention_width, width)

    def forward(self, x: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
        query, key, value = (
            part.unflatten(-1, (self.n_heads, -1)).transpose(1, 2)
            for part in (self.query(x)[:, None], self.key(context), self.value(context))
        )
        return self.output(scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(1))
