"""A small encoder of sound frames, in the shape that wav2vec 2.0 and HuBERT share."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn.functional import gelu

from multiunit.core.errors import InputError
from multiunit.networks.tiny_transformer import Block, initialise


class SpeechEncoder(nn.Module):
    """Two convolutions over time, then a transformer that may have to do without some of their frames.

    latents z = two convolutions of three frames with GELU and layer norm; masked frames of z are replaced by one
    learned vector; place enters by a convolution of 15 frames added to them, so that it is relative; then pre-norm
    blocks, a norm and a linear head.

    Args:
        n_bands: bands of the sound.
        n_outputs: of the head: units of the latents to be told apart, or classes of frames.
        width: units of the latents and of the residual stream.
        n_heads: attention heads, a divisor of `width`.
        n_layers: blocks.
        random_state: draws the weights; torch's global generator is left alone.

    Raises:
        InputError: for frames of another shape, or heads that do not divide the width.

    Source: Baevski et al. 2020, arXiv:2006.11477, section 2, and Hsu et al. 2021, arXiv:2106.07447, on bands instead of
    the raw wave, without subsampling in time.

    >>> net = SpeechEncoder(n_bands=4, n_outputs=7, width=16)
    >>> tuple(net(torch.zeros(2, 30, 4)).shape), list(net.layer_activity(torch.zeros(2, 30, 4)))
    ((2, 30, 7), ['convolutions.0', 'convolutions.1', 'layers.0', 'layers.1'])
    """

    def __init__(
        self,
        *,
        n_bands: int = 40,
        n_outputs: int = 64,
        width: int = 64,
        n_heads: int = 4,
        n_layers: int = 2,
        random_state: int | np.random.Generator = 0,
    ) -> None:
        super().__init__()
        self.n_bands = n_bands
        seed = int(np.random.default_rng(random_state).integers(2**31))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.convolutions = nn.ModuleList(FrameConvolution(a, width) for a in (n_bands, width))
            self.mask_vector = nn.Parameter(torch.empty(width).uniform_())
            self.place = nn.Conv1d(width, width, 15, padding=7, groups=n_heads)
            self.layers = nn.ModuleList(Block(width, n_heads, 4 * width) for _ in range(n_layers))
            self.norm = nn.LayerNorm(width)
            self.head = nn.Linear(width, n_outputs)
            initialise(self, n_layers)

    def latents(self, frames: torch.Tensor) -> torch.Tensor:
        """What the convolutions make of frames `(sequence, frame, band)`: `(sequence, frame, unit)`."""
        if frames.ndim != 3 or frames.shape[2] != self.n_bands:
            raise InputError("frames", tuple(frames.shape), f"needs (sequence, frame, {self.n_bands} bands)")
        for convolution in self.convolutions:
            frames = convolution(frames)
        return frames

    def context(self, latents: torch.Tensor, masked: torch.Tensor | None = None) -> torch.Tensor:
        """Outputs `(sequence, frame, output)` from latents, those of `masked(sequence, frame)` hidden."""
        x = latents if masked is None else torch.where(masked[..., None], self.mask_vector, latents)
        x = x + gelu(self.place(x.transpose(1, 2))).transpose(1, 2)
        for layer in self.layers:
            x = layer(x, causal=False)
        return self.head(self.norm(x))

    def forward(self, frames: torch.Tensor, masked: torch.Tensor | None = None) -> torch.Tensor:
        """Outputs `(sequence, frame, output)` from frames `(sequence, frame, band)`."""
        return self.context(self.latents(frames), masked)

    @torch.no_grad()
    def layer_activity(self, frames: torch.Tensor) -> dict[str, torch.Tensor]:
        """The activity of all layers, each `(sequence and frame, unit)`, with nothing masked."""
        found: dict[str, torch.Tensor] = {}
        named = [
            (f"{kind}.{i}", part) for kind in ("convolutions", "layers") for i, part in enumerate(getattr(self, kind))
        ]
        hooks = [
            part.register_forward_hook(lambda _, __, output, name=name: found.update({name: output.flatten(0, 1)}))
            for name, part in named
        ]
        try:
            self(frames)
        finally:
            for hook in hooks:
                hook.remove()
        return found


class FrameConvolution(nn.Module):
    """gelu(norm(convolution of three frames)), frames `(sequence, frame, unit)` in and out."""

    def __init__(self, n_inputs: int, width: int) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(n_inputs, width, 3, padding=1)
        self.norm = nn.LayerNorm(width)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        return gelu(self.norm(self.convolution(frames.transpose(1, 2)).transpose(1, 2)))
