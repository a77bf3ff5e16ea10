"""A transformer whose attention is told by positions alone, and its rival, whose attention is told by contents."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from multiunit.core.errors import InputError


class PositionalTransformer(nn.Module):
    """Map lists to lists of equal length; who listens to whom does not depend on what is said.

    In each layer and head A_h = softmax(Q_h K_h' / sqrt(d)), with Q_h = P Wq_h + bq_h and K_h = P Wk_h + bk_h of fixed
    one-hot positions P, d their number; then x <- MLP([x, (concat_h A_h x Wv_h) Wo]), a concatenation and not a sum. No
    normalisation, no causal mask. Positions are not part of x.

    The rival (`positional=False`) is alike but for Q_h and K_h, which come from x, each head with all `width`
    dimensions; the one-hot position is joined to the inputs instead.

    Args:
        n_in: features of each position.
        n_out: answers at each position.
        n_positions: length of the lists.
        width: dimensions of x, and hidden units of each MLP.
        n_heads: heads, a divisor of `width`.
        n_layers: layers; floor(log2(n_positions)) + 1 by default.
        n_scratch: positions at the end, zero in the input and left out of the output, as room for notes.
        positional: False for the rival.
        random_state: draws the weights; torch's global generator is left alone.

    Raises:
        InputError: for sizes below 1, or heads that do not divide the width.

    Source: Back de Luca et al., arXiv:2410.01686; architecture as in the authors' code.

    >>> net = PositionalTransformer(1, 1, n_positions=4)
    >>> a, b = net.attention(torch.tensor([[[1.0], [2.0], [3.0], [4.0]], [[-9.0], [0.0], [0.0], [50.0]]])).unbind(1)
    >>> tuple(a.shape), torch.equal(a, b)     # layer, head, from, to
    ((3, 2, 5, 5), True)
    """

    positions: torch.Tensor

    def __init__(
        self,
        n_in: int,
        n_out: int,
        *,
        n_positions: int,
        width: int = 64,
        n_heads: int = 2,
        n_layers: int | None = None,
        n_scratch: int = 1,
        positional: bool = True,
        random_state: int | np.random.Generator = 0,
    ) -> None:
        super().__init__()
        n_layers = int(np.log2(max(n_positions, 1))) + 1 if n_layers is None else n_layers
        sizes = {"n_in": n_in, "n_out": n_out, "n_positions": n_positions, "n_heads": n_heads, "n_layers": n_layers}
        for name, size in sizes.items():
            if size < 1:
                raise InputError(name, size, "must be at least 1")
        if n_scratch < 0:
            raise InputError("n_scratch", n_scratch, "must not be negative")
        if width < 1 or width % n_heads:
            raise InputError("width", width, f"must be a multiple of the {n_heads} heads")
        self.n_in, self.n_positions, self.positional = n_in, n_positions, positional
        self.register_buffer("positions", torch.eye(n_positions + n_scratch))
        seed = int(np.random.default_rng(random_state).integers(2**31))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            n_places = len(self.positions)
            self.encoder = nn.Linear(n_in if positional else n_in + n_places, width)
            self.layers = nn.ModuleList(
                _Layer(width, n_heads, n_places if positional else width) for _ in range(n_layers)
            )
            self.decoder = nn.Linear(width, n_out)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Answers `(list, position, n_out)` for lists `(list, position, n_in)`.

        Raises:
            InputError: for another shape.
        """
        x = self._encoded(inputs)
        for layer in self.layers:
            x = layer(x, self.positions if self.positional else x)
        return self.decoder(x[:, : self.n_positions])

    def attention(self, inputs: torch.Tensor) -> torch.Tensor:
        """Weights `(layer, list, head, from, to)` for lists `(list, position, n_in)`; scratch positions come last.

        Raises:
            InputError: for another shape.
        """
        x = self._encoded(inputs)
        weights = []
        for layer in self.layers:
            source = self.positions if self.positional else x
            assert isinstance(layer, _Layer)
            weights.append(layer.attention(source).expand(len(x), -1, -1, -1))
            x = layer(x, source)
        return torch.stack(weights)

    def _encoded(self, inputs: torch.Tensor) -> torch.Tensor:
        if inputs.ndim != 3 or inputs.shape[1:] != (self.n_positions, self.n_in):
            raise InputError("inputs", tuple(inputs.shape), f"needs (list, {self.n_positions}, {self.n_in})")
        x = nn.functional.pad(inputs, (0, 0, 0, len(self.positions) - self.n_positions))
        if not self.positional:
            x = torch.cat([x, self.positions.expand(len(x), -1, -1)], dim=2)
        return self.encoder(x)


class _Layer(nn.Module):
    """Attention from a source of `n_source` features, and an MLP of two layers that reads x and what was attended."""

    def __init__(self, width: int, n_heads: int, n_source: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.query_key = nn.Linear(n_source, 2 * n_heads * n_source)
        self.value, self.output = nn.Linear(width, width), nn.Linear(width, width)
        for part in (self.query_key, self.value, self.output):
            nn.init.xavier_uniform_(part.weight)
            nn.init.zeros_(part.bias)
        self.mlp = nn.Sequential(nn.Linear(2 * width, width), nn.ReLU(), nn.Linear(width, width))

    def attention(self, source: torch.Tensor) -> torch.Tensor:
        """Weights `(..., head, from, to)` of a source `(..., position, n_source)`."""
        query, key = self.query_key(source).unflatten(-1, (self.n_heads, -1)).transpose(-3, -2).chunk(2, dim=-1)
        return (query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5).softmax(-1)

    def forward(self, x: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
        value = self.value(x).unflatten(-1, (self.n_heads, -1)).transpose(-3, -2)
        attended = self.output((self.attention(source) @ value).transpose(-3, -2).flatten(-2))
        return self.mlp(torch.cat([x, attended], dim=-1))
