"""A small autoencoder of images."""

from __future__ import annotations

import itertools

import numpy as np
import torch
from torch import nn

from multiunit.core.errors import InputError


class ConvolutionalAutoencoder(nn.Module):
    """Bring images down by strided convolutions with ReLU, and back up by upsampling and convolutions.

    Args:
        widths: channels of each stage down; every stage halves height and width.
        n_channels: colours of the image.
        random_state: draws the weights; torch's global generator is left alone.

    Raises:
        InputError: for images whose sides the stages do not divide.

    >>> net = ConvolutionalAutoencoder([4, 8])
    >>> tuple(net(torch.zeros(2, 3, 8, 8)).shape), tuple(net.encode(torch.zeros(2, 3, 8, 8)).shape)
    ((2, 3, 8, 8), (2, 8, 2, 2))
    """

    def __init__(
        self,
        widths: list[int] | tuple[int, ...] = (32, 64),
        *,
        n_channels: int = 3,
        random_state: int | np.random.Generator = 0,
    ) -> None:
        super().__init__()
        sizes = [n_channels, *widths]
        pairs = list(itertools.pairwise(sizes))
        seed = int(np.random.default_rng(random_state).integers(2**31))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.down = nn.ModuleList(
                nn.Sequential(nn.Conv2d(a, b, 3, stride=2, padding=1), nn.ReLU(inplace=False)) for a, b in pairs
            )
            self.up = nn.ModuleList(
                nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(b, a, 3, padding=1)) for a, b in reversed(pairs)
            )

    def encode(self, images: torch.Tensor) -> torch.Tensor:
        """The narrowest maps `(image, unit, height, width)`."""
        factor = 2 ** len(self.down)
        if images.ndim != 4 or images.shape[2] % factor or images.shape[3] % factor:
            raise InputError(
                "images", tuple(images.shape), f"needs (image, channel, height, width), sides of {factor} n"
            )
        for stage in self.down:
            images = stage(images)
        return images

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images of the same shape, without bounds."""
        x = self.encode(images)
        for number, stage in enumerate(self.up):
            x = stage(torch.relu(x) if number else x)
        return x
