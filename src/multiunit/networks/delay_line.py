"""Delays between layers, one an input, that can be learnt."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from multiunit.core.errors import InputError


class DelayLine(nn.Module):
    """Let each unit's signal arrive later, by a number of steps that need not be whole.

    y_t = (1 - f) x_{t - n} + f x_{t - n - 1}, n = floor(delay), f = delay - n; before the first step x is 0.
    Between whole steps a spike is split over two; its gradient towards the delay is x_{t - n - 1} - x_{t - n}.

    Args:
        delay: steps, a number or `(unit,)`.
        n_units: units.
        longest: largest delay; learnt ones are kept in [0, longest].
        learnable: whether `delay` is trained.

    Raises:
        InputError: for a delay out of range.

    Source: linear interpolation as in Hammouamri et al., Learning delays in spiking neural networks using dilated
    convolutions with learnable spacings, arXiv:2306.17670, who widen it while they train; reconstructed.

    >>> line = DelayLine([0.0, 1.0, 2.5], n_units=3, longest=4)
    >>> pulse = torch.zeros(5, 1, 3)
    >>> pulse[0] = 1.0
    >>> line(pulse)[:, 0].T.tolist()
    [[1.0, 0.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.5, 0.5, 0.0]]
    """

    def __init__(self, delay: Any, *, n_units: int, longest: int, learnable: bool = False) -> None:
        super().__init__()
        value = torch.as_tensor(np.asarray(delay), dtype=torch.get_default_dtype())
        if value.shape not in ((), (n_units,)) or not ((value >= 0) & (value <= longest)).all():
            raise InputError("delay", delay, f"needs a number or ({n_units},) of them, from 0 to longest={longest}")
        self.longest = longest
        self.delay = nn.Parameter(value.expand(n_units).clone(), requires_grad=learnable)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`(time, batch, unit)` to the same.

        Raises:
            InputError: for another shape.
        """
        if x.ndim != 3 or x.shape[2] != len(self.delay):
            raise InputError("x", tuple(x.shape), f"needs (time, batch, {len(self.delay)})")
        delay = self.delay.clamp(0, self.longest)
        whole = delay.detach().floor().clamp(max=max(self.longest - 1, 0))
        part = delay - whole
        padded = nn.functional.pad(x, (0, 0, 0, 0, self.longest + 1, 0))
        when = torch.arange(len(x), device=x.device)[:, None] + self.longest + 1 - whole.long()
        now, before = (padded.gather(0, (when - k)[:, None].expand_as(x)) for k in (0, 1))
        return now + part * (before - now)
