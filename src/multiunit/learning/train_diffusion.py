"""Train a denoiser of images under prompts."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import torch

from multiunit.core.errors import InputError
from multiunit.learning.minimise import minimise


class Denoiser(Protocol):
    """What can be trained here, such as `networks.TinyDiffusion`: a module with levels of noise and a loss."""

    n_levels: int

    def denoising_loss(
        self, images: torch.Tensor, prompt: torch.Tensor, *, level: torch.Tensor, noise: torch.Tensor
    ) -> torch.Tensor: ...

    def parameters(self) -> Any: ...

    def train(self, mode: bool = True) -> Any: ...


def train_diffusion(
    model: Denoiser,
    images: Any,
    *,
    prompts: Any,
    n_steps: int,
    batch_size: int = 128,
    learning_rate: float = 2e-3,
    weight_decay: float = 0.0,
    random_state: int | np.random.Generator = 0,
) -> np.ndarray:
    """Minimise the mean squared error of the predicted noise, in place, by AdamW.

    L = E_{x, t, e} || e - e_theta(x_t, t, prompt) ||^2 / pixels, levels t uniform, noise e normal. The rate falls as
    a cosine to a tenth.

    Args:
        model: gives `denoising_loss(images, prompt, level=, noise=)` per image.
        images: `(image, pixel)`, about in [-1, 1].
        prompts: word numbers `(image, word)`.
        n_steps: updates.
        batch_size: images a step, drawn with replacement.
        learning_rate: the highest rate.
        weight_decay: AdamW's.
        random_state: draws batches, levels, noise and any dropout; the global generators are left alone.

    Returns:
        The loss of every step, `(n_steps,)`.

    Raises:
        InputError: for images that are not finite, prompts that are not one an image, or a loss that is not finite.

    Source: Ho et al. 2020, arXiv:2006.11239, the simplified loss.

    >>> from multiunit.networks.tiny_diffusion import TinyDiffusion
    >>> net = TinyDiffusion(4, n_words=2, n_context=1, width=16, attention_width=8, context_width=8)
    >>> images, prompts = np.array([[1.0, 1, -1, -1], [-1, -1, 1, 1]]), np.array([[0], [1]])
    >>> losses = train_diffusion(net, images, prompts=prompts, n_steps=300, batch_size=32, learning_rate=1e-2)
    >>> net.draw(torch.tensor([[0], [1]])).sign().int().tolist()    # each prompt brings its image
    [[1, 1, -1, -1], [-1, -1, 1, 1]]
    """
    x = torch.as_tensor(np.array(images, dtype=np.float32))
    words = torch.as_tensor(np.array(prompts))
    if x.ndim != 2 or not len(x) or not torch.isfinite(x).all():
        raise InputError("images", tuple(x.shape), "needs finite (image, pixel), at least one image")
    if words.ndim != 2 or len(words) != len(x) or words.dtype.is_floating_point:
        raise InputError("prompts", tuple(words.shape), f"needs word numbers (image, word) for {len(x)} images")
    if n_steps < 1 or batch_size < 1:
        raise InputError("n_steps" if n_steps < 1 else "batch_size", min(n_steps, batch_size), "must be at least 1")
    rng = np.random.default_rng(random_state)
    device = next(iter(model.parameters())).device
    x, words = x.to(device), words.long().to(device)
    optimiser = torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, n_steps, eta_min=learning_rate / 10)

    def loss() -> torch.Tensor:
        chosen, level = (
            torch.as_tensor(rng.integers(high, size=batch_size), device=device) for high in (len(x), model.n_levels)
        )
        noise = torch.as_tensor(rng.standard_normal((batch_size, x.shape[1]), dtype=np.float32), device=device)
        return model.denoising_loss(x[chosen], words[chosen], level=level, noise=noise).mean()

    return minimise(model, loss, optimiser=optimiser, n_steps=n_steps, schedule=schedule, random_state=rng)
