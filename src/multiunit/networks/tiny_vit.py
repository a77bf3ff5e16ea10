"""A small vision transformer."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from multiunit.core.errors import InputError
from multiunit.networks.tiny_transformer import Block, initialise


class TinyViT(nn.Module):
    """Classify images with a transformer over their patches and a class token.

    Args:
        image_size: side of the square image, in pixels.
        patch_size: side of a patch, a divisor of `image_size`.
        n_channels: colours of the image.
        n_classes: outputs.
        width: units of the residual stream.
        n_heads: attention heads, a divisor of `width`.
        n_layers: blocks.
        random_state: draws the weights; torch's global generator is left alone.

    Raises:
        InputError: if the patches do not tile the image, or an image has another shape.

    Source: Dosovitskiy et al. 2021, arXiv:2010.11929.

    >>> net = TinyViT(image_size=8, patch_size=2, n_channels=1, width=16, n_heads=2, n_layers=1)
    >>> tuple(net(torch.zeros(3, 1, 8, 8)).shape)
    (3, 10)
    """

    def __init__(
        self,
        *,
        image_size: int = 32,
        patch_size: int = 4,
        n_channels: int = 3,
        n_classes: int = 10,
        width: int = 64,
        n_heads: int = 4,
        n_layers: int = 4,
        random_state: int | np.random.Generator = 0,
    ) -> None:
        super().__init__()
        if image_size % patch_size:
            raise InputError("patch_size", patch_size, f"must divide the image size {image_size}")
        self.image_shape = (n_channels, image_size, image_size)
        n_patches = (image_size // patch_size) ** 2
        seed = int(np.random.default_rng(random_state).integers(2**31))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.patch_embedding = nn.Conv2d(n_channels, width, patch_size, stride=patch_size)
            self.class_token = nn.Parameter(0.02 * torch.randn(1, 1, width))
            self.position_embedding = nn.Parameter(0.02 * torch.randn(1, 1 + n_patches, width))
            self.layers = nn.ModuleList(Block(width, n_heads, 4 * width) for _ in range(n_layers))
            self.norm = nn.LayerNorm(width)
            self.head = nn.Linear(width, n_classes)
            initialise(self, n_layers)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits `(image, class)` from images `(image, channel, height, width)`."""
        if tuple(images.shape[1:]) != self.image_shape:
            raise InputError("images", tuple(images.shape), f"needs images of shape {self.image_shape}")
        patches = self.patch_embedding(images).flatten(2).transpose(1, 2)
        x = torch.cat([self.class_token.expand(len(images), -1, -1), patches], dim=1) + self.position_embedding
        for layer in self.layers:
            x = layer(x, causal=False)
        return self.head(self.norm(x[:, 0]))
