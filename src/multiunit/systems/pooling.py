"""Many positions of a stimulus as one presentation."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch

from multiunit.systems.sites import Site

Pool = Literal["mean", "max", "last"]


def over_space(tensor: torch.Tensor, site: Site, pool: Pool) -> torch.Tensor:
    """`(stimulus, ..., unit)`, or `(stimulus, unit, ...)` of convolutions, to `(stimulus, unit)`."""
    flat = tensor.movedim(site.channel_axis, -1).flatten(1, -2) if tensor.ndim > 2 else tensor[:, None]
    if pool == "mean":
        return flat.mean(1)
    return flat.amax(1) if pool == "max" else flat[:, -1]


def over_tokens(tokens: torch.Tensor, ends: np.ndarray, pool: Pool) -> torch.Tensor:
    """`(token, unit)` to `(sequence, unit)`; `ends` says where each sequence ends."""
    pieces = torch.tensor_split(tokens, torch.as_tensor(ends[:-1]))
    if pool == "mean":
        return torch.stack([piece.mean(0) for piece in pieces])
    return torch.stack([piece.amax(0) if pool == "max" else piece[-1] for piece in pieces])
