"""A small convolutional network of spiking units, for images shown for a few time steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from multiunit.core.errors import InputError


class OverTime(nn.Module):
    """Apply a module to every time step: `(time, batch, ...)` to `(time, batch, ...)`, all steps as one batch.

    >>> tuple(OverTime(nn.Conv2d(1, 3, 3))(torch.zeros(5, 2, 1, 8, 8)).shape)
    (5, 2, 3, 6, 6)
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.module(x.flatten(0, 1)).unflatten(0, x.shape[:2])


class SpikingConvNet(nn.Module):
    """Convolution, batch norm, spikes and pooling by two, twice; then a linear readout, averaged over time.

    The image is the current into the first convolution at every step. Parts: `conv_1`, `spikes_1`, `conv_2`,
    `spikes_2`, `readout`.

    Args:
        spiking: makes a layer that returns `Spiked` of a number of channels and the side of its square maps.
        side: side of the images, at least 4.
        channels: of the two convolutions (3 x 3, same size).
        n_steps: how many time steps an image is shown.
        n_classes: outputs.
        random_state: draws the weights; the global generator is left alone.

    Raises:
        InputError: for too small an image or no steps.

    >>> from multiunit.networks.fused_leaky import LeakyLayer
    >>> net = SpikingConvNet(lambda n, side: LeakyLayer(n), side=14)
    >>> tuple(net(torch.zeros(5, 1, 14, 14)).shape)
    (5, 10)
    """

    def __init__(
        self,
        spiking: Callable[[int, int], nn.Module],
        *,
        side: int,
        channels: tuple[int, int] = (16, 32),
        n_steps: int = 4,
        n_classes: int = 10,
        random_state: int | np.random.Generator = 0,
    ) -> None:
        super().__init__()
        if side < 4 or n_steps < 1:
            raise InputError("side" if side < 4 else "n_steps", side if side < 4 else n_steps, "is too small")
        self.n_steps = n_steps
        first, second = channels
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(np.random.default_rng(random_state).integers(2**31)))
            self.conv_1 = nn.Sequential(nn.Conv2d(1, first, 3, padding=1, bias=False), nn.BatchNorm2d(first))
            self.spikes_1: Any = spiking(first, side)
            self.conv_2 = OverTime(
                nn.Sequential(
                    nn.AvgPool2d(2), nn.Conv2d(first, second, 3, padding=1, bias=False), nn.BatchNorm2d(second)
                )
            )
            self.spikes_2: Any = spiking(second, side // 2)
            self.readout = nn.Sequential(nn.AvgPool2d(2), nn.Flatten(), nn.Linear(second * (side // 4) ** 2, n_classes))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits `(image, class)` of images `(image, 1, side, side)`."""
        # All steps see the same image, so its convolution is done once.
        current = self.conv_1(images).expand(self.n_steps, -1, -1, -1, -1)
        spikes = self.spikes_1(current).spikes
        spikes = self.spikes_2(self.conv_2(spikes)).spikes
        # The readout is linear: of the mean is the mean of.
        return self.readout(spikes.mean(0))
